"""Which capture systems a conversation commands, and for want of which contracts some are told nothing of it."""

from collections.abc import Iterable, Sequence
from typing import Any

from onrecord.governance.systems import barred_kinds, kept
from onrecord.interaction.events import Event, Internal
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.journal import internal
from onrecord.workflow.live import Live


def attached(d: Deployment, live: Live, sector: str, enabled: Sequence[str], places: Iterable[str]) -> list[Event]:
    """At admission: every system of this sector that makes a kind which is enabled, and what is barred."""
    now, where = d.clock.now_ns(), list(places)
    events: list[Event] = []
    kinds: dict[str, list[str]] = {}
    lacks: dict[str, list[str]] = {}
    for name, registered in sorted(d.outbox.registered.items()):
        system = registered.system
        own = [kind.value for kind in system.kinds if kind.value in enabled]
        if not own or registered.retired or not system.serves(sector):
            continue
        kinds[name], lacks[name] = own, system.lacks(sector, where, now)
        data = {
            "system": name,
            "name": system.name,
            "kinds": own,
            "deadline": system.deadline,
            "vendor": kept(system)["vendor"],
            "lacking": lacks[name],
        }
        events.append(internal(live, d, Internal.SYSTEM_ATTACHED, data, t=0.0))
    if any(lacks.values()):
        events.append(internal(live, d, Internal.SYSTEM_BARRED, barred(enabled, kinds, lacks), t=0.0))
    return events


def barred(enabled: Iterable[str], kinds: dict[str, list[str]], lacks: dict[str, list[str]]) -> dict[str, Any]:
    out = {name: lacking for name, lacking in sorted(lacks.items()) if lacking}
    return {
        "kinds": barred_kinds(enabled, kinds, out),
        "systems": [{"system": name, "lacking": lacking} for name, lacking in out.items()],
    }
