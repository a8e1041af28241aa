"""Parse of print is identity for every wire form of the pack, and what is not printed is not parsed."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.base import canonical
from onrecord.base.stretch import FOREVER
from onrecord.evidence import container, manifest, openings, steps
from onrecord.evidence.dossier import Missing, Opening
from onrecord.evidence.errors import BadMemberError, UnreadablePackError
from onrecord.evidence.media import stored
from onrecord.interaction.record import SegmentEntry

SETTINGS = settings(deadline=None, derandomize=True, max_examples=60)

names = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,20}(/[a-z0-9][a-z0-9_.-]{0,20})?", fullmatch=True)
members = st.dictionaries(names, st.binary(max_size=200), max_size=6).map(
    lambda found: {"manifest.json": b"{}", "manifest.note": b"x\n", **found}
)
counts = st.integers(0, 2**53 - 1)
text = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | counts | text | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
payloads = st.none() | st.dictionaries(text, json_values, max_size=4).map(canonical.dumps)


@st.composite
def an_opening(draw):
    payload = draw(payloads)
    salt = None if payload is None else draw(st.binary(min_size=32, max_size=32))
    return Opening(draw(counts), draw(counts), draw(st.binary(min_size=112, max_size=112)), salt, payload)


@SETTINGS
@given(members)
def test_container(found):
    file = container.write(found)
    read = container.read(file)
    assert dict(read.members) == found
    assert container.write(read.members) == file
    assert read.damaged == ()


@SETTINGS
@given(members, st.data())
def test_container_after_any_change_of_a_byte(found, data):
    file = bytearray(container.write(found))
    place = data.draw(st.integers(0, len(file) - 1))
    file[place] ^= data.draw(st.integers(1, 255))
    with suppress(UnreadablePackError):
        assert container.read(bytes(file)).damaged != ()


@SETTINGS
@given(st.binary(max_size=300))
def test_container_of_anything_else(data):
    try:
        container.read(data)
    except UnreadablePackError:
        return
    raise AssertionError


@SETTINGS
@given(st.lists(an_opening(), min_size=1, max_size=4))
def test_openings(found):
    printed = openings.to_bytes(found)
    assert openings.parse(printed) == tuple(found)
    assert openings.to_bytes(openings.parse(printed)) == printed


@SETTINGS
@given(st.lists(an_opening(), min_size=1, max_size=2), st.data())
def test_openings_have_one_spelling(found, data):
    printed = openings.to_bytes(found)
    place = data.draw(st.integers(0, len(printed)))
    changed = printed[:place] + data.draw(st.sampled_from([b" ", b"\n", b"\t", b"\r\n"])) + printed[place:]
    with suppress(BadMemberError):
        assert openings.to_bytes(openings.parse(changed)) == changed


@SETTINGS
@given(
    st.binary(min_size=16, max_size=16),
    text,
    st.integers(0, 10**19 - 1),
    st.lists(st.builds(Missing, text, text), max_size=3),
    members,
)
def test_manifest(raw, product, at, missing, found):
    listed = tuple(manifest.member(name, found[name]) for name in container.in_order(found))
    made = manifest.Manifest(f"int_{raw.hex()}", product, at, "log+00+x", tuple(missing), listed)
    assert manifest.parse(manifest.to_bytes(made)) == made


@st.composite
def a_segment(draw):
    start, samples = draw(st.integers(0, 50)), draw(st.integers(1, 50))
    edges = sorted(draw(st.lists(st.integers(start, start + samples), max_size=6, unique=True)))
    gaps = tuple((a, b, "policy") for a, b in zip(edges[::2], edges[1::2], strict=False))
    return SegmentEntry("s", "o", "k", samples, 1, "", start, samples, gaps)


@SETTINGS
@given(a_segment())
def test_stored_and_gaps_are_the_whole_segment_once(segment):
    kept = [n for start, end in stored([segment]) for n in range(start, end)]
    gone = [n for start, end, _ in segment.gaps for n in range(start, end)]
    assert sorted(kept + gone) == list(range(segment.start, segment.start + segment.samples))


@SETTINGS
@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.sampled_from(["capture", "redact", "ephemeral", "pause", "stop", "never"]))
    )
)
def test_closed_is_what_no_open_decision_covers(found):
    told = [{"t": float(t), "kind": "transcript", "verdict": v} for t, v in found]
    closed = steps.closed(told, "transcript")
    for tenth in range(-10, 250):
        t = tenth / 10
        before = [x for x in sorted(told, key=lambda x: x["t"]) if x["t"] <= t]
        is_open = bool(before) and before[-1]["verdict"] == "capture"
        assert any(s <= t < e for s, e in closed) is not is_open
    assert steps.closed(told, "sentiment") == [(-FOREVER, FOREVER)]
