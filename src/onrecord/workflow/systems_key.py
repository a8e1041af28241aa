"""What a key of a capture system may say, and what it says of after its stop."""

from collections.abc import Iterable, Sequence

from onrecord.base.stretch import Stretch, normalise
from onrecord.interaction.events import Event, Internal
from onrecord.policy.kinds import Kind
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import ForbiddenError, SourceNotEntitledError
from onrecord.workflow.live import Live, Verdicts
from onrecord.workflow.notices import notice
from onrecord.workflow.principal import Principal

EDGE_S = 0.5  # what lies so close behind a closing may have been on its way
REPORT = "capture_report"


def check_event(live: Live, principal: Principal, event: Event) -> None:
    """It reports of its own kinds where it is commanded. That it follows is read back, not told: it acknowledges
    nothing. Errors: SourceNotEntitledError."""
    if principal.system is None:
        return
    entry = live.conversation.systems.get(principal.system)
    own = entry is not None and not entry.lacking and set(event.data.get("kinds", ())) <= set(entry.kinds)
    if event.type != REPORT or not own:
        raise SourceNotEntitledError("a capture system reports of its own kinds alone", event.type)


def check_kind(live: Live, principal: Principal, kind: Kind) -> None:
    """Of an artifact. Errors: ForbiddenError."""
    if principal.system is None:
        return
    entry = live.conversation.systems.get(principal.system)
    if entry is None or kind.value not in entry.kinds:
        raise ForbiddenError("a capture system posts artifacts of its own kinds alone, where it is commanded")


def report_after_stop(d: Deployment, live: Live, system: str, events: Iterable[Event]) -> None:
    """Reports of a system that it captures what is closed."""
    for event in events:
        if event.type == REPORT and event.data.get("state") == "capturing":
            kinds = [kind for kind in event.data["kinds"] if _after(live, Kind(kind), [(event.t, event.t)])]
            if kinds:
                _say(d, live, {"system": system, "kinds": kinds, "what": "report", "start": event.t, "end": event.t})


def artifact_after_stop(
    d: Deployment, live: Live, principal: Principal, kind: Kind, reach: Sequence[tuple[float, float]]
) -> None:
    """`reach`: the stretches, in seconds, that the data is about. Of a vendor without its contract nothing is taken.
    Errors: ForbiddenError."""
    if principal.system is None:
        return
    barred = bool(live.conversation.systems[principal.system].lacking)
    if reach and (barred or _after(live, kind, reach)):
        start, end = min(s for s, _ in reach), max(e for _, e in reach)
        data = {"system": principal.system, "kinds": [kind.value], "what": "artifact", "start": start, "end": end}
        _say(d, live, data)
    if barred:
        raise ForbiddenError("the vendor lacks a contract that this conversation needs")


def _after(live: Live, kind: Kind, reach: Sequence[tuple[float, float]]) -> bool:
    """Whether any of it lies in a closed stretch, beyond its edge."""
    until = max(end for _, end in reach) + 1.0
    verdicts = Verdicts(live.timeline, kind, live.closings)
    shut = [Stretch(max(start, 0.0), end) for start, end in normalise(verdicts.closed(0.0, until))]
    return any(end >= low + EDGE_S and start < high for start, end in reach for low, high in shut)


def _say(d: Deployment, live: Live, data: dict[str, object]) -> None:
    notice(d, live, Internal.SYSTEM_DISOBEYED, data, live.now(live.clock_ns(d.clock)))
