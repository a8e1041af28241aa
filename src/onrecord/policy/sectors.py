"""Sectors of conversations: how they are written, and which words are health care."""

from collections.abc import Iterable
from functools import lru_cache

HEALTH = frozenset(
    {"health", "healthcare", "health_care", "hospital", "clinic", "medical", "telehealth", "telemedicine", "pharmacy"}
    | {"dental", "mental_health", "health_insurance", "health_plan", "nursing", "care", "life_sciences"}
    | {"health*", "ehealth*", "mhealth*", "telehealth*", "medic*", "paramedic*", "biomedic*", "telemedic*", "clinic*"}
    | {"polyclinic*", "hospital_*", "hospitals_*", "pharma*", "psych*", "dental*", "dentist*", "denture*", "doctor_*"}
    | {"doctors_*", "physician*", "physio*", "gp_*", "therapist*", "therapy*", "therapies*", "lab", "labs"}
    | {
        "laborator*",
        "radiolog*",
        "optician*",
        "optometr*",
        "ophthalm*",
        "hospice*",
        "ambulance*",
        "nurse_*",
        "nurses_*",
    }
    | {"nursing*", "patient*", "surgeon*", "surgery*", "surgical*", "midwi*", "maternity*", "oncolog*", "cardiolog*"}
    | {"dermatolog*", "patholog*", "pediatr*", "paediatr*", "orthodont*", "orthop*", "chiropract*", "podiatr*"}
    | {"rehab*", "diagnostics", "vaccin*", "hipaa*", "care_home*", "home_care", "primary_care", "urgent_care"}
    | {"elder_care", "aged_care"}
)
"""Health care, as `health-us` and the contracts of vendors mean it. `medic*`: a word of it begins so."""


def written(sector: str) -> str:
    """Small letters, words joined by `_`."""
    return "_".join(sector.strip().lower().replace("-", " ").replace("_", " ").replace("/", " ").split())


def among(sector: str, listed: Iterable[str]) -> bool:
    """Whether a list names a sector: as a whole, or, with `*` at its end, the beginning of one of its words."""
    plain = written(sector)
    words = f"_{plain}_"
    return any(f"_{each[:-1]}" in words if each.endswith("*") else each == plain for each in listed)


def meet(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two lists may name the same sector."""
    pairs = ((a, b) for a in one for b in other)
    return any(among(a.rstrip("*"), (b,)) or among(b.rstrip("*"), (a,)) for a, b in pairs)


@lru_cache(maxsize=1024)
def is_health(sector: str) -> bool:
    return among(sector, HEALTH)
