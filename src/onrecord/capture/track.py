"""The gate of one audio track: hold-back, verdict, segment, and an account of every sample."""

from collections.abc import Mapping
from typing import Self

from onrecord.capture.accounting import Accounting
from onrecord.capture.clockmap import ClockMap
from onrecord.capture.errors import CaptureError
from onrecord.capture.frame import Frame
from onrecord.capture.hold_back import HoldBack
from onrecord.capture.output import SEGMENT_SECONDS, Output
from onrecord.capture.permission import Permission
from onrecord.capture.place import misplaced
from onrecord.capture.runs import Fate, Run
from onrecord.capture.segment import Segment, slot_samples
from onrecord.signal.encoding import Encoding

HOLD_BACK_SECONDS = 5.0
MAX_HOLD_BACK_SECONDS = 600.0


class TrackGate:
    """All positions are samples on the interaction's axis. No audio leaves it but in a Segment, and none is in a
    Segment that was closed when it was made. A frame that comes in order is only written down; what is due gets its
    verdict before the permission changes, before anything is told, and once a segment is full: so the verdict is that
    of the moment at which it became due. Memory: hold-back + uncertainty + 2 SEGMENT_SECONDS + 1 s and one wire frame,
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
        self._counts = Accounting()
        self._width = encoding.width
        self._slot = slot_samples(clock.rate)
        self._hold_back = round(hold_back_s * clock.rate)
        self._reach = max(self._hold_back, clock.rate)
        self._clock = clock
        self._head = self._counted = clock.origin
        self._held = HoldBack(self._span(clock), self._width)
        self._stray: Frame | None = None
        self._out = Output(encoding, clock, permission, self._counts, clock.origin)
        self._limit = self._next_limit()

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
        gate._counts = counts
        gate._head = gate._counted = head
        nobodys = ClockMap(clock.rate)  # no epoch's own: what comes next comes after an interruption
        gate._out = Output(encoding, nobodys, permission, counts, head)
        if durable_end < head:
            gate._out.runs.add(durable_end, head, Fate.LOST)
        gate._limit = gate._next_limit()
        return gate

    @property
    def permission(self) -> Permission:
        return self._out.permission

    @permission.setter
    def permission(self, permission: Permission) -> None:
        """Takes effect at once: what it closes is silenced before this returns."""
        self._settle()
        self._out.judge_by(permission)

    @property
    def head(self) -> int:
        """End of the latest sample taken."""
        return self._head

    @property
    def mark(self) -> tuple[int, ...]:
        """Another one whenever a count has changed since the account was asked for, and quicker than that."""
        return (self._head, *self._counts.mark)

    @property
    def accounting(self) -> Accounting:
        """The gate's own, as it stands now."""
        self._settle()
        return self._counts

    def begin(self, clock: ClockMap) -> None:
        """A new epoch: the stream comes again, under another clock. What is held stays held. Errors: bad_clock."""
        if clock.rate != self._clock.rate:
            raise CaptureError("a track keeps its sample rate", code="bad_clock")
        self._settle()
        self._settle_stray(taken=True)
        self._held.reserve(self._span(clock))
        self._clock = clock
        self._limit = self._next_limit()

    def offer(self, position: int, payload: bytes | bytearray) -> tuple[Segment, ...]:
        """Takes one wire frame; the segments that became full by it. Errors: FrameError (odd_bytes, position_negative,
        position_far_ahead), the frame being counted as invalid and nothing else touched."""
        samples, odd = divmod(len(payload), self._width)
        end = position + samples
        if position == self._head and end < self._limit and not odd:
            self._held.write(position, payload)
            self._head = end
            return ()
        self._settle()
        self._counts.received += samples + odd
        if samples or odd:
            refusal = misplaced(position, odd, self._head, self._clock)
            if refusal is not None:
                self._counts.invalid += samples + odd
                raise refusal
            frame = Frame(position, end, memoryview(payload), self._width)
            if not self._is_stray(frame):
                self._take(frame)
        return self._hand_over()

    def recheck(self) -> int:
        """Asks the permission again and silences at once what is closed in the open segment; how many samples."""
        self._settle()
        return self._out.judge_by(self._out.permission)

    def flush(self, until: int | None = None) -> tuple[Segment, ...]:
        """Drains the hold-back up to position `until` (all of it by default) and hands over what is open. With nothing
        held there is no buffer until more comes."""
        self._settle()
        if until is None:
            self._settle_stray(taken=True)
        self._release(self._head if until is None else until, sure=True)
        self._out.cut()
        self._held.release()
        self._out.release()
        return self._hand_over()

    def peek_runs(self, until: int | None = None) -> tuple[Run, ...]:
        """Fates not on record yet, in order: those before `until`, or before the first segment that is not sealed."""
        return self._out.runs.until(self._out.handed.start if until is None else until)

    def taken(self, until: int) -> None:
        """The fates before `until` are on record."""
        self._out.runs.drop(until)

    def rejudge(self, segment: Segment) -> Segment | None:
        """A segment handed over and not yet sealed, as far as it is permitted now; None where nothing is left, which
        needs no further word. Errors: segment_unknown."""
        return self._out.handed.rejudge(segment, self._out.permission)

    def sealed(self, segment: Segment) -> None:
        """The segment is durable. Errors: segment_unknown."""
        self._out.handed.sealed(segment)

    def discarded(self, segment: Segment) -> None:
        """The segment could not be stored and never will be: lost. Errors: segment_unknown."""
        self._out.handed.discarded(segment)

    def purged(self, samples: int) -> None:
        """Samples written before were replaced by silence. Errors: bad_accounting where so many were never written."""
        if not 0 <= samples <= self._counts.written:
            raise CaptureError("more purged than was written", code="bad_accounting")
        self._counts.written -= samples
        self._counts.silenced_policy += samples
        self._counts.purged += samples

    def snapshot(self, sealing: Segment | None = None) -> dict[str, int]:
        """Counts and head, to be made durable with the event that names `sealing`, which counts as written."""
        samples = 0 if sealing is None else self._out.handed.outstanding(sealing)
        counts = self.accounting.snapshot()
        return {**counts, "held": counts["held"] - samples, "written": counts["written"] + samples, "head": self._head}

    def _span(self, clock: ClockMap) -> int:
        """The most that may lie between the first held sample and the head: what is not due, what is not decided yet,
        and a second of a long frame."""
        return self._hold_back + clock.uncertainty + (SEGMENT_SECONDS + 1) * clock.rate + 2 * self._slot

    def _next_limit(self) -> int:
        """The head from which on an orderly frame is more than written down: the open segment is full by then, or its
        end known. Beyond all heads where the next frame is to be looked at in any case."""
        if not self._held.made or self._out.ready or self._stray is not None or self._head < self._clock.origin:
            return -1
        first, uncertainty = self._held.first, self._clock.uncertainty
        if first is None:
            return self._out.full_at(None) + uncertainty + self._hold_back
        return self._out.full_at(first.start) + min(uncertainty, first.clock.uncertainty) + self._hold_back

    def _settle(self) -> None:
        """Brings the account up to the head, and decides what is due."""
        if self._counted < self._head:
            self._counts.received += self._head - self._counted
            self._hold(self._counted, self._head)
        self._release(self._head - self._hold_back)
        self._limit = self._next_limit()

    def _hold(self, start: int, end: int) -> None:
        """What stands in the buffer at the head is held."""
        self._held.extend(start, end, self._clock)
        self._counts.held += end - start
        self._head = self._counted = end

    def _is_stray(self, frame: Frame) -> bool:
        """Whether the frame is set aside. One alone, more than the hold-back ahead, would release all that is held: it
        waits until the next frame shows that the stream has jumped (taken) or has not (invalid)."""
        if self._stray is not None:
            self._settle_stray(taken=frame.start > self._stray.start - self._reach)
        if frame.start <= max(self._head, self._clock.origin) + self._reach:
            return False
        self._counts.held += frame.end - frame.start
        self._stray = frame.kept()
        return True

    def _settle_stray(self, *, taken: bool) -> None:
        stray, self._stray = self._stray, None
        if stray is None:
            return
        self._counts.held -= stray.end - stray.start
        if taken:
            self._take(stray)
        else:
            self._counts.invalid += stray.end - stray.start
        stray.wipe()

    def _take(self, frame: Frame) -> None:
        """Gives every part of a frame its place: late, inside the open segment, or in hold-back."""
        self._held.make()
        position, end = frame.start, frame.end
        known = min(end, max(position, self._head))
        self._out.late(position, known, self._clock, frame)
        self._squeeze_in(max(position, self._out.end), known, frame)
        for at in range(known, end, self._clock.rate):
            upto = min(end, at + self._clock.rate)
            self._release(upto - self._hold_back)
            self._held.write(at, frame.part(at, upto))
            self._hold(at, upto)
        self._release(self._head - self._hold_back)

    def _squeeze_in(self, start: int, end: int, frame: Frame) -> None:
        """What lies behind the open segment and before the head: held, or decided where it is due already and comes
        before all that is held, which may be too far away to stand in one buffer with it."""
        if start >= end:
            return
        first = self._held.first
        ahead = end if first is None else max(start, min(end, first.start))
        due = self._due(start, ahead, self._head - self._hold_back - self._clock.uncertainty)
        if start < due:
            self._counts.held += due - start
            self._out.decide(start, due, self._clock, frame)
            start = due
        if start < end:
            known = self._held.insert(start, end, frame.part(start, end), self._clock)
            self._counts.duplicate += known
            self._counts.held += end - start - known

    def _due(self, start: int, end: int, ripe: int) -> int:
        """Up to where [start, end) is decided when what ends by `ripe` is: whole slots, or all."""
        return end if end <= ripe else max(start, start + (ripe - start) // self._slot * self._slot)

    def _release(self, due: int, *, sure: bool = False) -> None:
        """What is held up to `due` gets its verdict, less the uncertainty of its clock unless that is `sure`."""
        while (first := self._held.first) is not None:
            end = self._due(first.start, first.end, due if sure else due - first.clock.uncertainty)
            if end <= first.start:
                break
            self._out.decide(first.start, end, first.clock, self._held)
            self._held.drop(end)

    def _hand_over(self) -> tuple[Segment, ...]:
        ready = self._out.take_ready()
        self._limit = self._next_limit()
        return ready
