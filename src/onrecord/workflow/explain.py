"""Why an interaction has the verdict that it has."""

import asyncio
from typing import Any

from onrecord.policy.explanation import explanation
from onrecord.policy.kernel import Timeline, replay
from onrecord.policy.kinds import Kind
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Live


async def explain(d: Deployment, live: Live, kind: Kind, t: float | None, as_of: float | None) -> dict[str, Any]:
    """For instant `t` as known at `as_of`, both in seconds; now where not given. Of what is durable: a closing that is
    accepted and not stored yet is not in it."""
    now = live.now(live.clock_ns(d.clock))
    timeline, known = live.timeline, max(now, live.conversation.last_received) if as_of is None else as_of
    moment = now if t is None else t

    def work(timeline: Timeline) -> dict[str, Any]:
        if as_of is not None:
            timeline = replay(timeline.policy, timeline.head, list(timeline.facts), as_of)
        return explanation(timeline, kind, moment)

    told = await asyncio.get_running_loop().run_in_executor(d.executor, work, timeline)
    return {"interaction": live.conversation.interaction, "as_of": known, **told}
