"""Where feelings may not be inferred: at work, in education, of staff and of candidates (EU AI Act, art. 5(1)(f))."""

from collections.abc import Iterable
from functools import lru_cache

from onrecord.policy.book import Book
from onrecord.policy.call import CUSTOMER, Member, staffed

_INTERVIEW = frozenset({"interview", "interviews"})
_SECTORS = frozenset(
    {"hiring", "recruitment", "recruiting", "hr", "human_resources", "employment"}
    | {"staffing", "workplace", "work", "education", "school", "university", "training"}
)
_ROLES = frozenset(
    {"candidate", "applicant", "interviewee", "employee", "worker", "trainee", "apprentice", "student", "pupil"}
)


@lru_cache(maxsize=1024)
def prohibited(sector: str, role: str) -> bool:
    """Whether nobody may infer the feelings of a party in that role, in a conversation of that sector. Whoever is
    interviewed is a candidate unless called a customer."""
    bare, sector = role.rstrip("0123456789_-# ").lower(), sector.lower()
    if sector in _INTERVIEW and bare != CUSTOMER:
        return True
    return sector in _SECTORS or bare in _ROLES or staffed(bare)


def barred(sector: str, asked: Iterable[Member], book: Book) -> bool:
    """Whether sentiment may not be made of a call at all. What is made of it is of those who are asked."""
    return not book.emotion_allowed or any(prohibited(sector, member.role) for member in asked)
