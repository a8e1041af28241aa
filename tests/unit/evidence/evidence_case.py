"""A realistic conversation as a dossier: real commitments, a real tree with other leaves in it, real signatures."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from onrecord.base.digests import Domain, commit, sha256
from onrecord.evidence.build import build
from onrecord.evidence.dossier import Dossier, Missing, Opening
from onrecord.interaction.events import ABOUT_NOBODY, Event, Internal, encode
from onrecord.ledger import leaf, note, tlogproof
from onrecord.ledger.checkpoint import Checkpoint
from onrecord.ledger.proof import inclusion_path
from onrecord.ledger.tree import leaf_hash, node_hash, root_of
from onrecord.policy import pack
from onrecord.policy.kernel import KERNEL
from onrecord.signal.wav import wav_header

INTERACTION = "int_" + "3f" * 16
OTHER = bytes.fromhex("a1" * 16)
RATE = 8000
STARTED = 1_795_000_000_000_000_000
ORIGIN = "log.onrecord.example/acme"
SIGNER = note.Ed25519Signer(ORIGIN, bytes(range(32)))
FORGER = note.Ed25519Signer(ORIGIN, bytes(range(1, 33)))
WITNESS = note.Cosigner("witness.example", bytes(range(2, 34)))
CUSTOMER, AGENT = "prs_" + "c0" * 16, "prs_" + "a6" * 16
ARTIFACT = "art_" + "5e" * 16
TRANSCRIPT = "art_" + "7c" * 16


def sign(text: bytes, signer: note.Ed25519Signer = SIGNER) -> bytes:
    return note.sign(text.decode(), [signer])


def pack_texts() -> list[bytes]:
    """Two policy packs: one of a place, one for payments."""
    rule = "citation: made up\n    effective: 2026-01-01\n    status: draft\n"
    head = "format: onrecord-policy-pack/1\nversion: 1.0.0\nstatus: draft\neffective: 2026-01-01\n"
    place = f"""{head}id: test-place
title: A place
scope: jurisdictions
regimes:
  gdpr: [DE]
treatments:
  - id: place-recording
    kinds: [all]
    purpose: service_quality
    legal_basis: consent
    retention: P90D
rules:
  - id: place-consent
    when: consent_missing
    kinds: [content]
    verdict: never
    reason: AWAITING_CONSENT
    {rule}"""
    payment = f"""{head}id: test-payment
title: Payments
scope: always
rules:
  - id: payment-pause
    when: segment_open
    segments: [payment]
    kinds: [content]
    verdict: pause
    reason: SENSITIVE_SEGMENT
    {rule}"""
    return [place.encode(), payment.encode()]


def salt(n: int) -> bytes:
    return sha256(b"salt" + n.to_bytes(4, "big"))


@dataclass
class Story:
    """Events one after the other; `entries` is the whole log, in which every third leaf is somebody else's."""

    signer: note.Ed25519Signer = SIGNER
    packs: list[bytes] = field(default_factory=pack_texts)
    entries: list[bytes] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    sound: dict[str, bytes] = field(default_factory=dict)
    interaction: str = INTERACTION

    def add(self, kind: str, t: float, received: float | None = None, /, **data: Any) -> Event:
        seq = len(self.openings)
        heard = t if received is None else received
        own = {"event_id": f"ev-{seq:03d}", "type": str(kind), "t": t, "received": heard}
        source = "onrecord" if kind in set(Internal) else "platform"
        event = Event(**own, at=STARTED + round(heard * 1e9), source=source, principal="key_1", data=data)
        self.put(encode(event))
        return event

    def put(self, payload: bytes) -> None:
        if len(self.entries) % 3 == 1:
            self.entries.append(leaf.encode(OTHER, 1, sha256(b"other"), sha256(len(self.entries).to_bytes(4, "big"))))
        seq = len(self.openings)
        previous = leaf_hash(self.openings[-1].entry) if self.openings else leaf.NO_PREVIOUS
        commitment = commit(Domain.EVENT, salt(seq), payload)
        entry = leaf.encode(bytes.fromhex(self.interaction[4:]), seq, previous, commitment)
        self.openings.append(Opening(len(self.entries), seq, entry, salt(seq), payload))
        self.entries.append(entry)

    def seal(self) -> None:
        last = leaf_hash(self.openings[-1].entry).hex()
        self.add(Internal.SEALED, 61.0, events=len(self.openings), last_digest=last)

    def checkpoint(self) -> bytes:
        root = root_of(leaf_hash(entry) for entry in self.entries)
        return note.sign(Checkpoint(ORIGIN, len(self.entries), root).text(), [self.signer])

    def proofs(self, checkpoint: bytes) -> dict[int, bytes]:
        hashes = [leaf_hash(entry) for entry in self.entries]

        def node(height: int, index: int) -> bytes:
            level = hashes
            for _ in range(height):
                level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
            return level[index]

        paths = {o.seq: inclusion_path(o.index, len(hashes), node) for o in self.openings}
        return {o.seq: tlogproof.TlogProof(o.index, paths[o.seq], checkpoint).encode() for o in self.openings}

    def dossier(self) -> Dossier:
        checkpoint = self.checkpoint()
        return Dossier(
            interaction=self.interaction,
            product="onrecord 0.1.0",
            exported_at=STARTED + 90_000_000_000,
            log_vkey=self.signer.verifier.vkey,
            checkpoint=checkpoint,
            openings=tuple(self.openings),
            proofs=self.proofs(checkpoint),
            policy={pack.parse(text).id: sign(text, self.signer) for text in self.packs},
            missing=(Missing("retention", "nothing deletes by schedule yet"),),
            sound=self.sound,
        )

    def build(self, change: Callable[[Dossier], Dossier] = lambda dossier: dossier) -> bytes:
        return build(change(self.dossier()), lambda text: sign(text, self.signer))

    def erase(self, *seqs: int) -> None:
        """Loses the openings after writing that they are gone."""
        erasure = {"erasure": "era_1", "request": 0, "artifacts": [ARTIFACT], "openings": list(seqs)}
        self.add(Internal.ERASURE_INTENDED, 70.0, **erasure, objects=[])
        self.add(Internal.ERASURE_COMPLETED, 71.0, **erasure, objects=0)
        self.openings = [replace(o, salt=None, payload=None) if o.seq in seqs else o for o in self.openings]

    def personal(self) -> list[int]:
        """The seqs of the events that are about somebody."""
        types = {o.seq: kind for o in self.openings for kind in [_type(o)]}
        return [seq for seq, kind in types.items() if kind not in ABOUT_NOBODY]


def _type(opening: Opening) -> str:
    payload = opening.payload or b""
    return payload.split(b'"type":"')[-1].split(b'"')[0].decode()


def opened(packs: list[bytes], **more: Any) -> dict[str, Any]:
    named = [pack.parse(text) for text in packs]
    return {
        "sector": "utility",
        "artifacts_enabled": ["ai_summary", "audio_recording", "disposition", "transcript"],
        "overlay": {},
        "packs": [{"id": p.id, "version": p.version, "digest": p.digest} for p in named],
        "kernel": KERNEL,
        "hold_back": 5.0,
        **more,
    }


def accounting(seconds: float, written: float) -> dict[str, int]:
    zeros = dict.fromkeys(("missing", "silenced_gap", "late", "duplicate", "invalid", "held", "lost", "purged"), 0)
    received, kept = round(seconds * RATE), round(written * RATE)
    return {"received": received, "written": kept, "silenced_policy": received - kept, **zeros}


def segment(
    n: int, start: float, end: float, gaps: list[list[Any]], runs: list[list[Any]], done: float
) -> dict[str, Any]:
    kept = pcm(start, end, gaps)
    proof = sha256(b"sound" + bytes([n]))
    return {
        "artifact": ARTIFACT,
        "track": "customer",
        "persons": [CUSTOMER],
        "classification": "restricted",
        "segment": f"seg_{n:032x}",
        "object": f"obj_{n:032x}",
        "key": f"key_{n:032x}",
        "size": round((end - start) * RATE),
        "chunks": 3,
        "tags": hashlib.sha256(bytes([n])).hexdigest(),
        "epoch": 0,
        "uncertainty": 0,
        "rate": RATE,
        "encoding": "mulaw",
        "start": round(start * RATE),
        "samples": round((end - start) * RATE),
        "gaps": gaps,
        "supersedes": [],
        "runs": runs,
        "accounting": accounting(end, done),
        "sound_salt": proof.hex(),
        "sound_commitment": commit(Domain.OBJECT, proof, kept).hex(),
    }


def pcm(start: float, end: float, gaps: list[list[Any]]) -> bytes:
    """A saw tooth without a zero in it, gaps as zeros."""
    low, high = round(start * RATE), round(end * RATE)
    tooth = b"".join((n % 199 + 1).to_bytes(2, "little") for n in range(199))
    samples = bytearray((tooth * ((high - low) // 199 + 2))[: 2 * (high - low)])
    for gap_start, gap_end, _ in gaps:
        samples[2 * (gap_start - low) : 2 * (gap_end - low)] = bytes(2 * (gap_end - gap_start))
    return bytes(samples)


PAYMENT_GAP = [[20 * RATE, 30 * RATE, "policy"]]


def recorded(seconds: int = 60) -> bytes:
    """The WAV file of the customer's track: sound from 6 to 20 and from 30 to 45."""
    body = bytearray(2 * seconds * RATE)
    for start, end, gaps in ((6, 16, []), (16, 36, PAYMENT_GAP), (36, 45, [])):
        body[2 * start * RATE : 2 * end * RATE] = pcm(start, end, gaps)
    return wav_header(RATE, seconds * RATE) + bytes(body)


def telling(story: Story, name: str = "Mara Feld") -> Story:
    """Notice, consent, payment, transfer, opt-out, end: sound is kept from 6 to 20 and from 30 to 45 seconds."""
    s = story
    s.add(Internal.INTERACTION_OPENED, 0.0, **opened(s.packs))
    s.add(
        Internal.PARTY_ADDED, 0.0, role="customer", jurisdiction="DE", person=CUSTOMER, name=name, phone="+4930000000"
    )
    s.add(Internal.PARTY_ADDED, 0.0, role="agent", jurisdiction="DE", person=AGENT, party_id="desk-1")
    tracks = [{"name": "customer", "rate": RATE, "encoding": "mulaw"}]
    s.add(Internal.STREAM_OPENED, 0.0, stream="str_1", epoch=0, tracks=tracks, artifacts={"customer": ARTIFACT})
    s.add("call_start", 0.0)
    s.add("prompt_delivered", 2.0, prompt_version="notice-3", channel="bot", to="customer")
    s.add("consent", 6.0, result="accepted", method="verbal", prompt_version="notice-3", party="customer")
    first = [[0, 6 * RATE, "policy"], [6 * RATE, 16 * RATE, "passed"]]
    s.add(Internal.SEGMENT_SEALED, 6.0, 21.0, **segment(1, 6, 16, [], first, 10))
    s.add("segment_start", 20.0, segment="payment", n=1)
    s.add("segment_end", 30.0, segment="payment", n=1)
    s.add("transfer", 33.0, **{"from": "bot", "to": "agent", "carries_consent": True})
    second = [[16 * RATE, 20 * RATE, "passed"], *PAYMENT_GAP, [30 * RATE, 36 * RATE, "passed"]]
    s.add(Internal.SEGMENT_SEALED, 16.0, 41.0, **segment(2, 16, 36, PAYMENT_GAP, second, 20))
    s.add("opt_out", 45.0, method="verbal", reason_code="asked")
    third = [[36 * RATE, 45 * RATE, "passed"]]
    s.add(Internal.SEGMENT_SEALED, 36.0, 50.0, **segment(3, 36, 45, [], third, 29))
    s.add("call_end", 60.0)
    s.add(Internal.STREAM_CLOSED, 60.0, stream="str_1", reason="stop")
    rest = [[45 * RATE, 60 * RATE, "policy"]]
    s.add(Internal.TRACK_ACCOUNTED, 60.0, track="customer", runs=rest, accounting=accounting(60, 29))
    s.add(Internal.ARTIFACT_STORED, 6.0, 60.5, **transcript([[0.0, 6.0], [20.0, 30.0], [45.0, 60.0]]))
    s.add(Internal.CONTENT_DISCLOSED, 60.6, artifact=ARTIFACT, principal="key_2", source="any", bytes=[0, 44])
    s.seal()
    s.add(Internal.EVIDENCE_EXPORTED, 80.0, principal="key_2", media="none")
    return s


def transcript(withheld: list[list[float]]) -> dict[str, Any]:
    return {
        "artifact": TRANSCRIPT,
        "kind": "transcript",
        "media_type": "application/json",
        "persons": [CUSTOMER],
        "start": 0.0,
        "end": 60.0,
        "state": "active",
        "classification": "confidential",
        "sources": [[ARTIFACT, 0.0, 60.0]],
        "withheld": withheld,
        "form": "words",
        "segment": "seg_" + "f" * 32,
        "object": "obj_" + "f" * 32,
        "key": "key_" + "f" * 32,
        "size": 900,
        "chunks": 1,
        "tags": "ab" * 32,
        "supersedes": [],
    }


def small() -> Story:
    """A conversation that nobody recorded: few events and one policy pack, for tests over every byte."""
    s = Story()
    s.packs = s.packs[:1]
    s.add(Internal.INTERACTION_OPENED, 0.0, **opened(s.packs))
    s.add(Internal.PARTY_ADDED, 0.0, role="customer", jurisdiction="DE", person=CUSTOMER)
    s.add("call_end", 3.0)
    s.seal()
    return s
