"""Builds the pack of one interaction: bytes in, bytes out."""

from collections.abc import Callable

from onrecord.base.errors import OnRecordError
from onrecord.evidence import container, manifest, openings, read
from onrecord.evidence.account import evidence_json
from onrecord.evidence.case import Case
from onrecord.evidence.dossier import Dossier
from onrecord.evidence.errors import DossierError
from onrecord.evidence.media import accounting_json, media_json
from onrecord.evidence.summary import summary_html
from onrecord.evidence.vcon import vcon_json

DERIVED = ("accounting.json", "evidence.json", "media.json", "summary.html", "vcon.json")


def proof_name(seq: int) -> str:
    return f"proofs/{seq:08d}.tlog-proof"


def policy_name(pack: str) -> str:
    return f"policy/{pack}.note"


def sound_name(artifact: str) -> str:
    return f"sound/{artifact}.wav"


def derived(case: Case, vkey: str) -> dict[str, bytes]:
    """The members that follow from the openings. A verifier makes them again and compares bytes."""
    return {
        "accounting.json": accounting_json(case),
        "evidence.json": evidence_json(case),
        "media.json": media_json(case),
        "summary.html": summary_html(case, vkey),
        "vcon.json": vcon_json(case),
    }


def build(dossier: Dossier, sign: Callable[[bytes], bytes]) -> bytes:
    """The pack. `sign` makes a signed note over a text with the key of `log_vkey`. Errors: DossierError where the
    dossier does not hold together; what `sign` raises."""
    if not dossier.openings or sorted(dossier.proofs) != [opening.seq for opening in dossier.openings]:
        raise DossierError("a pack has one proof for each opening, and at least one opening")
    try:
        members = {**derived(_case(dossier), dossier.log_vkey), "events.jsonl": openings.to_bytes(dossier.openings)}
    except read.SHAPE as error:
        raise DossierError("an event lacks a field that its type has") from error
    except OnRecordError as error:
        raise DossierError(f"the dossier does not hold together: {error.diagnostics()}") from error
    members["checkpoint"] = dossier.checkpoint
    members.update((proof_name(seq), proof) for seq, proof in dossier.proofs.items())
    members.update((policy_name(pack), note) for pack, note in dossier.policy.items())
    members.update((sound_name(artifact), sound) for artifact, sound in dossier.sound.items())
    head = manifest.to_bytes(
        manifest.Manifest(
            interaction=dossier.interaction,
            product=dossier.product,
            exported_at=dossier.exported_at,
            log_vkey=dossier.log_vkey,
            missing=dossier.missing,
            members=tuple(manifest.member(name, members[name]) for name in container.in_order(members)),
        )
    )
    note = sign(manifest.note_text(dossier.interaction, head))
    return container.write({"manifest.json": head, "manifest.note": note, **members})


def _case(dossier: Dossier) -> Case:
    events = read.events_of(dossier.openings)
    conversation = read.fold_of(dossier.interaction, events)
    erased = tuple(opening.seq for opening in dossier.openings if opening.payload is None)
    packs = read.packs_of(dossier.policy, dossier.log_vkey)
    named = read.named_packs(conversation)
    if [(p.id, p.digest) for p in packs] != [(p.id, p.digest) for p in named]:
        raise DossierError("the policy packs are not those that the interaction was opened under")
    return Case(
        interaction=dossier.interaction,
        product=dossier.product,
        exported_at=dossier.exported_at,
        missing=dossier.missing,
        log=read.log_of(dossier.checkpoint, dossier.log_vkey),
        openings=dossier.openings,
        events=events,
        erased=erased,
        conversation=conversation,
        replay=read.replay_of(events, conversation, len(erased), packs, dossier.exported_at),
        packs=named,
        sound=dossier.sound,
    )
