"""Laws of the gate, on a small axis: 200 samples a second, slots of 4, segments of 800."""

from dataclasses import dataclass, field
from itertools import chain, pairwise

from hypothesis import event, given, settings
from hypothesis import strategies as st

from onrecord.base.stretch import Stretch
from onrecord.capture.clockmap import ClockMap, closing, opening
from onrecord.capture.errors import FrameError
from onrecord.capture.permission import Shut
from onrecord.capture.runs import Fate
from onrecord.capture.track import SEGMENT_SECONDS, TrackGate
from onrecord.signal.encoding import Encoding

RATE = 200
SLOT = 4
HOLD_BACK = RATE
QUIET = 0xFF

law = settings(deadline=None, derandomize=True, max_examples=400)


@dataclass(frozen=True)
class Closed:
    stretches: tuple = ()

    def closed(self, start, end):
        return [Stretch(s, e) for s, e in self.stretches if s < end and start < e]

    def samples(self):
        """Closed stretches of at least one sample, in samples."""
        rounded = [(closing(s, RATE), opening(e, RATE)) for s, e in self.stretches if s < e]
        return [(s, e) for s, e in rounded if s < e]


SOUND = bytes(1 + at % 101 for at in range(2020))


def sound(position, samples):
    """What every source says there: never silence, and told by its position."""
    return (SOUND * (samples // 2000 + 1))[position % 101 :][:samples]


def heard(segment):
    """Positions that are not gaps."""
    gaps = {at for gap in segment.gaps for at in range(gap.start, gap.end)}
    return {at for at in range(segment.start, segment.end) if at not in gaps}


def check_segment(segment, permission):
    expected = bytearray(sound(segment.start, segment.samples))
    for gap in segment.gaps:
        low, high = gap.start - segment.start, gap.end - segment.start
        assert 0 <= low < high <= segment.samples
        expected[low:high] = bytes([QUIET]) * (high - low)
    assert segment.payload == expected
    assert expected.count(QUIET) < len(expected)
    for start, end in permission.samples():
        low = max(0, start - segment.uncertainty - segment.start)
        high = max(0, end + segment.uncertainty - segment.start)
        assert segment.payload[low:high].count(QUIET) == len(segment.payload[low:high])


@dataclass
class World:
    """A gate, and a caller that seals what it hands over, sooner or later."""

    hold_back: int = HOLD_BACK
    permission: Closed = field(default_factory=Closed)
    clock: ClockMap = field(default_factory=lambda: ClockMap(RATE))
    waiting: list = field(default_factory=list)
    sealed: list = field(default_factory=list)
    durable: dict | None = None
    durable_end: int = 0

    def __post_init__(self):
        self.gate = TrackGate(Encoding.MULAW, self.clock, self.permission, self.hold_back / RATE)
        self.last_end = 0

    def offer(self, position, samples):
        payload = sound(position, samples) if position >= 0 else bytes(samples)
        try:
            self.receive(self.gate.offer(position, payload))
        except FrameError as error:
            event(error.code)

    def receive(self, segments):
        for segment in segments:
            check_segment(segment, self.permission)
            assert segment.start >= self.last_end
            assert segment.samples <= SEGMENT_SECONDS * RATE
            self.last_end = segment.end
            self.waiting.append(segment)

    def permit(self, *stretches):
        self.permission = Closed(stretches)
        self.gate.permission = self.permission

    def seal(self):
        segment = self.gate.rejudge(self.waiting.pop(0))
        if segment is not None:
            check_segment(segment, self.permission)
            self.durable = self.gate.snapshot(segment)
            self.gate.sealed(segment)
            self.sealed.append(segment)
            self.durable_end = segment.end

    def crash(self):
        if self.durable is None:
            return
        head = self.durable["head"]
        self.clock = ClockMap(RATE, head / RATE + 1, 0.0, self.clock.epoch + 1)
        self.gate = TrackGate.restore_after_crash(
            Encoding.MULAW,
            self.clock,
            self.permission,
            self.hold_back / RATE,
            snapshot=self.durable,
            durable_end=self.durable_end,
        )
        assert self.gate.accounting.held == 0
        self.waiting.clear()
        self.last_end = self.durable_end

    def act(self, name, *of):
        head = self.gate.head
        if name == "offer":
            self.offer(max(head, self.clock.origin) + of[0], of[1])
        elif name == "odd":
            self.offer(-1, 3)
        elif name == "close":
            start = max(0.0, (head + of[0]) / RATE)
            self.permit(*self.permission.stretches, (start, start + of[1] / RATE))
        elif name == "open":
            self.permit()
        elif name == "flush":
            self.receive(self.gate.flush(None if of[0] is None else head + of[0]))
        elif name == "seal" and self.waiting:
            self.seal()
        elif name == "discard" and self.waiting:
            self.gate.discarded(self.waiting.pop(0))
        elif name == "begin":
            self.clock = ClockMap(RATE, max(0, head + of[0]) / RATE, of[1] / RATE, self.clock.epoch + 1)
            self.gate.begin(self.clock)
        elif name == "purge":
            self.gate.purged(min(of[0], self.gate.accounting.written))
        elif name == "crash":
            self.crash()


offers = st.tuples(
    st.just("offer"),
    st.one_of(st.just(0), st.integers(-20, 20), st.integers(-1200, 1200), st.integers(-(10**7), 10**7)),
    st.integers(1, 120),
)
closes = st.tuples(st.just("close"), st.integers(-900, 300), st.floats(0, 900, allow_nan=False))
opens = st.just(("open",))
flushes = st.tuples(st.just("flush"), st.one_of(st.none(), st.integers(-400, 10)))
seals = st.just(("seal",))
epochs = st.tuples(st.just("begin"), st.integers(-100, 1000), st.integers(0, 10))
others = st.one_of(st.just(("odd",)), st.just(("discard",)), st.tuples(st.just("purge"), st.integers(0, 50)))
crashes = st.just(("crash",))
run_of_frames = st.integers(1, 12).map(lambda n: [("offer", 0, 120)] * n)


def scripts(*kinds):
    single = st.one_of(offers, *kinds).map(lambda step: [step])
    return st.lists(st.one_of(run_of_frames, single), max_size=40).map(lambda parts: list(chain(*parts)))


@law
@given(scripts(closes, opens, flushes, seals, epochs, others, crashes))
def test_every_sample_is_accounted_for(script):
    world = World()
    for step in script:
        world.act(*step)
        counts = world.gate.accounting
        assert counts.balanced
        assert min(counts.snapshot().values()) >= 0
        assert counts.held <= HOLD_BACK + SLOT + 10 + SEGMENT_SECONDS * RATE + 120 + sum(
            segment.passed for segment in world.waiting
        )
    world.receive(world.gate.flush())
    while world.waiting:
        world.seal()
    assert world.gate.accounting.held == 0
    assert world.gate.accounting.balanced


@law
@given(scripts(closes, opens, flushes, seals, epochs))
def test_no_sealed_sample_was_closed_when_it_was_sealed(script):
    """Checked at each hand-over and each seal, by `World`."""
    world = World()
    for step in script:
        world.act(*step)
    world.receive(world.gate.flush())
    while world.waiting:
        world.seal()
    ends = [0, *(segment.end for segment in world.sealed)]
    assert all(end <= segment.start for end, segment in zip(ends, world.sealed, strict=False))


@law
@given(
    scripts(st.tuples(st.just("close"), st.integers(-HOLD_BACK, 300), st.floats(0, 900, allow_nan=False))),
    st.integers(0, 10),
)
def test_a_closing_within_the_hold_back_leaves_nothing_even_if_all_is_sealed_at_once(script, uncertainty):
    world = World(clock=ClockMap(RATE, 0.0, uncertainty / RATE))
    for step in script:
        world.act(*step)
        while world.waiting:
            world.seal()
    world.receive(world.gate.flush())
    while world.waiting:
        world.seal()
    for segment in world.sealed:
        check_segment(segment, world.permission)


@law
@given(scripts(epochs, flushes))
def test_always_shut_never_hands_over(script):
    world = World()
    world.gate.permission = Shut()
    for step in script:
        world.act(*step)
    world.receive(world.gate.flush())
    counts = world.gate.accounting
    assert world.waiting == []
    assert counts.written == counts.held == 0


@st.composite
def disorder(draw):
    """Frames that cover an axis without holes, some twice, in an order that the hold-back bears."""
    sizes = draw(st.lists(st.integers(1, 60), min_size=1, max_size=120))
    frames = []
    at = 0
    for size in sizes:
        frames.append((at, size))
        at += size
    again = draw(st.lists(st.sampled_from(frames), max_size=10))
    delays = draw(st.lists(st.integers(0, HOLD_BACK - 60), min_size=len(frames), max_size=len(frames)))
    order = sorted(zip(frames, delays, strict=True), key=lambda item: item[0][0] + item[1])
    sent = [frame for frame, _ in order]
    for frame in again:
        sent.insert(sent.index(frame) + 1, frame)
    return at, sent


@law
@given(disorder())
def test_always_open_gives_the_input_bit_for_bit(case):
    length, frames = case
    world = World()
    for position, samples in frames:
        world.offer(position, samples)
    world.receive(world.gate.flush())
    assert b"".join(segment.payload for segment in world.waiting) == sound(0, length)
    assert all(segment.gaps == () for segment in world.waiting)
    counts = world.gate.accounting
    assert (counts.missing, counts.late, counts.invalid) == (0, 0, 0)
    assert counts.duplicate == sum(samples for _, samples in frames) - length


@law
@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=300),
    st.lists(st.tuples(st.floats(0, 15), st.floats(0, 3)), max_size=4),
)
def test_at_most_one_slot_is_lost_at_each_edge(sizes, stretches):
    world = World()
    world.permit(*((start, start + length) for start, length in stretches))
    at = 0
    for size in sizes:
        world.offer(at, size)
        at += size
    world.receive(world.gate.flush())
    stored = {position for segment in world.waiting for position in heard(segment)}
    shut = {position for start, end in world.permission.samples() for position in range(start, end)}
    assert stored.isdisjoint(shut)
    for position in range(at):
        if position not in stored:
            near = range(position - SLOT + 1, position + SLOT)
            assert shut.intersection(near)


@law
@given(scripts(closes, opens, flushes, epochs))
def test_runs_tell_the_fate_of_every_sample(script):
    world = World()
    for step in script:
        world.act(*step)
    world.receive(world.gate.flush())
    while world.waiting:
        world.seal()
    runs = world.gate.peek_runs()
    for before, after in pairwise(runs):
        assert before.end == after.start
        assert before.fate is not after.fate
    if runs:
        assert (runs[0].start, runs[-1].end) == (0, world.gate.head)
    by_fate = {fate: sum(run.end - run.start for run in runs if run.fate is fate) for fate in Fate}
    counts = world.gate.accounting
    passed = {at for segment in world.sealed for at in heard(segment)}
    assert passed == {at for run in runs if run.fate is Fate.PASSED for at in range(run.start, run.end)}
    assert by_fate[Fate.PASSED] == counts.written
    assert by_fate[Fate.POLICY] == counts.silenced_policy
    assert by_fate[Fate.GAP] + by_fate[Fate.DISCONNECTED] == counts.silenced_gap == counts.missing


@law
@given(st.lists(st.tuples(st.floats(0, 4), st.floats(0, 2)), max_size=3), st.integers(0, 6))
def test_judging_again_under_the_same_permission_changes_nothing(stretches, uncertainty):
    world = World(clock=ClockMap(RATE, 0.0, uncertainty / RATE))
    world.permit(*((start, start + length) for start, length in stretches))
    for position in range(0, 800, 7):
        world.offer(position, 7)
    world.receive(world.gate.flush())
    assert world.gate.recheck() == 0
    for segment in world.waiting:
        assert world.gate.rejudge(segment) is segment
