"""Everything a use case reaches: made once by the composition root."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from onrecord.base.clock import Clock
from onrecord.base.ids import TenantId
from onrecord.governance.legal_basis import LegalBasis
from onrecord.governance.triggers import USUAL, Triggers
from onrecord.ledger.sequencer import Sequencer
from onrecord.policy.fold import Fold
from onrecord.policy.kept import Kept
from onrecord.policy.pack import Pack
from onrecord.signal.reference import Reference
from onrecord.storage.ports import EventStore, ObjectStore
from onrecord.vault.vault import Vault
from onrecord.workflow.acks import Acks
from onrecord.workflow.commanding import Commanding
from onrecord.workflow.feed import Feed
from onrecord.workflow.live import Live
from onrecord.workflow.measures import Measures
from onrecord.workflow.outboxes import Outbox
from onrecord.workflow.prompt_register import PromptRegister
from onrecord.workflow.reaching import Reaching
from onrecord.workflow.subscribers import Subscribers
from onrecord.workflow.writing import Writing

SEALED_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class LoadedPack:
    """A policy pack and the signed note over its bytes (C2SP signed-note). `named`: as the opening of an interaction
    names it, one object for all of them."""

    pack: Pack
    note: bytes
    named: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        named = {"id": self.pack.id, "version": self.pack.version, "digest": self.pack.digest}
        object.__setattr__(self, "named", named)


@dataclass(frozen=True, slots=True)
class Disk:
    """In bytes: the write-ahead log of the event store, and what is free beside it. None: not known."""

    wal: int | None = None
    free: int | None = None


@dataclass(slots=True)
class Chosen:
    """The triggers of an opt-out that the tenant has chosen, or the usual ones."""

    chosen: Triggers = USUAL


@dataclass(frozen=True, slots=True)
class Deployment:
    """One tenant's plane in this process, which owns the gates of every stream it holds. `hold_back` in seconds.
    What makes something durable waits in `writers`, what reads in `executor`, what reads far (history, exported sound)
    in `far_reader`, of one thread: nobody who reads holds up a sealing, nor many who read far those who read little.
    `loading`: conversations on their way into memory; `holders`: the tasks that have found one and have not ended;
    `rested_shut`: those that left memory with their gates shut.
    `adopted`: packs of before that are still in use, by digest; `folds`: of the kernel, by the packs and the overlay
    that they fold under; `loose`: objects that perhaps no event names, each with its interaction; under a segment's
    name and without one, what only a sweep can find. `troubles`: see `health`.
    `reaching`: withdrawals that have yet to reach all; `registering` orders what is added to `legal_bases`.
    `sealing` lets in so many segments at once: what they do on the event loop stays a small part of a turn of it.
    `embedders`: origins whose pages may show the agent's strip.
    `disk` looks at the disk each time it is called, and may wait for it; `standing` raises where a file that
    was opened (a store's, the root key's) does not stand in its place any more."""

    tenant: str
    store: EventStore
    objects: ObjectStore
    vault: Vault
    sequencer: Sequencer
    clock: Clock
    packs: tuple[LoadedPack, ...]
    sign: Callable[[bytes], bytes]
    log_vkey: str
    hold_back: float
    executor: ThreadPoolExecutor
    writers: ThreadPoolExecutor
    far_reader: ThreadPoolExecutor
    acks: Acks = field(default_factory=Acks)
    feed: Feed = field(default_factory=Feed)
    commanding: Commanding = field(default_factory=Commanding)
    outbox: Outbox = field(default_factory=Outbox)
    subscribers: Subscribers = field(default_factory=Subscribers)
    prompts: PromptRegister = field(default_factory=PromptRegister)
    references: dict[str, Reference] = field(default_factory=dict)
    reaching: Reaching = field(default_factory=Reaching)
    legal_bases: dict[str, LegalBasis] = field(default_factory=dict)
    registering: asyncio.Lock = field(default_factory=asyncio.Lock)
    embedders: tuple[str, ...] = ()
    triggers: Chosen = field(default_factory=Chosen)
    live: dict[str, Live] = field(default_factory=dict)
    loading: dict[str, asyncio.Task[Live]] = field(default_factory=dict)
    holders: dict[str, set[asyncio.Task[Any]]] = field(default_factory=dict)
    rested_shut: set[str] = field(default_factory=set)
    loose: dict[str, str] = field(default_factory=dict)
    adopted: dict[str, LoadedPack] = field(default_factory=dict)
    folds: Kept[tuple[tuple[str, ...], bytes], Fold] = field(default_factory=Kept)
    troubles: set[str] = field(default_factory=set)
    sealing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SEALED_AT_ONCE))
    measures: Measures = field(default_factory=Measures)
    disk: Callable[[], Disk] = Disk
    standing: Callable[[], None] = lambda: None
    writing: Writing = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "writing", Writing(self.vault, TenantId(self.tenant), self.writers))
