"""The capture systems of a conversation: under which contracts each was told what, and what it was read back doing."""

from collections.abc import Mapping
from typing import Any

from onrecord.base.clock import rfc3339
from onrecord.evidence.case import Case
from onrecord.interaction.events import Event, Internal

_OUTCOME = ("acknowledged", "resurrected", "late", "code", "unlike", "seconds", "attempts")


def capture_systems(case: Case) -> list[dict[str, Any]]:
    """Seconds on the conversation's clock. `acknowledged` of a command: None where nothing came of it on record, as of
    one that a newer one took the place of."""
    found: dict[str, dict[str, Any]] = {}
    for _, event in case.of_type(Internal.SYSTEM_ATTACHED):
        data = event.data
        found[data["system"]] = {
            "system": data["system"],
            "name": data["name"],
            "kinds": list(data["kinds"]),
            "deadline": data["deadline"],
            "vendor": _vendor(data["vendor"]),
            "attached_at": rfc3339(event.at),
            "lacking": list(data["lacking"]),
            "barred": [],
            "commands": [],
            "disobeyed": [],
        }
    _add_barred(case, found)
    _add_commands(case, found)
    for _, event in case.of_type(Internal.SYSTEM_DISOBEYED):
        entry = found.get(event.data["system"])
        if entry is not None:
            entry["disobeyed"].append({**event.data, "event_id": event.event_id, "at": rfc3339(event.at)})
    return list(found.values())


def _vendor(vendor: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if vendor is None:
        return None
    contracts = [
        {"type": each["type"], "expires": None if each["expires"] is None else rfc3339(int(each["expires"]))}
        for each in vendor["contracts"]
    ]
    return {"name": vendor["name"], "contracts": contracts, "sub_processors": list(vendor["sub_processors"])}


def _add_barred(case: Case, found: dict[str, dict[str, Any]]) -> None:
    """Each change of what a system lacks."""
    for _, event in case.of_type(Internal.SYSTEM_BARRED):
        lacking = {each["system"]: list(each["lacking"]) for each in event.data["systems"]}
        for name, entry in found.items():
            now = lacking.get(name, [])
            if now or entry["barred"]:
                entry["barred"].append({"t": event.t, "lacking": now, "event_id": event.event_id})
            entry["lacking"] = now


def _add_commands(case: Case, found: dict[str, dict[str, Any]]) -> None:
    made: dict[str, dict[str, Any]] = {}
    for _, event in case.of_type(Internal.SYSTEM_COMMANDED):
        entry = found.get(event.data["system"])
        if entry is not None:
            made[event.data["command"]] = command = _command(event)
            entry["commands"].append(command)
    for _, event in case.of_type(Internal.SYSTEM_ANSWERED):
        told = made.get(event.data["command"])
        if told is not None:
            told["acknowledged"] = event.data["acknowledged"]
            outcome = {name: event.data[name] for name in _OUTCOME}
            told["outcomes"].append({"t": event.t, **outcome, "event_id": event.event_id})


def _command(event: Event) -> dict[str, Any]:
    data = event.data
    return {
        "command": data["command"],
        "action": data["action"],
        "kinds": list(data["kinds"]),
        "verdicts": dict(data["verdicts"]),
        "sent": event.t,
        "sent_at": rfc3339(event.at),
        "event_id": event.event_id,
        "acknowledged": None,
        "outcomes": [],
    }


def rows(case: Case) -> list[dict[str, Any]]:
    """For people: one row a system."""
    return [
        {
            "name": each["name"],
            "kinds": each["kinds"],
            "contracts": _contracts(each),
            "sent": len(each["commands"]),
            "acknowledged": sum(1 for command in each["commands"] if command["acknowledged"]),
            "refused": len(each["disobeyed"]),
        }
        for each in capture_systems(case)
    ]


def _contracts(system: Mapping[str, Any]) -> str:
    vendor = system["vendor"]
    if vendor is None:
        return "none needed: no vendor"
    held = [
        f"{each['type'].upper()}" + (f" until {each['expires'][:10]}" if each["expires"] else "")
        for each in vendor["contracts"]
    ]
    lacks = f"; told nothing for want of {', '.join(system['lacking']).upper()}" if system["lacking"] else ""
    return f"{vendor['name']}: {', '.join(held) or 'none'}{lacks}"
