"""Notices: what was read to a party, how surely it reached them, and what it says."""

from collections.abc import Mapping

from onrecord.policy.call import BEFORE, CUSTOMER, Call, Heard, Member, Span, prompt_of
from onrecord.policy.clauses import Disclosed
from onrecord.policy.options import GRADES
from onrecord.policy.purposes import CONVERSATION, Purpose, opened

Data = Mapping[str, object]
HEARD = GRADES.index("heard")
_WORDS = frozenset(what.value for what in Disclosed)


def asked_for(data: Data) -> frozenset[Purpose] | None:
    """What the registered version that an event names asks for; None where it names none."""
    registered = data.get("registered")
    return opened(registered.get("purposes") or ()) if isinstance(registered, Mapping) else None


def _disclosed(data: Data) -> frozenset[str] | None:
    registered = data.get("registered")
    if not isinstance(registered, Mapping):
        return None
    listed = registered.get("discloses")
    told = listed if isinstance(listed, list | tuple) else ()
    return frozenset(word for word in told if isinstance(word, str) and word in _WORDS)


def deliver(call: Call, data: Data, span: Span, version: str) -> Call:
    """A prompt as its sender tells of it: claimed, or sent."""
    grade = GRADES.index("sent" if data.get("grade") == "sent" else "claimed")
    heard = Heard(version, span, grade, asked_for(data), _disclosed(data))
    members = list(call.members)
    for index in call.named(data.get("to"), data.get("party_id")):
        members[index] = _with(members[index], heard)
    told = call.registered or heard.discloses is not None
    spoken = call.spoken or data.get("channel") == "bot"
    return call._replace(members=tuple(members), spoken=spoken, registered=told)


def expect(call: Call, data: Data, span: Span, version: str) -> Call:
    """A prompt that may have been read, and proves nothing: an answer from now on may be to it."""
    members = list(call.members)
    for index in call.named(data.get("to"), data.get("party_id")):
        members[index] = members[index].told((*members[index].heard, Heard(version, span, -1)))
    return call._replace(members=tuple(members))


def prove(call: Call, data: Data, span: Span, version: str) -> Call:
    """A prompt that was found in the sound, or not: it proves the delivery to those who were told it, else to the
    customer, where all of it was heard."""
    if data.get("grade") != "heard":
        return call
    known = [index for index, member in enumerate(call.members) if any(h.version == version for h in member.heard)]
    members = list(call.members)
    for index in known or call.named(CUSTOMER):
        mine = [h for h in members[index].heard if h.version == version]
        purposes, discloses = asked_for(data), _disclosed(data)
        if mine and purposes is None:
            purposes, discloses = mine[-1].purposes, mine[-1].discloses
        members[index] = _with(members[index], Heard(version, span, HEARD, purposes, discloses))
    return call._replace(members=tuple(members))


def _with(member: Member, new: Heard) -> Member:
    """A text that was read several times in a row counts once, unless it had to be read again."""
    last = member.heard[-1] if member.heard else None
    if last is not None and last[2:] == new[2:] and last.version == new.version and last.span.early >= _since(member):
        return member
    others = [heard for heard in member.heard if heard.version != new.version or heard[2:] != new[2:]]
    return member.told((*others, new))


def _since(member: Member) -> float:
    return max(member.renotice, BEFORE if member.joined is None else member.joined)


def grade_of(member: Member, version: str | None, before: float) -> int:
    """The best grade with which a text is known to have reached a party before an instant; -1: none."""
    found = [heard.grade for heard in member.heard if heard.version == version and heard.span.late <= before]
    return max(found, default=-1)


def noticed(call: Call, member: Member, purpose: Purpose, least: int) -> bool:
    """Whether a party was told of a purpose, at the least grade, in the words that are current, since it joined or a
    transfer left its consent behind. What no register says anything of is about recording and what is made of it."""
    since = _since(member)
    for heard in member.heard:
        covers = CONVERSATION if heard.purposes is None else heard.purposes
        if heard.grade >= least and purpose in covers and heard.span.early >= since and _current(call, heard.version):
            return True
    return False


def _current(call: Call, version: str) -> bool:
    own = {holding.value for holding in call.versions if prompt_of(holding.value) in ("", prompt_of(version))}
    return own <= {version}


def disclosed(member: Member, what: Disclosed, least: int) -> bool:
    return any(what in (heard.discloses or ()) and heard.grade >= least for heard in member.heard)
