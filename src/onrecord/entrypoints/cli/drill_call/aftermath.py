"""What a drill left: held against what may be there, proved offline, and destroyed."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from onrecord.entrypoints.cli.drill_call.call import AUDIO, OPEN, PAID, PAYMENT, RATE, SECONDS, Tones
from onrecord.entrypoints.cli.rehearsal.claims import Claims
from onrecord.entrypoints.cli.rehearsal.host import COMMAND, Host
from onrecord.signal import mulaw
from onrecord.signal.wav import HEADER_BYTES

_FATES = ("written", "silenced_policy", "silenced_gap", "late", "duplicate", "invalid", "held", "lost")


def derive(host: Host, path: str, claims: Claims) -> None:
    """What others make of the call, late."""
    spoken = [(PAYMENT - 1.0, "before"), (PAYMENT + 1.0, "during"), (PAID + 1.0, "after")]
    words = [{"w": w, "s": s, "e": s + 0.5, "channel": "customer"} for s, w in spoken]
    made = host.need("POST", f"{path}/artifacts", {"kind": "transcript", "words": words, "start": 0, "end": SECONDS})
    read = host.need("GET", f"/v1/artifacts/{made['id']}/content")
    kept = [word["w"] for word in read["words"]]
    claims.check("words_cut", "words of the payment are cut from a transcript", ok=kept == ["before", "after"])
    body = {"kind": "ai_summary", "content": "a summary", "start": PAYMENT, "end": PAID}
    refused = host.call("POST", f"{path}/artifacts", body)
    claims.check("summary_refused", "a summary of the payment is refused", ok=refused.status == 409)


def listen(host: Host, path: str, call: Tones, claims: Claims) -> list[str]:
    """The recordings: to the sample what was permitted, and digital silence for the rest. Their ids."""
    found = [each for each in host.need("GET", f"{path}/artifacts")["artifacts"] if each["kind"] == AUDIO]
    for each in found:
        sound = host.call("GET", f"/v1/artifacts/{each['id']}/content").body[HEADER_BYTES:]
        samples = np.frombuffer(sound, "<i2")
        given = np.frombuffer(mulaw.decode(call.ulaw[each["track"]]), "<i2")
        expected = np.zeros_like(given)
        for start, end in OPEN:
            stretch = slice(round(start * RATE), round(end * RATE))
            expected[stretch] = given[stretch]
        same = len(samples) == len(expected) and bool(np.array_equal(samples, expected))
        claims.check(f"sound_{each['track']}", f"of {each['track']} exactly what was permitted is stored", ok=same)
    claims.check("recorded", "both tracks have a recording", ok=len(found) == len(call.ulaw))
    return [each["id"] for each in found]


def account(host: Host, path: str, claims: Claims) -> None:
    tracks = host.need("GET", f"{path}/accounting")["tracks"]
    adds_up = [c["received"] + c["missing"] == sum(c[fate] for fate in _FATES) for c in tracks.values()]
    claims.check("accounted", "every sample is accounted for", ok=bool(adds_up) and all(adds_up))


def prove(host: Host, path: str, folder: Path, claims: Claims) -> None:
    host.need("POST", f"{path}/seal")
    pack = folder / "drill.zip"
    pack.write_bytes(host.call("GET", f"{path}/evidence").body)
    code, report = _verify(pack, host.log_vkey)
    complete = code == 0 and report.get("replay") == "complete"
    claims.check("verified", "the evidence verifies offline, and its decisions replay", ok=complete)
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)
    code, _ = _verify(pack, host.log_vkey)
    claims.check("tampering_found", "with one bit changed it does not", ok=code in {1, 2})


def _verify(pack: Path, vkey: str) -> tuple[int, dict[str, Any]]:
    command = [*COMMAND, "verify", str(pack), "--trust", vkey, "--json"]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  our own command
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


def forget(host: Host, path: str, artifacts: list[str], claims: Claims) -> None:
    """The keys of everybody in the call: what is left cannot be opened, and the log stands."""
    persons = {party["person"] for party in host.need("GET", path)["parties"]}
    for person in sorted(persons):
        host.need("POST", f"/v1/persons/{person}/erasure")
    gone = [host.call("GET", f"/v1/artifacts/{each}/content").status == 410 for each in artifacts]
    claims.check("forgotten", "its content is destroyed, and cannot be read any more", ok=all(gone))
