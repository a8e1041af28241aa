"""The gate of one audio track: hold-back, verdict, segment, and an account of every sample."""

from collections.abc import Mapping
from typing import Self

from onrecord.capture.accounting import Accounting
from onrecord.capture.clockmap import ClockMap
from onrecord.capture.errors import CaptureError
from onrecord.capture.hold_back import HoldBack, Piece
from onrecord.capture.open_segment import OpenSegment
from onrecord.capture.permission import Judge, Permission
from onrecord.capture.place import misplaced
from onrecord.capture.runs import Fate, Run, Runs
from onrecord.capture.segment import Segment, silenced, slot_samples
from onrecord.signal.encoding import Encoding

HOLD_BACK_SECONDS = 5.0
SEGMENT_SECONDS = 4
MAX_HOLD_BACK_SECONDS = 600.0


class TrackGate:
    """All positions are samples on the interaction's axis. No audio leaves it but in a Segment, and none is in a
    Segment that was closed when it was made. Memory: hold-back + uncertainty + SEGMENT_SECONDS + one wire frame,
    whatever comes, besides what is handed over. Not for two threads at once. Errors: bad_hold_back."""

    def __init__(
        self,
        encoding: Encoding,
        clock: ClockMap,
        permission: Permission,
        hold_back_s: float = HOLD_BACK_SECONDS,
    ) -> None:
        if not 0 <= hold_back_s <= MAX_HOLD_BACK_SECONDS:
            raise CaptureError("a hold-back is 0 to 600 seconds", code="bad_hold_back")
        self.accounting = Accounting()
        self._width = encoding.width
        self._slot = slot_samples(clock.rate)
        self._hold_back = round(hold_back_s * clock.rate)
        self._reach = max(self._hold_back, clock.rate)
        self._clock = clock
        self._head = clock.origin
        self._held = HoldBack(self._slot, self._width)
        self._stray: Piece | None = None
        self._permission = permission
        self._judge = Judge(permission, clock.rate)
        self._open = OpenSegment(encoding, SEGMENT_SECONDS * clock.rate, clock.origin, clock)
        self._ready: list[Segment] = []
        self._unsealed: dict[int, int] = {}
        self._runs = Runs()

    @classmethod
    def restore_after_crash(
        cls,
        encoding: Encoding,
        clock: ClockMap,
        permission: Permission,
        hold_back_s: float = HOLD_BACK_SECONDS,
        *,
        snapshot: Mapping[str, int],
        durable_end: int,
    ) -> Self:
        """The gate as its last durable snapshot leaves it: what was held is lost, from `durable_end` (the end of the
        last fate on record) to the head; both are behind it for good. Errors: bad_accounting."""
        gate = cls(encoding, clock, permission, hold_back_s)
        counts = Accounting.restore(snapshot)
        head = max(snapshot.get("head", durable_end), durable_end)
        counts.lost, counts.held = counts.lost + counts.held, 0
        gate.accounting = counts
        gate._head = head
        gate._open.restart(head, ClockMap(clock.rate))  # no epoch's own: what comes next comes after an interruption
        if durable_end < head:
            gate._runs.add(durable_end, head, Fate.LOST)
        return gate

    @property
    def permission(self) -> Permission:
        return self._permission

    @permission.setter
    def permission(self, permission: Permission) -> None:
        """Takes effect at once: what it closes is silenced before this returns."""
        self._permission = permission
        self.recheck()

    @property
    def head(self) -> int:
        """End of the latest sample taken."""
        return self._head

    def begin(self, clock: ClockMap) -> None:
        """A new epoch: the stream comes again, under another clock. What is held stays held. Errors: bad_clock."""
        if clock.rate != self._clock.rate:
            raise CaptureError("a track keeps its sample rate", code="bad_clock")
        self._settle_stray(taken=True)
        self._clock = clock

    def offer(self, position: int, payload: bytes | bytearray) -> tuple[Segment, ...]:
        """Takes one wire frame; the segments that became full by it. Errors: FrameError (odd_bytes, position_negative,
        position_far_ahead), the frame being counted as invalid and nothing else touched."""
        samples, odd = divmod(len(payload), self._width)
        self.accounting.received += samples + odd
        end = position + samples
        if position == self._head and self._stray is None and not odd and 0 < samples <= self._slot:
            self.accounting.held += samples
            self._held.append(position, end, payload, self._clock)
            self._head = end
        elif samples or odd:
            refusal = misplaced(position, odd, self._head, self._clock)
            if refusal is not None:
                self.accounting.invalid += samples + odd
                raise refusal
            if not self._is_stray(position, end, payload):
                self._take(position, end, payload)
        due = self._head - self._hold_back
        while (piece := self._held.first) is not None and piece.due <= due:
            self._release(piece)
        return self._hand_over()

    def recheck(self) -> int:
        """Asks the permission again and silences at once what is closed in the open segment; how many samples."""
        self._judge = Judge(self._permission, self._clock.rate)
        closed = self._open.shut(self._judge)
        self.accounting.held -= closed
        self.accounting.silenced_policy += closed
        return closed

    def flush(self, until: int | None = None) -> tuple[Segment, ...]:
        """Drains the hold-back up to position `until` (all of it by default) and hands over what is open."""
        if until is None:
            self._settle_stray(taken=True)
        while (piece := self._held.first) is not None and (until is None or piece.end <= until):
            self._release(piece)
        self._cut(self._open.clock)
        return self._hand_over()

    def peek_runs(self, until: int | None = None) -> tuple[Run, ...]:
        """Fates not on record yet, in order: those before `until`, or before the first segment that is not sealed."""
        return self._runs.until(min(self._unsealed, default=None) if until is None else until)

    def taken(self, until: int) -> None:
        """The fates before `until` are on record."""
        self._runs.drop(until)

    def rejudge(self, segment: Segment) -> Segment | None:
        """A segment handed over and not yet sealed, as far as it is permitted now; None where nothing is left, which
        needs no further word. Errors: segment_unknown."""
        before = self._outstanding(segment)
        rest = silenced(segment, self._permission)
        for gap in rest.gaps:
            self._runs.paint(*gap)
        self.accounting.held -= before - rest.passed
        self.accounting.silenced_policy += before - rest.passed
        if rest.passed:
            self._unsealed[segment.start] = rest.passed
            return rest
        del self._unsealed[segment.start]
        return None

    def sealed(self, segment: Segment) -> None:
        """The segment is durable. Errors: segment_unknown."""
        samples = self._outstanding(segment)
        del self._unsealed[segment.start]
        self.accounting.held -= samples
        self.accounting.written += samples

    def discarded(self, segment: Segment) -> None:
        """The segment could not be stored and never will be: lost. Errors: segment_unknown."""
        samples = self._outstanding(segment)
        del self._unsealed[segment.start]
        self.accounting.held -= samples
        self.accounting.lost += samples
        for start, end in segment.runs().passed():
            self._runs.paint(start, end, Fate.LOST)

    def purged(self, samples: int) -> None:
        """Samples written before were replaced by silence. Errors: bad_accounting where so many were never written."""
        if not 0 <= samples <= self.accounting.written:
            raise CaptureError("more purged than was written", code="bad_accounting")
        self.accounting.written -= samples
        self.accounting.silenced_policy += samples
        self.accounting.purged += samples

    def snapshot(self, sealing: Segment | None = None) -> dict[str, int]:
        """Counts and head, to be made durable with the event that names `sealing`, which counts as written."""
        samples = 0 if sealing is None else self._outstanding(sealing)
        counts = self.accounting.snapshot()
        return {**counts, "held": counts["held"] - samples, "written": counts["written"] + samples, "head": self._head}

    def _outstanding(self, segment: Segment) -> int:
        if self._unsealed.get(segment.start) != segment.passed:
            raise CaptureError("no such segment is waiting to be sealed", code="segment_unknown")
        return segment.passed

    def _is_stray(self, position: int, end: int, payload: bytes | bytearray) -> bool:
        """Whether the frame is set aside. One alone, more than the hold-back ahead, would release all that is held: it
        waits until the next frame shows that the stream has jumped (taken) or has not (invalid)."""
        if self._stray is not None:
            self._settle_stray(taken=position > self._stray.start - self._reach)
        if position <= max(self._head, self._clock.origin) + self._reach:
            return False
        self.accounting.held += end - position
        self._stray = Piece(position, end, end, bytearray(payload), self._clock)
        return True

    def _settle_stray(self, *, taken: bool) -> None:
        stray, self._stray = self._stray, None
        if stray is None:
            return
        self.accounting.held -= stray.end - stray.start
        if taken:
            self._take(stray.start, stray.end, stray.payload)
        else:
            self.accounting.invalid += stray.end - stray.start
        stray.wipe()

    def _take(self, position: int, end: int, payload: bytes | bytearray) -> None:
        """Gives every part of a frame its place: late, inside the open segment, or in hold-back."""
        view = memoryview(payload)
        width = self._width
        settled = min(end, max(position, self._open.start))
        self.accounting.late += settled - position
        for run in self._open.runs.over(settled, min(end, self._open.end)):
            part = view[(run.start - position) * width : (run.end - position) * width]
            if run.fate is Fate.PASSED:
                self.accounting.duplicate += run.end - run.start
            elif run.fate is Fate.POLICY:
                self.accounting.late += run.end - run.start
            else:
                self._fill(run.start, run.end, part)
        free = max(position, self._open.end)
        if free < end:
            known = self._held.insert(free, end, view[(free - position) * width :], self._clock)
            self.accounting.duplicate += known
            self.accounting.held += end - free - known
        self._head = max(self._head, end)

    def _fill(self, start: int, end: int, view: memoryview) -> None:
        """A hole in the open segment, in slots: received after all."""
        counts = self.accounting
        uncertainty = self._clock.uncertainty
        for at in range(start, end, self._slot):
            upto = min(end, at + self._slot)
            closed = self._judge.touches(at - uncertainty, upto + uncertainty)
            counts.missing -= upto - at
            counts.silenced_gap -= upto - at
            if closed:
                counts.silenced_policy += upto - at
                self._open.runs.paint(at, upto, Fate.POLICY)
            else:
                counts.held += upto - at
                part = view[(at - start) * self._width : (upto - start) * self._width]
                self._open.insert(at, part, uncertainty)

    def _release(self, piece: Piece) -> None:
        """The first held piece gets its verdict."""
        closed = self._judge.touches(piece.start - piece.uncertainty, piece.end + piece.uncertainty)
        counts = self.accounting
        if piece.start > self._open.end:
            self._skip(piece.start, Fate.GAP if piece.clock is self._open.clock else Fate.DISCONNECTED)
        if piece.clock is not self._open.clock or not self._open.fits(piece.end):
            self._cut(piece.clock)
        if closed:
            counts.held -= piece.end - piece.start
            counts.silenced_policy += piece.end - piece.start
            self._open.skip(piece.end, Fate.POLICY)
        else:
            self._open.append(piece.end, piece.payload)
        self._held.drop_first()
        if not self._open.fits(piece.end + self._slot):
            self._cut(piece.clock)

    def _skip(self, upto: int, fate: Fate) -> None:
        """A hole: silence, counted missing."""
        hole = upto - self._open.end
        self.accounting.missing += hole
        self.accounting.silenced_gap += hole
        if self._open.fits(upto):
            self._open.skip(upto, fate)
            return
        self._cut(self._open.clock)
        self._runs.add(self._open.start, upto, fate)
        self._open.restart(upto, self._open.clock)

    def _cut(self, clock: ClockMap) -> None:
        """Judges the open segment a last time, hands it over, and opens the next where it ends."""
        self.recheck()
        segment = self._open.segment()
        for run in self._open.runs:
            self._runs.add(*run)
        self._open.restart(self._open.end, clock)
        if segment is not None:
            self._unsealed[segment.start] = segment.passed
            self._ready.append(segment)

    def _hand_over(self) -> tuple[Segment, ...]:
        if not self._ready:
            return ()
        ready, self._ready = self._ready, []
        return tuple(ready)
