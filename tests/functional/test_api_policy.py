"""The labelled policy scenarios over real HTTP: every expected state, reason and flag."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from serving import Talk

HEAD = ("sector", "parties", "artifacts_enabled", "policy")


def differences(talk: Talk, scenario: dict[str, Any]) -> list[str]:
    found = []
    for event in sorted(scenario["events"], key=lambda event: event["received"]):
        response = talk.post(event)
        if response.status_code not in {200, 201}:
            found.append(f"{scenario['id']} {event['event_id']}: {response.status_code} {response.text}")
    for point in scenario["checkpoints"]:
        where = f"{scenario['id']} t={point['t']} as_of={point['as_of']}"
        shown = talk.get("/decisions", t=point["t"], as_of=point["as_of"])
        for kind, expected in point["expected"].items():
            wanted = (expected["state"], expected["reason"])
            got = (shown["decisions"][kind]["state"], shown["decisions"][kind]["reason"])
            if got != wanted:
                found.append(f"{where} {kind}: {got}, not {wanted}")
        flags = {flag["flag"] for flag in shown["flags"]}
        found += [f"{where}: lacks {flag}" for flag in set(point["flags"]) - flags]
        found += [f"{where}: has {flag}" for flag in set(point["not_flags"]) & flags]
    return found


def test_scenarios(shared: Path, begin: Callable[..., Talk]) -> None:
    files = sorted((shared / "corpora" / "policy_dev").glob("*.json"))
    assert files
    wrong: list[str] = []
    for file in files:
        scenario = json.loads(file.read_text())
        talk = begin(**{name: scenario[name] for name in HEAD})
        wrong += differences(talk, scenario)
    assert not wrong, "\n".join(wrong)
