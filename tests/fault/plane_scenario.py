"""One story on a plane of its own."""

import asyncio

from plane_life import Life


def scenario(told):
    """Runs `told(life)` on a plane of its own, which has recovered."""

    async def whole():
        life = Life(1)
        await life.start()
        life.fault.calm()
        await told(life)
        life.end()

    asyncio.run(whole())


async def elsewhere(doing):
    """In a task of its own, which has ended when this returns."""
    done = await asyncio.create_task(doing)
    await asyncio.sleep(0)
    return done
