"""What a step from one timeline to the next changed, as messages for those who listen."""

from collections.abc import Mapping

from onrecord.policy.kernel import Timeline
from onrecord.policy.stepwise import Steps
from onrecord.workflow.feed import Feed, Message
from onrecord.workflow.turns import SLICE, stepwise, turn


def messages(
    interaction: str, before: Timeline, after: Timeline, indices: Mapping[str, int], last: int
) -> Steps[list[Message]]:
    """One per kind and instant whose verdict, state or reason changed, also in the past; then one per instant at which
    what agent and bot are to do changed. `indices`: leaf index by
    event id; what another event than these now causes counts to `last`."""
    counts: dict[int, int] = {}
    found: list[Message] = []
    for t, _, change in after.changes_since(before):
        index = indices.get(change.cause or "", last)
        ordinal = counts.get(index, 0)
        counts[index] = ordinal + 1
        words = change.ruling.words
        told = (words["verdict"], words["state"], words["reason"])
        found.append(Message(index, ordinal, interaction, change.ruling.kind.value, t, *told, change.cause))
        yield
    for t, directives, cause in after.directed_since(before):
        index = indices.get(cause or "", last)
        ordinal = counts.get(index, 0)
        counts[index] = ordinal + 1
        found.append(Message(index, ordinal, interaction, "", t, "", "", "", cause, directives))
        yield
    found.sort()
    return found


async def publish(feed: Feed, making: Steps[list[Message]]) -> None:
    """One post's after the other's, in the order in which they were stored; nothing is made that nobody wants."""
    async with feed.order:
        if not feed.wanted():
            return
        made = await stepwise(making)
        for start in range(0, len(made), SLICE):
            if start:
                await turn()
            feed.publish(made[start : start + SLICE])
