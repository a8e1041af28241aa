"""What is made of what: kinds and their sources, from an overlay and from packs."""

from collections.abc import Iterable, Mapping

from onrecord.policy.kinds import Kind

Sources = Mapping[Kind, tuple[Kind, ...]]


def merged(given: Iterable[Sources]) -> dict[Kind, tuple[Kind, ...]]:
    """Of several that speak of one kind all the sources: more of them can only restrict."""
    result: dict[Kind, tuple[Kind, ...]] = {}
    for sources in given:
        for kind, named in sources.items():
            result[kind] = tuple(dict.fromkeys((*result.get(kind, ()), *named)))
    return result


def in_order(sources: Sources) -> tuple[Kind, ...] | None:
    """Kinds with sources, each after its sources; training, which has always some, among them. None: a circle."""
    left: Sources = {Kind.TRAINING_DATA: (), **sources}
    result: list[Kind] = []
    waiting = sorted(left)
    while waiting:
        ready = [kind for kind in waiting if not any(source in waiting for source in left[kind])]
        if not ready:
            return None
        result += ready
        waiting = [kind for kind in waiting if kind not in ready]
    return tuple(result)
