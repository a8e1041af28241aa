"""Whose feelings may be inferred: of what staff or candidates said alone nothing is taken."""

from collections.abc import Iterable

from onrecord.interaction.record import Conversation
from onrecord.policy.emotion import prohibited


def of_others(c: Conversation, sources: Iterable[str], channels: Iterable[str]) -> bool:
    """Whether a source (artifact id), or a channel of words, is of nobody but those of whom feelings are not
    inferred."""
    barred = {party.person for party in c.parties if prohibited(c.sector, party.role)}
    told = [c.artifacts[source].persons for source in sources if source in c.artifacts]
    told += [c.person_of(channel) for channel in channels]
    return any(persons and barred.issuperset(persons) for persons in told)
