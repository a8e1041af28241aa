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
        made = change.ruling
        found.append(
            Message(
                leaf_index=index,
                ordinal=ordinal,
                interaction=interaction,
                kind=made.kind.value,
                t=t,
                verdict=made.verdict.word,
                state=made.state.value,
                reason=made.reason,
                cause=change.cause,
            )
        )
    found.sort()
    return found
