"""Sealed objects of artifacts: written before the event that names them, read in ranges, removed key first."""

import asyncio
import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from onrecord.base.digests import SALT_BYTES, Domain, commit, new_salt
from onrecord.base.errors import OnRecordError
from onrecord.base.ids import ArtifactId, KeyId, ObjectId, PersonId, TenantId
from onrecord.interaction.record import SegmentEntry
from onrecord.signal.encoding import Encoding
from onrecord.vault.keystore import KeyClass
from onrecord.vault.vault import ObjectRef, Plain
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.health import report_error


def _meta(d: Deployment, artifact: str, segment: str) -> bytes:
    """Bound to the object as associated data: what it is and where it belongs."""
    return b"\0".join(part.encode() for part in ("onrecord/segment/v1", d.tenant, artifact, segment))


async def store_object(
    d: Deployment, artifact: ArtifactId, persons: Sequence[PersonId], klass: KeyClass, body: bytes
) -> dict[str, Any]:
    """The fields by which an event names the object. Durable when it returns, its key first.

    Crash: an object and a key that no event names, swept at the next start. Errors: StorageError, VaultError."""
    with _naming(d) as segment:
        ref = await asyncio.get_running_loop().run_in_executor(
            d.writers, d.vault.write, TenantId(d.tenant), persons, klass, _meta(d, artifact, segment), body
        )
    return _fields(segment, ref)


@contextlib.contextmanager
def _naming(d: Deployment) -> Iterator[str]:
    """A segment's name, under which its object is loose where it is not known whether that stands."""
    segment = f"seg_{os.urandom(16).hex()}"
    try:
        yield segment
    except BaseException as error:
        d.loose[segment] = ""
        if isinstance(error, OnRecordError):
            report_error(d, error)
        raise


def _fields(segment: str, ref: ObjectRef) -> dict[str, Any]:
    return {
        "segment": segment,
        "object": ref.object_id,
        "key": ref.key_id,
        "size": ref.size,
        "chunks": ref.chunks,
        "tags": ref.tags_digest.hex(),
    }


def _ref(entry: SegmentEntry) -> ObjectRef:
    return ObjectRef(
        ObjectId(entry.object_id), KeyId(entry.key_id), entry.size, entry.chunks, bytes.fromhex(entry.tags)
    )


async def store_sound(
    d: Deployment, artifact: ArtifactId, persons: Sequence[PersonId], payload: bytearray, encoding: Encoding
) -> dict[str, Any]:
    """As `store_object`, with a commitment to the samples (PCM16) and its salt: played sound can be checked. The
    payload is left as it is meanwhile."""
    salt = new_salt()
    with _naming(d) as segment:
        plain = Plain(persons, KeyClass.AUDIO, _meta(d, artifact, segment), payload)
        written = await d.writing.write(plain, encoding, salt)
    made = {"sound_salt": salt.hex(), "sound_commitment": written.commitment.hex()}
    return {**_fields(segment, written.ref), **made}


async def store_text(d: Deployment, artifact: ArtifactId, persons: Sequence[PersonId], body: bytes) -> dict[str, Any]:
    """As `store_object`, with a commitment to the text. Its salt stays inside the object: words can be guessed."""
    salt = new_salt()
    stored = await store_object(d, artifact, persons, KeyClass.TEXT, salt + body)
    return {**stored, "commitment": commit(Domain.OBJECT, salt, body).hex()}


async def read_text(d: Deployment, artifact: str, entry: SegmentEntry) -> bytes:
    """The whole text. Errors: as `read_object`."""
    return (await read_object(d, artifact, entry))[SALT_BYTES:]


async def read_object(
    d: Deployment, artifact: str, entry: SegmentEntry, start: int = 0, end: int | None = None
) -> bytes:
    """Bytes [start, end) of the plain content. Errors: ErasedError, TamperedError, ObjectMissingError."""
    return await asyncio.get_running_loop().run_in_executor(d.executor, read_range, d, artifact, entry, start, end)


def read_range(d: Deployment, artifact: str, entry: SegmentEntry, start: int, end: int | None) -> bytes:
    """As `read_object`, for a thread that may wait."""
    return d.vault.read(TenantId(d.tenant), _ref(entry), _meta(d, artifact, entry.segment), start, end)


async def remove(d: Deployment, stored: Sequence[Mapping[str, Any]]) -> None:
    """All keys first, then the objects. Idempotent; `stored` as `store_object` gave it."""
    named = [ObjectId(item["object"]) for item in stored]
    await asyncio.get_running_loop().run_in_executor(d.writers, d.vault.shred_objects, TenantId(d.tenant), named)
