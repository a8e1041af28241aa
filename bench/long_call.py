"""What the thousandth event of a call costs beside the tenth: CPU of the whole process, from the post to the answer.

In process through `tell`, on the real stores; over HTTP from one connection, of the server's CPU. Verdicts change all
the way: payment stretches, consents, transfers, opt-outs, acknowledged stops. With `late`, every fifth event is
heard of half a minute after it happened; the hundredth is then the measure, before which half a minute has not passed.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import uvloop

from bench.api import Server, apart, onrecord_in, post, serving
from bench.measure import report, scratch
from onrecord.entrypoints.bootstrap import Settings, open_deployment
from onrecord.workflow.admit import NewInteraction, NewParty, admit
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.find import find
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.tell import tell

_CALLS = 5
_EVENTS = 1000
_AROUND = 10  # events either side of the one that is measured, for the whole mix
_GOAL = 1.1
_LATE_FROM = 90
_WHO = Principal("bench", "any", frozenset(Scope))
_POLICY = {"capture_acks": "required", "stop_ack_timeout_s": 5}
_ACK = ["audio_recording", "transcript", "live_captions", "ai_summary", "sentiment"]
_CONSENT = {"type": "consent", "result": "accepted", "method": "verbal", "prompt_version": "p1"}
_MIX: list[dict[str, Any]] = [
    {"type": "segment_start", "segment": "payment"},
    {"type": "capture_ack", "kinds": _ACK, "action": "pause"},
    {"type": "segment_end", "segment": "payment"},
    {"type": "opt_out", "kinds": ["sentiment", "qa_score"]},
    {"type": "capture_ack", "kinds": ["sentiment"], "action": "stop"},
    {"type": "opt_in", "kinds": ["sentiment", "qa_score"]},
    {"type": "prompt_delivered", "prompt_version": "p1", "channel": "agent"},
    _CONSENT,
    {"type": "transfer", "carries_consent": False, "to": "desk-2"},
    _CONSENT,
]


def _events(late: bool) -> list[dict[str, Any]]:
    """In the order in which they are heard of, a second apart."""
    made = [{**_MIX[n % len(_MIX)], "t": 10.0 + n, "received": 10.0 + n} for n in range(_EVENTS + _AROUND)]
    for event in made[4::5] if late else ():
        event["t"] = max(0.0, event["t"] - 30.5)
    return made


def _figures(name: str, calls: list[tuple[float, float]]) -> None:
    """`calls`: microseconds of CPU for an event around the thousandth, and around the tenth, of each call. The least
    of all calls counts: it is what others on the machine have disturbed least."""
    value, base = (min(column) for column in zip(*calls, strict=True))
    report(name, "us CPU", [value], [base])
    report(f"{name}-ratio", "times the early one", [last / base for last, _ in calls if last == value], goal_max=_GOAL)


async def _told(d: Deployment, late: bool) -> tuple[float, float]:
    head = NewInteraction(parties=(NewParty("customer", "IE"), NewParty("agent", "IE")), policy=_POLICY)
    interaction, _ = await admit(d, _WHO, head)
    live = await find(d, interaction)
    costs: list[float] = []
    for event in _events(late):
        start = time.process_time()
        await tell(d, live, _WHO, [event], None)
        costs.append((time.process_time() - start) * 1e6)
    first = _LATE_FROM if late else 0
    return statistics.fmean(costs[-2 * _AROUND :]), statistics.fmean(costs[first : first + 2 * _AROUND])


def _in_process(late: bool) -> None:
    async def calls(d: Deployment) -> list[tuple[float, float]]:
        return [await _told(d, late) for _ in range(_CALLS)]

    with scratch() as folder, open_deployment(Settings(folder / "data", folder / "keys" / "root.key")) as d:
        _figures("event-1000-late" if late else "event-1000", uvloop.run(calls(d)))


async def _posted(server: Server, late: bool) -> tuple[float, float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

    async def ask(path: str, body: object) -> Any:
        writer.write(post(path, server.key, json.dumps(body).encode()))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        return json.loads(await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0])))

    parties = [{"role": "customer", "jurisdiction": "IE"}, {"role": "agent", "jurisdiction": "IE"}]
    call = (await ask("", {"parties": parties, "policy": _POLICY}))["id"]
    marks: list[float] = []
    for number, event in enumerate(_events(late)):
        if number in {0, 2 * _AROUND, _EVENTS - _AROUND}:
            marks.append(server.cpu())
        assert "decisions" in await ask(f"/{call}/events", event)
    writer.close()
    each = 1e6 / (2 * _AROUND)
    return (server.cpu() - marks[2]) * each, (marks[1] - marks[0]) * each


def _over_http() -> None:
    with apart() as core, scratch() as folder, serving(onrecord_in(folder), folder, core) as server:
        _figures("event-1000-http", [uvloop.run(_posted(server, late=False)) for _ in range(_CALLS)])


FIGURES: dict[str, Callable[[], None]] = {
    "event-1000": partial(_in_process, late=False),
    "event-1000-late": partial(_in_process, late=True),
    "event-1000-http": _over_http,
}
