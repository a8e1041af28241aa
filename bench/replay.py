"""Stored conversations judged by other packs: how many a second, of processor time. BENCH_INTERACTIONS says how many
are made first (2000), each with two parties and ten events, sealed and in the log as ever."""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from bench.measure import report, rounds, scratch
from onrecord.entrypoints.bootstrap import Settings, open_deployment, open_records
from onrecord.entrypoints.packfolder import policy_packs
from onrecord.workflow import journal
from onrecord.workflow.admit import NewInteraction, NewParty, admit
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.find import find
from onrecord.workflow.principal import ANY_SOURCE, Principal, Scope
from onrecord.workflow.rejudge import Account, begun_from, checked, rejudge
from onrecord.workflow.tell import tell

_COUNT = int(os.environ.get("BENCH_INTERACTIONS", "2000"))
_AT_ONCE = 64
_ROUNDS = 3
_WHO = Principal("bench", ANY_SOURCE, frozenset(Scope))
_PLACES = ("US-CA", "US-NY", "DE", "GB", "IN", "AU")
_TRIED = b"""format: onrecord-policy-pack/1
id: tried-out
version: 1.0.0
title: "A rule that is tried out"
status: draft
effective: 2020-01-01
scope: always
rules:
  - id: tried-no-score
    when: always
    kinds: [qa_score]
    verdict: never
    reason: NOT_PERMITTED
    citation: "tried out"
    effective: 2020-01-01
    status: draft
"""


def _events(number: int) -> list[dict[str, Any]]:
    fate: dict[str, Any] = {"type": "opt_out", "method": "verbal"} if number % 5 == 0 else {"type": "call_start"}
    told: list[dict[str, Any]] = [
        {"type": "call_start", "t": 0},
        {"type": "prompt_delivered", "t": 2, "prompt_version": "p1", "channel": "ivr"},
        {"type": "consent", "t": 6, "result": "accepted", "method": "keypad", "prompt_version": "p1"},
        {"type": "segment_start", "t": 40, "segment": "payment", "n": 1},
        {"type": "segment_end", "t": 70, "segment": "payment", "n": 1},
        {"type": "transfer", "t": 90, "from": "ivr", "to": "agent", "carries_consent": number % 3 > 0},
        {"type": "prompt_delivered", "t": 95, "prompt_version": "p1", "channel": "agent"},
        {"type": "consent", "t": 99, "result": "accepted", "method": "verbal", "prompt_version": "p1"},
        {"t": 150, **fate},
        {"type": "call_end", "t": 300},
    ]
    return [{"event_id": f"e{place}", **event} for place, event in enumerate(told)]


async def _one(d: Deployment, number: int) -> None:
    parties = (NewParty("customer", _PLACES[number % len(_PLACES)]), NewParty("agent", "US-TX"))
    name, _ = await admit(d, _WHO, NewInteraction("retail", parties))
    await tell(d, await find(d, name), _WHO, _events(number), None)


async def _made(d: Deployment) -> None:
    for start in range(0, _COUNT, _AT_ONCE):
        await asyncio.gather(*(_one(d, number) for number in range(start, min(start + _AT_ONCE, _COUNT))))


def _per_second(work: Callable[[], int]) -> float:
    gc.collect()
    start = time.process_time()
    return work() / (time.process_time() - start)


def replay() -> None:
    with scratch() as folder:
        packs = folder / "packs"
        packs.mkdir()
        (packs / "tried.yaml").write_bytes(_TRIED)
        data, keys = folder / "data", folder / "keys" / "root.key"
        with open_deployment(Settings(data, keys)) as deployment:
            uvloop.run(_made(deployment))
        _measure(data, keys, packs)


def _measure(data: Path, keys: Path, folder: Path) -> None:
    packs = checked(policy_packs(folder))
    with open_records(data, keys) as d:
        accounts: list[Account] = []

        def judged() -> int:
            account = Account()
            for _, interaction in begun_from(d, 0):
                account.add(rejudge(d, packs, interaction))
            accounts.append(account)
            return account.judged

        def opened() -> int:
            names = [interaction for _, interaction in begun_from(d, 0)]
            for interaction in names:
                for row in d.store.events(d.tenant, interaction):
                    journal.read(d, row)
            return len(names)

        made = rounds({"judged": lambda: _per_second(judged), "opened": lambda: _per_second(opened)}, _ROUNDS)
        assert {(account.judged, account.different) for account in accounts} == {(_COUNT, _COUNT)}
    report("replay of stored conversations", "conversations/cpu-s", made["judged"], made["opened"])
    print(f"{_COUNT} conversations; the baseline opens and reads them alone", file=sys.stderr)


FIGURES = {"replay": replay}
