"""Rows beside the log, sealed like events: credentials, stream tokens, idempotent replies, accounting."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from onrecord.base import canonical
from onrecord.base.ids import PersonId, TenantId
from onrecord.storage.ports import Record
from onrecord.vault.keystore import KeyClass
from onrecord.vault.vault import Vault


class RecordKind(StrEnum):
    CREDENTIAL = "credential"
    STREAM_TOKEN = "stream_token"  # noqa: S105  the name of a kind, no secret
    NAMED_TOKEN = "named_token"  # noqa: S105  the name of a kind, no secret
    REPLY = "reply"
    ACCOUNTING = "accounting"
    UNSEALED = "unsealed"
    COMMANDED = "commanded"
    ARTIFACT = "artifact"
    RUNNING = "running"
    PACK = "pack"
    PERSON = "person"
    TRIGGERS = "triggers"
    CAPTURE_SYSTEM = "capture_system"
    COMMAND = "command"
    SUBSCRIPTION = "subscription"
    MESSAGE = "message"
    PROMPT = "prompt"
    PROMPT_CURRENT = "prompt_current"
    PROFILE = "profile"
    WITHDRAWAL = "withdrawal"
    UNPLACED = "unplaced"
    REACHING = "reaching"
    LEGAL_BASIS = "legal_basis"


def _bound(tenant: str, kind: str, identifier: str, interaction: str) -> bytes:
    return b"\0".join(part.encode() for part in ("onrecord/record/v1", tenant, kind, identifier, interaction))


def sealed(
    vault: Vault,
    tenant: str,
    kind: RecordKind,
    identifier: str,
    body: object,
    *,
    interaction: str = "",
    persons: Sequence[PersonId] = (),
) -> Record:
    bound = _bound(tenant, kind, identifier, interaction)
    box = vault.seal(TenantId(tenant), persons, KeyClass.RECORD, bound, canonical.dumps(body))
    return Record(kind.value, identifier, interaction, box.keys.encode() + b"\0" + box.blob)


def opened(vault: Vault, tenant: str, record: Record) -> Any:
    """The body. Errors: ErasedError, TamperedError."""
    keys, _, blob = record.blob.partition(b"\0")
    bound = _bound(tenant, record.kind, record.id, record.interaction)
    return canonical.loads(vault.open(TenantId(tenant), keys.decode(), bound, blob))


def places(interaction: str, persons: Iterable[str]) -> list[Record]:
    """Where each person takes part, to be found again by the person's random id alone."""
    return [Record(RecordKind.PERSON, f"{person}/{interaction}", person, b"") for person in persons]
