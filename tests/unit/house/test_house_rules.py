"""The house rules over everything that ships. What a rule lets pass stands, with its reason, in `house_allowed`."""

from collections.abc import Callable, Iterable
from pathlib import Path

import house_allowed
import house_errors
import house_rules
import house_waits
import pytest
from house_rules import Offence, Source

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "src" / "onrecord"


def sources(folder: Path, *patterns: str) -> list[Source]:
    found = sorted({path for pattern in patterns for path in folder.rglob(pattern)})
    return [Source(path.relative_to(folder).as_posix(), path.read_text("utf-8")) for path in found if path.is_file()]


PYTHON = sources(PACKAGE, "*.py")
FAMILY = house_errors.family(PYTHON)


def listed(offences: Iterable[Offence]) -> str:
    return "\n".join(map(str, sorted(offences)))


@pytest.mark.parametrize(
    "rule",
    [
        house_rules.module_length,
        house_rules.function_length,
        house_rules.vague_name,
        house_rules.init_is_a_docstring,
        house_rules.wall_clock,
        house_rules.silence,
        house_rules.log_line,
        house_rules.logger,
        house_rules.loud,
        house_rules.builtin_errors,
        house_waits.waits,
    ],
    ids=lambda rule: rule.__name__,
)
def test_the_package(rule: Callable[[Source], Iterable[Offence]]) -> None:
    assert listed(offence for source in PYTHON for offence in rule(source)) == ""


def test_every_error_has_a_code_of_its_own() -> None:
    assert listed(house_errors.codes(FAMILY, house_allowed.INHERITING, house_allowed.SHARED_CODES)) == ""


def test_errors_say_one_lower_case_line_without_content() -> None:
    found = (o for source in PYTHON for o in house_errors.messages(source, FAMILY, house_allowed.INTERPOLATED))
    assert listed(found) == ""


@pytest.mark.parametrize("folder", ["src", "tests", "bench", "demo"])
def test_a_suppression_says_what_and_why(folder: str) -> None:
    assert listed(o for source in sources(ROOT / folder, "*.py") for o in house_rules.suppression(source)) == ""


def test_benches_measure_with_running_clocks() -> None:
    assert listed(o for source in sources(ROOT / "bench", "*.py") for o in house_rules.wall_clock(source)) == ""


def texts() -> list[Source]:
    found = [Source(path.name, path.read_text("utf-8")) for path in (*ROOT.glob("*.md"), *ROOT.glob("*.toml"))]
    found += [Source("Makefile", (ROOT / "Makefile").read_text("utf-8"))]
    found += sources(ROOT / "docs", "*.md", "*.yaml", "*.json")
    return found + sources(ROOT / "src", "*.py", "*.yaml", "*.json", "*.j2", "*.css", "*.js", "*.html")


@pytest.mark.parametrize("rule", [house_rules.unfinished, house_rules.machine_path], ids=lambda rule: rule.__name__)
def test_what_is_read(rule: Callable[[Source], Iterable[Offence]]) -> None:
    assert listed(offence for source in texts() for offence in rule(source)) == ""


def test_the_rules_see_the_house() -> None:
    assert {source.room for source in PYTHON} >= {"base", "policy", "interaction", "capture", "vault", "ledger"}
    assert len(PYTHON) > 40
    assert len(FAMILY.classes) > 20
    assert any(source.path == "README.md" for source in texts())


def test_what_is_allowed_is_still_there() -> None:
    """An exception that nothing uses any more is taken out."""
    by_path = {source.path: source.text for source in PYTHON}
    gone = [(path, told) for path, told in house_allowed.INTERPOLATED if path not in by_path]
    gone += [
        (path, told)
        for path, told in house_allowed.INTERPOLATED
        if path in by_path and not _interpolates(by_path[path], path, told)
    ]
    assert gone == []
    assert all(kind in FAMILY.classes for kind in house_allowed.INHERITING)
    told = [kind.code for kind in FAMILY.classes.values()]
    assert [code for code in house_allowed.SHARED_CODES if told.count(code) < 2] == []
    logged = "\n".join(by_path.values())
    assert [key for key in house_allowed.LOG_KEYS if f"{key}=" not in logged] == []


def _interpolates(text: str, path: str, told: str) -> bool:
    """Whether the file would be at fault without this one exception."""
    rest = house_allowed.INTERPOLATED.keys() - {(path, told)}
    return any(told in offence.what for offence in house_errors.messages(Source(path, text), FAMILY, rest))
