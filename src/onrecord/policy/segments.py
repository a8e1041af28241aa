"""Sensitive segments: their beginning, their end and the consent to one of them."""

from collections.abc import Mapping

from onrecord.policy.book import Book
from onrecord.policy.call import Call, Segment, Span, marked
from onrecord.policy.standing import pauses

Data = Mapping[str, object]


def begin(call: Call, data: Data, span: Span) -> Call:
    told, number = data.get("segment"), data.get("n")
    kind = told if isinstance(told, str) else "unknown"
    n = number if isinstance(number, int) and not isinstance(number, bool) else call.counted.get(kind, 0) + 1
    counted = {**call.counted, kind: max(n, call.counted.get(kind, 0))}
    others = tuple(s for s in call.segments if (s.type, s.n) != (kind, n))
    late = max([span.late, *(s.late for s in call.segments if (s.type, s.n) == (kind, n))])
    return call._replace(segments=(*others, Segment(kind, n, late)), counted=counted)


def _spoken_of(call: Call, data: Data, span: Span) -> list[Segment]:
    """The open segments that an opening may speak of, those first which began first."""
    number = data.get("n")
    if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
        return []
    return [
        s
        for s in call.segments
        if s.type == data.get("segment") and s.late <= span.early and (number is None or s.n == number)
    ]


def end(call: Call, data: Data, span: Span, book: Book) -> Call:
    found = _spoken_of(call, data, span)
    if not found:
        return call
    first = found[0]
    marks = marked(call, "SEGMENT_ENDED") if pauses(first, book) else call.marks
    return call._replace(segments=tuple(s for s in call.segments if s is not first), marks=marks)


def agree(call: Call, data: Data, span: Span) -> Call:
    result, told = data.get("result"), data.get("segment")
    if result == "declined":
        refused = [s for s in call.segments if s.type == told or not isinstance(told, str)]
        after = {s: s._replace(consent=False, declined=max(s.declined, span.late)) for s in refused}
        return call._replace(segments=tuple(after.get(s, s) for s in call.segments))
    if result != "accepted":
        return call
    speaking = call.named(data.get("party"), data.get("party_id"))
    if len(speaking) != 1 or call.members[speaking[0]].staff:
        return call
    agreed = [s for s in _spoken_of(call, data, span) if s.declined <= span.early]
    return call._replace(segments=tuple(s._replace(consent=True) if s in agreed else s for s in call.segments))
