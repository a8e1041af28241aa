"""Registers notices and scripts, their sound, and which version is current. What is registered never changes.

Order: the object of a sound is durable before the record that names it; what is registered can be named by events only
once it is durable."""

import asyncio
import contextlib
import hashlib
from collections.abc import Mapping
from typing import Any

from onrecord.base.errors import OnRecordError
from onrecord.base.ids import ArtifactId, TenantId
from onrecord.governance import prompts
from onrecord.governance.prompts import Prompt
from onrecord.interaction.record import SegmentEntry
from onrecord.signal.wavread import Wave, read_wav
from onrecord.storage.ports import StorageUnknownError
from onrecord.vault.keystore import KeyClass
from onrecord.workflow.contents import read_range, remove, store_object
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.errors import ConflictingPromptError, NotFoundError, PromptUnknownError, RegisterFullError
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.prompt_register import Audio, Entry
from onrecord.workflow.side_records import RecordKind, opened, sealed

MAX_AUDIO_BYTES = 16 * 1024 * 1024
MAX_PROMPTS = 2_000


def load(d: Deployment) -> None:
    """What is registered, into memory. Errors: StorageError, VaultError."""
    found = [opened(d.vault, d.tenant, record) for record in d.store.records(d.tenant, RecordKind.PROMPT)]
    for body in sorted(found, key=lambda body: int(body["at"])):
        audio = None if body["audio"] is None else Audio(**body["audio"])
        d.prompts.add(Entry(prompts.parse(body["prompt"]), int(body["at"]), audio))
    for record in d.store.records(d.tenant, RecordKind.PROMPT_CURRENT):
        body = opened(d.vault, d.tenant, record)
        d.prompts.current[body["prompt_id"]] = body["version"]


def objects(d: Deployment) -> set[str]:
    """Ids of the objects that the register names."""
    return {entry.audio.stored["object"] for entry in d.prompts.all() if entry.audio is not None}


async def register(d: Deployment, principal: Principal, raw: Mapping[str, Any]) -> tuple[Prompt, bool]:
    """The prompt, and whether it is new. Errors: ForbiddenError, InvalidPromptError, ConflictingPromptError,
    RegisterFullError, StorageError."""
    principal.need(Scope.PROMPTS_WRITE)
    prompt = prompts.parse(raw)
    async with d.prompts.lock:
        known = d.prompts.find(prompt.prompt_id, prompt.version)
        if known is not None:
            if known.prompt != prompt:
                raise ConflictingPromptError("this version is registered with another content: a new text is a new one")
            return known.prompt, False
        if sum(1 for _ in d.prompts.all()) >= MAX_PROMPTS:
            raise RegisterFullError("the register holds as many prompts as it may")
        await _keep(d, Entry(prompt, d.clock.now_ns()))
    return prompt, True


async def make_current(d: Deployment, principal: Principal, prompt_id: str, version: str) -> None:
    """From now on an interaction is admitted under it: a consent to another version of this prompt is stale there.
    Those admitted before are told by `prompt_version_changed`. Errors: ForbiddenError, NotFoundError,
    PromptUnknownError, StorageError."""
    principal.need(Scope.PROMPTS_WRITE)
    if prompt_id not in d.prompts.versions:
        raise NotFoundError("there is no such prompt")
    if d.prompts.find(prompt_id, version) is None:
        raise PromptUnknownError("this version is not registered")
    async with d.prompts.lock:
        body = {"prompt_id": prompt_id, "version": version}
        record = sealed(d.vault, d.tenant, RecordKind.PROMPT_CURRENT, _blind(d, prompt_id), body)
        await asyncio.get_running_loop().run_in_executor(d.writers, d.store.put, d.tenant, [record])
        d.prompts.current[prompt_id] = version


async def store_audio(
    d: Deployment, principal: Principal, prompt_id: str, version: str, data: bytes
) -> tuple[Entry, bool]:
    """The entry with its sound, and whether that is new. Errors: ForbiddenError, NotFoundError, SignalError
    (`wav_refused`), ConflictingPromptError where another sound stands, StorageError, VaultError."""
    principal.need(Scope.PROMPTS_WRITE)
    wave = await asyncio.get_running_loop().run_in_executor(d.executor, read_wav, data)
    digest = hashlib.sha256(data).hexdigest()
    async with d.prompts.lock:
        known = d.prompts.find(prompt_id, version)
        if known is None:
            raise NotFoundError("there is no such prompt")
        if known.audio is not None:
            if known.audio.sha256 != digest:
                raise ConflictingPromptError("this version has another sound: a new one is a new version")
            return known, False
        stored = await store_object(d, _place(known.prompt), (), KeyClass.AUDIO, data)
        entry = Entry(known.prompt, known.at, _audio(digest, wave, stored))
        try:
            await _keep(d, entry)
        except StorageUnknownError:
            raise
        except OnRecordError:
            with contextlib.suppress(OnRecordError):  # else the sweep of the next start takes it
                await remove(d, [stored])
            raise
    return entry, True


def _audio(digest: str, wave: Wave, stored: Mapping[str, Any]) -> Audio:
    return Audio(digest, wave.encoding.value, wave.rate, wave.seconds, stored)


async def sound_of(d: Deployment, prompt_id: str, version: str) -> Wave | None:
    """The sound of a prompt; None where it has none. Errors: StorageError, VaultError."""
    entry = d.prompts.find(prompt_id, version)
    if entry is None or entry.audio is None:
        return None
    return read_wav(await audio_of(d, entry))


async def audio_of(d: Deployment, entry: Entry) -> bytes:
    """The WAV file as it was given. Errors: NotFoundError, StorageError, VaultError."""
    if entry.audio is None:
        raise NotFoundError("this prompt has no sound")
    at = entry.audio.stored
    segment = SegmentEntry(at["segment"], at["object"], at["key"], at["size"], at["chunks"], at["tags"])
    place = _place(entry.prompt)
    return await asyncio.get_running_loop().run_in_executor(d.executor, read_range, d, place, segment, 0, None)


async def _keep(d: Deployment, entry: Entry) -> None:
    """Durable, then known. Under the lock."""
    audio = entry.audio
    body = {
        "prompt": entry.prompt.fixed(),
        "at": str(entry.at),
        "audio": None
        if audio is None
        else {
            "sha256": audio.sha256,
            "encoding": audio.encoding,
            "rate": audio.rate,
            "seconds": audio.seconds,
            "stored": dict(audio.stored),
        },
    }
    record = sealed(d.vault, d.tenant, RecordKind.PROMPT, _blind(d, entry.prompt.name), body)
    await asyncio.get_running_loop().run_in_executor(d.writers, d.store.put, d.tenant, [record])
    d.prompts.add(entry)


def _blind(d: Deployment, name: str) -> str:
    return d.vault.blind(TenantId(d.tenant), f"prompt\n{name}".encode()).hex()


def _place(prompt: Prompt) -> ArtifactId:
    """What the object is bound to."""
    return ArtifactId(f"prompt/{prompt.name}")


def listed(d: Deployment) -> list[dict[str, Any]]:
    return [shown(d, prompt_id) for prompt_id in sorted(d.prompts.versions)]


def shown(d: Deployment, prompt_id: str) -> dict[str, Any]:
    """Errors: NotFoundError."""
    versions = d.prompts.versions.get(prompt_id)
    if versions is None:
        raise NotFoundError("there is no such prompt")
    return {
        "prompt_id": prompt_id,
        "current": d.prompts.current.get(prompt_id),
        "versions": [_version(entry) for entry in versions.values()],
    }


def _version(entry: Entry) -> dict[str, Any]:
    shown = {**entry.prompt.fixed(), "sha256": entry.prompt.sha256, "audio": audio_shown(entry)}
    return {name: value for name, value in shown.items() if name != "prompt_id"}


def audio_shown(entry: Entry) -> dict[str, Any] | None:
    audio = entry.audio
    if audio is None:
        return None
    return {"sha256": audio.sha256, "encoding": audio.encoding, "sample_rate": audio.rate, "seconds": audio.seconds}
