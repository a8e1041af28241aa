"""What is owed beside the verdicts: records of a duty, disclosures; and what agent and bot are told to do."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from onrecord.policy.book import Book
from onrecord.policy.call import Call
from onrecord.policy.clauses import Disclosed
from onrecord.policy.kept import Kept
from onrecord.policy.kinds import Kind
from onrecord.policy.notice import disclosed
from onrecord.policy.purposes import CONTENT, INDEX
from onrecord.policy.situations import MEANING, Situation
from onrecord.policy.survey import Survey
from onrecord.policy.verdict import Ruling, Verdict

END_OR_MOVE = "end_or_move_call"
MOVE = "move_to_unrecorded"
READ = "read_prompt"
_BOTS = frozenset(
    {"bot", "voicebot", "voice_bot", "ai_bot", "chatbot", "assistant", "ai_agent", "virtual_agent", "voice_agent"}
)
_UNASKED = Situation.CONSENT_MISSING.bit | Situation.NOTICE_MISSING.bit | Situation.SOURCE_STOPPED.bit
_OPTED = Situation.OPTED_OUT.bit | Situation.OPTED_OUT_SCOPED.bit
_CONTENT = sum(1 << INDEX[kind] for kind in CONTENT)
_ANY_OF = {
    Disclosed.RECORDING: _CONTENT,
    Disclosed.AI: _CONTENT,
    Disclosed.EMOTION: 1 << INDEX[Kind.SENTIMENT],
    Disclosed.VOICE_COPY: 1 << INDEX[Kind.AUDIO_RECORDING],
}


class Directive(NamedTuple):
    """What agent or bot is to do, why, and since when: seconds."""

    directive: str
    why: str
    t: float


class Owed(NamedTuple):
    """`conflicts`: ids of duties that a restriction meets; `missing`: what has not been disclosed and should have."""

    conflicts: frozenset[str] = frozenset()
    missing: frozenset[Disclosed] = frozenset()
    told: tuple[tuple[str, str], ...] = ()


NOTHING = Owed()
_ASKING: Kept[tuple[str, ...], Owed] = Kept()


def owed(book: Book, call: Call, survey: Survey, rulings: Sequence[Ruling], on: int, was_on: int) -> Owed:
    """`on`: bits of the kinds that capture; `was_on`: of those that did before."""
    if not (book.duties or book.unrecorded or call.registered):
        if call.ended is not None:
            return NOTHING
        return _ASKING.get(survey.asking) or _ASKING.keep(survey.asking, _asking(survey))
    conflicts = _conflicts(book, call, survey, rulings, was_on) if book.duties else NOTHING.conflicts
    missing = _missing(book, call, on) if book.disclosures and call.ended is None else NOTHING.missing
    told = () if call.ended is not None else tuple(_told(book, call, survey, conflicts, missing))
    return Owed(conflicts, missing, told)


def _asking(survey: Survey) -> Owed:
    return Owed(told=tuple([(READ, reason) for reason in survey.asking]))


def raised(now: Owed, before: Owed) -> list[str]:
    """The flags of what is owed now and was not before."""
    names = ["DUTY_CONFLICT"] if now.conflicts - before.conflicts else []
    return [*names, "DISCLOSURE_MISSING"] if now.missing - before.missing else names


def since(now: Owed, before: tuple[Directive, ...], at: float) -> tuple[Directive, ...]:
    """The directives of this instant; those that held already do so since they began."""
    known = {(directive, why): t for directive, why, t in before}
    return tuple(Directive(directive, why, known.get((directive, why), at)) for directive, why in now.told)


def _conflicts(book: Book, call: Call, survey: Survey, rulings: Sequence[Ruling], was_on: int) -> frozenset[str]:
    """While the call is on, what keeps a kind of a duty from being captured, other than that nobody has been asked yet;
    once it has ended, that it never was."""
    found: set[str] = set()
    for duty in book.duties:
        for kind in duty.kinds:
            index = INDEX[kind]
            if call.ended is not None:
                met = bool(was_on >> index & 1)
            else:
                restricted = rulings[index].verdict < Verdict.CAPTURE
                met = not restricted or (not was_on >> index & 1 and not _restrictions(survey, index))
            if not met:
                found.add(duty.id)
    return frozenset(found)


def _restrictions(survey: Survey, index: int) -> bool:
    """Whether anything but an answer that is still awaited keeps it closed."""
    return bool(survey.bits[index] & ~_UNASKED) or survey.judged[index].reason == MEANING[Situation.ALWAYS].reason


def _missing(book: Book, call: Call, on: int) -> frozenset[Disclosed]:
    """Only where registered prompts are in use: what others say nobody here knows."""
    if not call.registered:
        return NOTHING.missing
    asked = call.asked()
    bot = any(member.role.rstrip("0123456789_-# ") in _BOTS for member in call.members)
    found: set[Disclosed] = set()
    for what in book.disclosures:
        due = bool(on & _ANY_OF[what])
        if what is Disclosed.AI:
            due = (due and bot) or call.spoken
        if due and not all(disclosed(member, what, book.grade) for member in asked):
            found.add(what)
    return frozenset(found)


def _told(
    book: Book, call: Call, survey: Survey, conflicts: frozenset[str], missing: frozenset[Disclosed]
) -> Iterator[tuple[str, str]]:
    if conflicts:
        yield END_OR_MOVE, "DUTY_CONFLICT"
    if book.unrecorded and call.unrecorded is None and any(bits & _OPTED for bits in survey.bits):
        yield MOVE, "OPT_OUT"
    for reason in survey.asking:
        yield READ, reason
    if missing:
        yield READ, "DISCLOSURE_MISSING"
