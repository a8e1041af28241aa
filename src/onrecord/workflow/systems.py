"""The register of capture systems."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from onrecord.base.clock import rfc3339
from onrecord.governance import systems
from onrecord.governance.systems import System
from onrecord.storage.ports import Record
from onrecord.workflow import outbox, outbox_keeper, outbox_lane
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import NotFoundError, RegisterFullError
from onrecord.workflow.outboxes import Registered
from onrecord.workflow.principal import Credentials, Principal, Scope
from onrecord.workflow.side_records import RecordKind, opened, sealed

MAX_SYSTEMS = 100
SECRET_BYTES = 32


def load(d: Deployment) -> None:
    """What is registered, and what is on its way. Errors: StorageError, VaultError, OriginError."""
    if d.outbox.make is None:
        return
    for record in d.store.records(d.tenant, RecordKind.CAPTURE_SYSTEM):
        body = opened(d.vault, d.tenant, record)
        _take(d, Registered(systems.unkept(body["system"]), bytes.fromhex(body["key"]), bool(body["retired"])))
    outbox.load(d)


def _take(d: Deployment, registered: Registered) -> None:
    system = registered.system
    lane = d.outbox.lanes.get(system.id)
    if lane is None:
        lane = outbox_keeper.open_lane(d, registered)
    lane.registered = d.outbox.registered[system.id] = registered
    lane.expiry = system.next_expiry(d.clock.now_ns())


def _record(d: Deployment, registered: Registered) -> Record:
    body = {
        "system": systems.kept(registered.system),
        "key": registered.key.hex(),
        "retired": registered.retired,
    }
    return sealed(d.vault, d.tenant, RecordKind.CAPTURE_SYSTEM, registered.system.id, body)


async def register(d: Deployment, principal: Principal, raw: Mapping[str, Any]) -> tuple[str, str]:
    """(id, secret). From now on conversations that are admitted command it. Errors: ForbiddenError, InvalidSystemError,
    OriginError, RegisterFullError, StorageError."""
    principal.need(Scope.SYSTEMS_ADMIN)
    secret = raw.get("secret")
    key = os.urandom(SECRET_BYTES) if secret is None else systems.secret_key(secret)
    system = systems.parse(f"sys_{os.urandom(16).hex()}", raw)
    registered = Registered(system, key)
    async with d.outbox.lock:
        if len(d.outbox.registered) >= MAX_SYSTEMS:
            raise RegisterFullError("the register holds as many systems as it may")
        lane = outbox_keeper.open_lane(d, registered)
        try:
            await _keep(d, registered)
        except BaseException:
            del d.outbox.lanes[system.id]
            await lane.outside.close()
            raise
        _take(d, registered)
        outbox_lane.start(d, lane)
    return system.id, systems.secret_of(key)


async def _keep(d: Deployment, registered: Registered) -> None:
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(d.writers, d.store.put, d.tenant, [_record(d, registered)])


def find(d: Deployment, identifier: str) -> System:
    """Errors: NotFoundError."""
    registered = d.outbox.registered.get(identifier)
    if registered is None or registered.retired:
        raise NotFoundError("there is no such capture system")
    return registered.system


def shown(d: Deployment, system: System) -> dict[str, Any]:
    body = systems.kept(system)
    for contract in (body["vendor"] or {}).get("contracts", ()):
        expires = contract["expires"]
        contract["expires"] = None if expires is None else rfc3339(int(expires))
    lane = d.outbox.lanes[system.id]
    waiting = sum(1 for pair in lane.pairs.values() if not pair.pursuit.followed)
    return {**body, "waiting": waiting}


def listed(d: Deployment) -> list[dict[str, Any]]:
    return [shown(d, each.system) for each in d.outbox.registered.values() if not each.retired]


async def remove(d: Deployment, credentials: Credentials, principal: Principal, identifier: str) -> None:
    """It is told to stop wherever it captures, has its deadline to confirm that, and is told nothing any more. Its keys
    end at once. Errors: ForbiddenError, NotFoundError, StorageError."""
    principal.need(Scope.SYSTEMS_ADMIN)
    system = find(d, identifier)
    registered = d.outbox.registered[identifier]
    async with d.outbox.lock:
        await _keep(d, Registered(system, registered.key, retired=True))
        _take(d, Registered(system, registered.key, retired=True))
    loop = asyncio.get_running_loop()
    for known in credentials.list():
        if known.system == identifier:
            await loop.run_in_executor(d.writers, credentials.revoke, known.id)
    d.outbox.due.update(dict.fromkeys(d.outbox.lanes[identifier].pairs, 0.0))
