"""Looks at everything that the demo left behind: the pack, raw bytes on disk, and every object decrypted."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from onrecord.base.stretch import normalise, overlaps
from onrecord.entrypoints.bootstrap import Settings, open_deployment
from onrecord.entrypoints.cli.demo_call.call import DemoCall
from onrecord.entrypoints.cli.demo_call.story import Story
from onrecord.entrypoints.cli.rehearsal.claims import Claims
from onrecord.entrypoints.cli.rehearsal.host import COMMAND, Host
from onrecord.interaction.record import ArtifactEntry
from onrecord.signal import mulaw
from onrecord.signal.wav import HEADER_BYTES
from onrecord.workflow import journal
from onrecord.workflow.contents import read_text
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.find import find
from onrecord.workflow.sound import wav
from onrecord.workflow.views import length_of

FRAME = 160


def verify(pack: Path, host: Host, claims: Claims) -> None:
    """In processes of their own, which see nothing but the file."""
    code, report = _verify(pack, host.log_vkey)
    claims.check(
        "verified",
        f"the pack verifies offline: {len(report['checks'])} checks, replay {report['replay']}",
        ok=code == 0 and report["ok"] and report["replay"] == "complete" and report["signer"] == "trusted",
    )
    flipped = pack.with_name("flipped.pack")
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    flipped.write_bytes(data)
    code, report = _verify(flipped, host.log_vkey)
    flipped.unlink()
    reason = report.get("first_failure") or "not readable as a pack"
    claims.check("tampering_found", f"with one bit changed it does not verify: {reason}", ok=code in {1, 2})


def _verify(pack: Path, vkey: str) -> tuple[int, dict[str, Any]]:
    command = [*COMMAND, "verify", str(pack), "--trust", vkey, "--json"]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  our own command
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


def search(out: Path, call: DemoCall, claims: Claims) -> None:
    """Every byte of every file under `out`: keys, pages, write-ahead logs, objects, logs, pack."""
    files = [file for file in sorted(out.rglob("*")) if file.is_file()]
    forms = sorted({form.encode() for secret in call.secrets for form in secret.forms})
    kept = [kept.text.lower().encode() for kept in call.kept]
    found = 0
    for file in files:
        data = file.read_bytes().lower()
        found += sum(form in data for form in (*forms, *kept))
    claims.check(
        "no_secret_on_disk",
        f"{len(forms)} spellings of what was secret are in none of {len(files)} files, nor is a word that was kept",
        ok=found == 0 and bool(forms) and len(files) > 3,
    )


def decrypt(out: Path, call: DemoCall, story: Story, claims: Claims) -> None:
    """With the keys: opens every object and event that is left."""
    settings = Settings(out / "data", out / "keys" / "root.key")
    with open_deployment(settings) as deployment:
        asyncio.run(_decrypt(deployment, call, story, claims))


async def _decrypt(d: Deployment, call: DemoCall, story: Story, claims: Claims) -> None:
    live = await find(d, story.interaction)
    texts: list[str] = []
    for row in d.store.events(d.tenant, story.interaction):
        opened = journal.open_row(d, row)
        texts.append(opened[1].decode().lower() if opened else "")
    objects = 0
    for entry in live.conversation.artifacts.values():
        for segment in entry.segments.values():
            objects += 1
            if entry.track is None:
                texts.extend(_texts(json.loads(await read_text(d, entry.artifact, segment))))
    forms = {form for secret in call.secrets for form in secret.forms}
    claims.check(
        "no_secret_stored",
        f"decrypted, {objects} objects and {len(texts)} texts hold none of the secrets",
        ok=bool(objects) and not any(form in text for form in forms for text in texts),
    )
    transcript = " ".join(texts)
    claims.check(
        "kept_words",
        "decrypted, the transcript holds the words that were permitted",
        ok=all(kept.text.lower() in transcript for kept in call.kept),
    )
    recordings = [entry for entry in live.conversation.artifacts.values() if entry.track is not None]
    claims.check("two_recordings", "there is one recording a track", ok=len(recordings) == len(call.ulaw))
    for entry in recordings:
        _listen(wav(d, entry, length_of(live)), entry, call, claims)


def _texts(body: dict[str, Any]) -> Iterator[str]:
    """The words said, joined, and each text."""
    if "words" in body:
        yield " ".join(word["w"] for word in body["words"]).lower()
    else:
        yield json.dumps(body["content"]).lower()


def _listen(sound: bytes, entry: ArtifactEntry, call: DemoCall, claims: Claims) -> None:
    """Withheld stretches are digitally silent, to the sample; the rest is what was sent. A frame that holds the instant
    of a change may be silent as a whole."""
    said = mulaw.decode(call.ulaw[entry.track or ""]).astype("<i2").tobytes()
    stored = sound[HEADER_BYTES:]
    closed = normalise((s * call.sample_rate, e * call.sample_rate) for s, e, _ in call.withheld)
    silent = kept = True
    for start in range(0, len(said) // 2, FRAME):
        ours, theirs = stored[2 * start : 2 * (start + FRAME)], said[2 * start : 2 * (start + FRAME)]
        if overlaps(closed, start, start + FRAME):
            silent = silent and not any(ours)
        else:
            kept = kept and ours == theirs
    track = entry.track
    claims.check(f"silent_{track}", f"what was withheld is digital silence in the recording of {track}", ok=silent)
    claims.check(f"kept_{track}", f"the rest of {track} is the call's own sound, sample for sample", ok=kept)
