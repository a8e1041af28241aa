"""A seeded life of a plane: two conversations driven through the use cases, and a book of what was acknowledged."""

import asyncio
import random

from plane_stores import Disks, Fault, Process, Steps, deploy

from onrecord.base.clock import ManualClock
from onrecord.base.errors import OnRecordError
from onrecord.base.stretch import FOREVER
from onrecord.capture.words import Word
from onrecord.interaction.record import ArtifactState
from onrecord.policy.kinds import Kind
from onrecord.signal.encoding import Encoding
from onrecord.workflow.admit import NewInteraction, NewParty, admit, issue_token
from onrecord.workflow.derive import NewArtifact, Source, derive
from onrecord.workflow.disclose import disclose
from onrecord.workflow.errors import GatesShutError, NotFoundError
from onrecord.workflow.export import export
from onrecord.workflow.find import find
from onrecord.workflow.keep_account import Keeper
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.recover import recover, rest
from onrecord.workflow.seal import seal
from onrecord.workflow.stream import NewTrack, close_stream, offer, open_stream
from onrecord.workflow.tell import tell
from onrecord.workflow.views import interaction as shown

RATE = 8000
WHO = Principal("tester", "any", frozenset(Scope))
PARTIES = (NewParty("customer", "US-CA", name="Wanda Quill"), NewParty("agent", "US-TX", "desk-4"))
TRACKS = ("customer", "agent")


def sound(start, samples):
    """What is said at a position, never silence: mu-law bytes 1 to 100."""
    cycle = bytes(range(1, 101))
    turn = start % 100
    return (cycle * (samples // 100 + 2))[turn : turn + samples]


class Call:
    """One conversation as its client knows it."""

    def __init__(self, name):
        self.name = name
        self.stream = None
        self.token = None
        self.at = dict.fromkeys(TRACKS, 0)
        self.told = {}
        self.artifacts = set()
        self.unsaid = []
        self.sealed = None
        self.erased = False
        self.ended = False
        self.shut = []

    @property
    def head(self):
        return max(self.at.values()) / RATE


class Life:
    def __init__(self, seed):
        self.dice = random.Random(seed)  # noqa: S311  (a repeatable walk)
        self.disks, self.clock = Disks(), ManualClock()
        self.fault = Fault()
        self.steps = Steps(self.dice)
        self.calls = {}
        self.numbers = iter(range(10**6))
        self.d = None
        self.errors = []
        self.settled = True

    # A process

    async def start(self):
        """A process that has recovered; what fails on the way is tried again, as a supervisor would. Its clients come
        to know that their streams have gone."""
        for call in self.calls.values():
            call.stream = None
        for again in range(12):
            if again == 4:
                self.fault.calm()
            try:
                self.process = Process()
                self.d = deploy(self.disks, self.fault, self.process, self.steps, self.clock)
                self.keeper = Keeper(self.d)
                await recover(self.d)
            except OnRecordError as error:
                self.errors.append(error.code)
                self.end()
            else:
                return
        raise AssertionError(f"no start: {self.errors}")

    def end(self):
        """The process is gone, whatever it was doing."""
        self.process.alive = False
        if self.d is not None:
            self.d.sequencer._wake.put(False)
            self.d = None
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        self.fault.dead = False
        self.clock.advance(3)

    async def leave(self):
        """An orderly end."""
        await self.attempt(rest(self.d))

    # What a client does

    async def live(self, call):
        return await find(self.d, call.name)

    async def begin(self):
        name, token = await admit(self.d, WHO, NewInteraction("retail", PARTIES))
        call = self.calls[name] = Call(name)
        call.token = token
        await self.say(call, "call_start", 0.0)
        await self.say(call, "prompt_delivered", 0.0, prompt_version="p1", channel="ivr")
        await self.say(call, "consent", 0.0, result="accepted", method="keypad", prompt_version="p1")

    async def say(self, call, kind, t, **data):
        await self.post(call, {"event_id": f"e{next(self.numbers)}", "type": kind, "t": t, **data})

    async def post(self, call, event):
        """What fails is kept, and said again later under the same id."""
        live = await self.live(call)
        try:
            told = await tell(self.d, live, WHO, [event], key=self.dice.choice([None, event["event_id"]]))
        except OnRecordError as error:
            call.unsaid.append(event)
            if isinstance(error, GatesShutError) and not self.fault.dead:
                gates = shown(self.d, live)["gates"]
                assert set(gates.values()) == {"shut"}, "a closing that was not stored keeps the gates shut"
                known = {s for a in live.conversation.artifacts.values() for s in (*a.segments, *a.superseded)}
                call.shut.append([event["t"], None, known])
            raise
        self.reopened(call, live)
        assert call.told.setdefault(event["event_id"], told.body["leaf_index"]) == told.body["leaf_index"]
        if event["type"] == "erasure_request":
            call.erased = True
        if event["type"] == "call_end":
            call.ended = True

    def reopened(self, call, live):
        """Media may have come between that and the answer."""
        ends = [shut.end for shut in live.shut if shut.end < FOREVER]
        for entry in call.shut:
            if entry[1] is None:
                entry[1] = max(ends, default=live.media_head())

    async def say_again(self, call):
        if call.unsaid:
            event = call.unsaid.pop(0)
            await self.post(call, event)

    async def connect(self, call):
        live = await self.live(call)
        if call.token is None:
            call.token = await issue_token(self.d, WHO, live)
        token, call.token = call.token, None
        tracks = [NewTrack(name, RATE, Encoding.MULAW) for name in TRACKS]
        call.stream = await open_stream(self.d, token, tracks, 0.0, "stream")

    async def hang_up(self, call):
        stream, call.stream = call.stream, None
        await close_stream(self.d, stream, "stop", {})

    async def media(self, call):
        """One to six seconds of each track, in frames of a second; some late, twice or lost."""
        if call.stream is None:
            await self.connect(call)
        for _ in range(self.dice.randrange(1, 7)):
            for track in TRACKS:
                at = call.at[track]
                lot = self.dice.random()
                if lot < 0.04 and at >= RATE:
                    offer(self.d, call.stream, track, at - RATE, sound(at - RATE, RATE))
                if lot < 0.97:
                    offer(self.d, call.stream, track, at, sound(at, RATE))
                call.at[track] = at + RATE
            self.clock.advance(1)
        for _ in range(self.dice.randrange(8)):
            await asyncio.sleep(0)

    async def close_some(self, call):
        t = max(0.0, call.head - self.dice.choice([0, 0.5, 1, 2, 3, 5, 8, 12]))
        kind = self.dice.choice(["segment", "opt_out", "consent_withdrawn", "segment", "declined"])
        if kind == "segment":
            await self.say(call, "segment_start", t, segment="payment", n=1)
            if self.dice.random() < 0.8:
                await self.say(call, "segment_end", t + self.dice.choice([0.5, 1, 2.5]), segment="payment", n=1)
        elif kind == "opt_out":
            await self.say(call, "opt_out", t, method="verbal", reason_code="asked")
            if self.dice.random() < 0.6:
                await self.say(call, "opt_in", t + 2, method="verbal")
        elif kind == "declined":
            await self.say(call, "consent", t, result="declined", method="verbal", prompt_version="p1")
            await self.say(call, "consent", t + 1, result="accepted", method="verbal", prompt_version="p1")
        else:
            await self.say(call, "consent_withdrawn", t, method="verbal")

    async def words(self, call):
        live = await self.live(call)
        sources = [
            Source(a.artifact, 0.0, call.head)
            for a in live.conversation.artifacts.values()
            if a.track == "customer" and a.state is ArtifactState.ACTIVE
        ]
        end = max(1.0, call.head)
        said = tuple(Word(f"w{n}", n + 0.1, n + 0.8, "customer") for n in range(int(end)))
        if self.dice.random() < 0.6:
            new = NewArtifact(Kind.TRANSCRIPT, tuple(sources), 0.0, end, words=said)
        else:
            new = NewArtifact(Kind.AI_SUMMARY, tuple(sources), 0.0, end, content="a short talk")
        made = await derive(self.d, live, WHO, new)
        call.artifacts.add(made["id"])

    async def listen(self, call):
        live = await self.live(call)
        if live.conversation.artifacts:
            await disclose(self.d, live, WHO, self.dice.choice(list(live.conversation.artifacts)), 0, None)

    async def erase(self, call):
        await self.say(call, "erasure_request", call.head, method="email")

    async def finish(self, call):
        if call.stream is not None:
            await self.hang_up(call)
        await self.say(call, "call_end", call.head)

    async def close_book(self, call):
        live = await self.live(call)
        call.sealed = await seal(self.d, live, WHO)
        call.stream = None

    async def prove(self, call):
        await export(self.d, await self.live(call), WHO, None)

    async def tick(self, _):
        self.clock.advance(1)
        await self.keeper.round()

    async def at_once(self, call):
        """Two clients and the media at the same time."""
        done = await asyncio.gather(
            self.close_some(call), self.words(call), self.media(call), self.close_some(call), return_exceptions=True
        )
        for error in done:
            if isinstance(error, BaseException):
                raise error

    async def step(self, call):
        early = [self.media] * 9 + [self.close_some] * 5 + [self.words] * 3 + [self.tick] * 3 + [self.at_once] * 3
        early += [self.listen, self.hang_up if call.stream else self.connect, self.prove, self.say_again, self.erase]
        if call.sealed:
            early = [self.listen, self.close_some, self.tick, self.prove, self.erase, self.say_again]
        elif call.ended:
            early = [self.words, self.close_some, self.close_book, self.close_book, self.tick, self.say_again]
        elif self.dice.random() < 0.06:
            early = [self.finish]
        await self.dice.choice(early)(call)

    async def attempt(self, doing):
        """One thing a client wants; a clear error is an answer."""
        try:
            await doing
        except NotFoundError:
            raise
        except OnRecordError as error:
            self.errors.append(error.code)

    async def run(self, steps):
        """As far as the process lives."""
        while len(self.calls) < 2 and not self.fault.dead:
            await self.attempt(self.begin())
        for _ in range(steps):
            if self.fault.dead or not self.calls:
                break
            await self.attempt(self.step(self.dice.choice(list(self.calls.values()))))
