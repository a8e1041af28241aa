"""Packs that are tried out beside those that are there."""

from collections.abc import Sequence

from onrecord.policy.pack import Pack


def instead(known: Sequence[Pack], own: Sequence[Pack]) -> tuple[Pack, ...]:
    """`known` and `own`; of two packs of one id that would bind on one day, that of `own` alone."""
    return (*(pack for pack in known if not any(_displaces(other, pack) for other in own)), *own)


def _displaces(own: Pack, known: Pack) -> bool:
    apart = (own.until is not None and own.until <= known.effective) or (
        known.until is not None and known.until <= own.effective
    )
    return own.id == known.id and not apart
