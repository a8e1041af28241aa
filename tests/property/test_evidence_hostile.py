"""A pack of an opponent's making may hold any JSON: building is refused in the family's words, verifying always ends in
a report."""

import json
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "evidence"))

from evidence_case import SIGNER, Story, sign, telling

from onrecord.base import canonical
from onrecord.evidence import build, container, manifest, openings
from onrecord.evidence.errors import DossierError
from onrecord.evidence.verify import verify

VKEY = SIGNER.verifier.vkey
TOLD = [opening.payload or b"" for opening in telling(Story()).openings]
GOOD = dict(container.read(telling(Story()).build()).members)
ODD = st.sampled_from(
    [None, True, False, 0, -1, 7, 1.5, 1e300, 2**53 - 1, "", "x", "customer", [], [[]], [1, 2, 3], {}, {"a": []}]
)  # fmt: skip


@st.composite
def changed(draw):
    """The case with values replaced, dropped or added in one to three of its events."""
    payloads = list(TOLD)
    for _ in range(draw(st.integers(1, 3))):
        n = draw(st.integers(0, len(payloads) - 1))
        event = json.loads(payloads[n])
        place = event
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and draw(st.booleans() | st.just(True)):
                place = place[key]
                continue
            if isinstance(place, dict) and draw(st.integers(0, 4)) == 0:
                del place[key]
            else:
                place[key] = draw(ODD)
            break
        payloads[n] = canonical.dumps(event)
    return payloads


@settings(deadline=None, derandomize=True, max_examples=100)
@given(changed())
def test_any_shape_ends_in_a_report(payloads):
    story = Story()
    for payload in payloads:
        story.put(payload)
    try:
        whole = story.build()
    except DossierError:
        whole = None
    if whole is not None:
        verify(whole, VKEY)
    report = verify(forged(story), VKEY)
    assert report.signer == "trusted"
    if whole is None:
        assert not report.ok


def forged(story: Story) -> bytes:
    """The story's own log and proofs under the derived members of the good case, signed."""
    checkpoint = story.checkpoint()
    proofs = {build.proof_name(seq): proof for seq, proof in story.proofs(checkpoint).items()}
    rest = {**GOOD, "checkpoint": checkpoint, "events.jsonl": openings.to_bytes(story.openings), **proofs}
    old = manifest.parse(rest.pop("manifest.json"))
    del rest["manifest.note"]
    listed = tuple(manifest.member(name, rest[name]) for name in container.in_order(rest))
    head = manifest.to_bytes(manifest.Manifest(**{n: getattr(old, n) for n in old.__slots__} | {"members": listed}))
    note = sign(manifest.note_text(old.interaction, head))
    return container.write({"manifest.json": head, "manifest.note": note, **rest})
