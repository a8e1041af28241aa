"""The composition root: the one place that picks drivers, opens keys and data, and joins them."""

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from onrecord.base.clock import SystemClock, day_of
from onrecord.base.ids import TenantId
from onrecord.capture.commanded import RecordingControl
from onrecord.capture.pursuit import DEADLINE_S
from onrecord.connectors.twilio_recordings import API as TWILIO_API
from onrecord.connectors.twilio_recordings import TwilioRecordings
from onrecord.connectors.webhooks import SignedWebhooks
from onrecord.entrypoints import places
from onrecord.entrypoints.packfolder import adopted
from onrecord.ledger.note import Ed25519Signer, Verifier, sign
from onrecord.ledger.sequencer import Sequencer
from onrecord.storage.localfiles import LocalObjectStore
from onrecord.storage.sqlite import SqliteEventStore
from onrecord.vault.keyfile import SqliteKeyStore
from onrecord.vault.keyring import Keyring
from onrecord.vault.keystore import KeyKind
from onrecord.vault.localkms import add_version, check_apart, drop_old_versions, open_local_kms, store_file
from onrecord.vault.vault import Vault
from onrecord.workflow import legal_bases, opt_out, prompts, subscriptions, systems
from onrecord.workflow.commanding import Commanding
from onrecord.workflow.deployment import Deployment, Disk, LoadedPack
from onrecord.workflow.measures import Measures
from onrecord.workflow.outboxes import Outbox
from onrecord.workflow.packs import adopt

TENANT = "default"
WRITERS = 4
READERS = 4


@dataclass(frozen=True, slots=True)
class TwilioAccess:
    """With what Twilio's own recordings are commanded. `api`: an origin other than Twilio's own."""

    account_sid: str
    auth_token: str = field(repr=False)
    api: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """`hold_back` in seconds of media; `packs`: a folder of further policy packs; `command_deadline` in
    seconds: by when a commanded platform is to follow; `strip_embedders`: origins whose pages may show the strip;
    `pack_keys`: verifier keys of those whose signed packs are adopted."""

    data: Path
    keys: Path
    hold_back: float = 5.0
    packs: Path | None = None
    twilio: TwilioAccess | None = None
    command_deadline: float = DEADLINE_S
    strip_embedders: tuple[str, ...] = ()
    pack_keys: tuple[str, ...] = ()


def _packs(settings: Settings, signer: Ed25519Signer) -> tuple[LoadedPack, ...]:
    trusted = [Verifier.parse(key) for key in settings.pack_keys]
    return adopted(settings.packs, trusted, signer, day_of(SystemClock().now_ns()))


@contextlib.contextmanager
def open_deployment(settings: Settings, *, adopting: bool = True) -> Iterator[Deployment]:
    """Errors: OpenError, VaultError (wrong_key_file, keys_beside_data ...), StorageError, LedgerError, PolicyError."""
    check_apart(settings.data, settings.keys)
    with contextlib.ExitStack() as stack:
        stack.enter_context(places.alone(settings.data))
        places.check_keys_stand(settings.data, settings.keys, store_file(settings.keys))
        stack.enter_context(places.keys_alone(store_file(settings.keys).parent))
        kms = open_local_kms(settings.keys)
        keystore = SqliteKeyStore(store_file(settings.keys))
        stack.callback(keystore.close)
        keyring = Keyring(keystore, kms, SystemClock())
        places.bind(settings.data, keystore.deployment_id, log_begun=bool(keystore.of_kind(KeyKind.SIGNING)))
        stand = places.Stand(settings.data, settings.keys, store_file(settings.keys))
        store = SqliteEventStore(settings.data / places.EVENTS, stand.check)
        stack.callback(store.close)
        objects = LocalObjectStore(settings.data / places.OBJECTS)
        places.sync(settings.data)
        stand.begin()
        vault = Vault(keyring, objects)
        signer = Ed25519Signer(
            f"onrecord.local/{keystore.deployment_id}/{TENANT}", vault.signing_seed(TenantId(TENANT))
        )
        measures = Measures()
        sequencer = Sequencer(store, TENANT, signer, signer.verifier.name, measures.committed)
        stack.callback(sequencer.close)
        readers, far_reader, writers = (
            stack.enter_context(ThreadPoolExecutor(threads, name))
            for threads, name in ((READERS, "readers"), (1, "far_reader"), (WRITERS, "writers"))
        )

        def signed(text: bytes) -> bytes:
            return sign(text.decode(), [signer])

        deployment = Deployment(
            tenant=TENANT,
            store=store,
            objects=objects,
            vault=vault,
            sequencer=sequencer,
            clock=SystemClock(),
            packs=_packs(settings, signer),
            sign=signed,
            log_vkey=signer.verifier.vkey,
            hold_back=settings.hold_back,
            executor=readers,
            writers=writers,
            far_reader=far_reader,
            standing=stand.check,
            commanding=Commanding(_controls(settings), settings.command_deadline),
            outbox=Outbox(partial(SignedWebhooks, SystemClock())),
            measures=measures,
            embedders=settings.strip_embedders,
            disk=lambda: _disk(settings.data),
        )
        if adopting:
            adopt(deployment)
        for register in (systems, subscriptions, prompts, legal_bases, opt_out):
            register.load(deployment)
        yield deployment


def _disk(data: Path) -> Disk:
    """Errors: OSError."""
    wal = data / "events.db-wal"
    there = os.statvfs(data)
    return Disk(wal.stat().st_size if wal.exists() else 0, there.f_bavail * there.f_frsize)


def _controls(settings: Settings) -> dict[str, RecordingControl]:
    """Errors: OriginError."""
    twilio = settings.twilio
    if twilio is None:
        return {}
    return {"twilio": TwilioRecordings(twilio.account_sid, twilio.auth_token, twilio.api or TWILIO_API)}


def rotate(keys: Path) -> int:
    """How many tenants' keys now stand under a new version of the root key, which is the only one then.

    Crash: the file holds the old version until all stand under the new one; a repeat completes. Errors: OpenError,
    KeysInUseError where a server runs, VaultError."""
    if not store_file(keys).exists():
        raise places.OpenError("there is no key store beside this key file", code="keys_missing")
    with places.keys_alone(store_file(keys).parent), contextlib.closing(SqliteKeyStore(store_file(keys))) as keystore:
        Keyring(keystore, open_local_kms(keys), SystemClock())  # refuses another store's key before anything is changed
        add_version(keys)
        count = Keyring(keystore, open_local_kms(keys), SystemClock()).rewrap_tenants()
        drop_old_versions(keys)
        return count


@contextlib.contextmanager
def open_records(data: Path, keys: Path) -> Iterator[Deployment]:
    """What is stored there, to be read: nothing is made and nothing adopted. Errors: as of `open_deployment`."""
    if not (data / places.EVENTS).is_file():
        raise places.OpenError("there is no event store in this data folder", code="storage_lost")
    with open_deployment(Settings(data, keys), adopting=False) as deployment:
        yield deployment
