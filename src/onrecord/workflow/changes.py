"""What a step from one timeline to the next changed, as messages for those who listen."""

from collections.abc import Mapping

from onrecord.policy.kernel import Timeline
from onrecord.workflow.feed import Message


def messages(
    interaction: str, before: Timeline, after: Timeline, indices: Mapping[str, int], last: int
) -> list[Message]:
    """One per kind and instant whose verdict, state or reason changed, also in the past. `indices`: leaf index by
    event id; what another event than these now causes counts to `last`."""
    counts: dict[int, int] = {}
    found: list[Message] = []
    for t, change in after.changes_since(before):
        index = indices.get(change.cause or "", last)
        ordinal = counts.get(index, 0)
        counts[index] = ordinal + 1
        words = change.ruling.words
        told = (words["verdict"], words["state"], words["reason"])
        found.append(Message(index, ordinal, interaction, change.ruling.kind.value, t, *told, change.cause))
    found.sort()
    return found
