"""Stored replies: the same key and the same request get the same answer, and nothing happens twice."""

import hashlib
from collections.abc import Sequence
from typing import Any

from onrecord.base import canonical
from onrecord.base.ids import PersonId, TenantId
from onrecord.storage.ports import Record
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import IdempotencyMismatchError
from onrecord.workflow.live import Live
from onrecord.workflow.principal import Principal
from onrecord.workflow.side_records import RecordKind, opened, sealed


class Replies:
    """One request under an `Idempotency-Key`, or under none."""

    def __init__(
        self, d: Deployment, live: Live, principal: Principal, call: str, key: str | None, request: object
    ) -> None:
        self._d = d
        self._live = live
        self._id: str | None = None
        if key is not None:
            named = canonical.dumps([principal.source, live.conversation.interaction, call, key])
            self._id = d.vault.blind(TenantId(d.tenant), named).hex()
            self._request = hashlib.sha256(canonical.dumps(request)).hexdigest()

    @property
    def keyed(self) -> bool:
        return self._id is not None

    def earlier(self) -> tuple[int, dict[str, Any]] | None:
        """(status, body) of the first answer. Errors: IdempotencyMismatchError."""
        if self._id is None:
            return None
        record = self._d.store.record(self._d.tenant, RecordKind.REPLY, self._id)
        if record is None:
            return None
        kept = opened(self._d.vault, self._d.tenant, record)
        if kept["request"] != self._request:
            raise IdempotencyMismatchError("this `Idempotency-Key` was used for another request")
        return kept["status"], kept["body"]

    def record(self, status: int, body: dict[str, Any]) -> Sequence[Record]:
        if self._id is None:
            return ()
        kept = {"request": self._request, "status": status, "body": body}
        persons = [PersonId(p) for p in self._live.conversation.person_of(None)]
        interaction = self._live.conversation.interaction
        return [
            sealed(
                self._d.vault,
                self._d.tenant,
                RecordKind.REPLY,
                self._id,
                kept,
                interaction=interaction,
                persons=persons,
            )
        ]
