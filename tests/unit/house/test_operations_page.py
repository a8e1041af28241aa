"""The page for operators is held against the code: log lines, metrics, troubles, alarms."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import house_rules
import pytest
from prometheus_client.parser import text_string_to_metric_families
from test_house_rules import PYTHON

from onrecord.entrypoints.api import metrics
from onrecord.workflow.alarms import Alarm, Why
from onrecord.workflow.deployment import Disk
from onrecord.workflow.health import Trouble
from onrecord.workflow.measures import Measures
from onrecord.workflow.outboxes import Outbox
from onrecord.workflow.subscribers import Subscribers

PAGE = (Path(__file__).parents[3] / "docs" / "design" / "operations.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """The table under a heading of which the first column's title is this."""
    found = re.search(rf"^\| {heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert found is not None, heading
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in found[1].splitlines()]


def words(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def test_every_log_line_is_told_of() -> None:
    told = {(row[0].strip("`"), row[1], frozenset(words(row[2]))) for row in rows("event")}
    lines: dict[tuple[str, str], frozenset[str]] = {}
    for source in PYTHON:
        for word, level, keys in house_rules.log_words(source):
            lines[word, level] = lines.get((word, level), frozenset()) | set(keys)
    assert told == {(word, level, keys) for (word, level), keys in lines.items()}
    assert len({word for word, _ in lines}) == len(lines), "one level a word"


def test_the_keys_of_log_lines_are_told_of() -> None:
    listed = re.search(r"^Keys: (.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    assert listed is not None
    assert words(listed[1]) == set(house_rules.LOG_KEYS)


def test_every_trouble_and_every_alarm_is_told_of() -> None:
    assert {row[0].strip("`") for row in rows("code")} == set(Trouble)
    alarms = rows("alarm")
    assert {row[0].strip("`") for row in alarms} == set(Alarm)
    assert [row[1].strip("`") for row in alarms] == list(Why)


def plane() -> Any:
    """With something counted of everything."""
    measures = Measures()
    measures.requested("getHealth", 200, 0.1)
    return SimpleNamespace(
        measures=measures,
        troubles=set(),
        live={},
        sequencer=SimpleNamespace(size=1),
        outbox=Outbox(),
        subscribers=Subscribers(),
    )


@pytest.mark.filterwarnings("error")
def test_every_metric_is_told_of() -> None:
    text = metrics.text(plane(), Disk(1, 1))
    found = set()
    for family in text_string_to_metric_families(text.decode()):
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        name = family.name + ("_total" if family.type == "counter" else "")
        if name.startswith("onrecord_"):
            found.add((name, family.type, frozenset(labels)))
    told = {(row[0].strip("`"), row[1], frozenset(words(row[2]))) for row in rows("name") if row[1]}
    empty = {"onrecord_streams_live", "onrecord_events_total", "onrecord_flags_total"}
    assert {each for each in told if each[0] not in empty} == {each for each in found if each[0] not in empty}
    assert {name for name, _, _ in told} == {name for name, _, _ in found}
