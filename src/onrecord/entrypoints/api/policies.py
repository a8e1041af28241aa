"""Policy as a tool: explain a verdict, try packs on scenarios, on combinations of places and on what is stored."""

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from starlette.responses import Response

from onrecord.entrypoints.api.interactions import instant_of, live_of
from onrecord.entrypoints.api.policy_forms import PolicyLint, PolicyMatrix, PolicyReplay, PolicyTest
from onrecord.entrypoints.api.problems import RequestError
from onrecord.entrypoints.api.replies import json_reply
from onrecord.entrypoints.api.route import Call
from onrecord.policy import pack, scenario, score
from onrecord.policy.errors import PolicyError
from onrecord.policy.facts import Head
from onrecord.policy.instead import instead
from onrecord.policy.kinds import Kind
from onrecord.policy.lint import Finding, Read, Stated
from onrecord.policy.lint import lint as check
from onrecord.policy.lintfile import read_pack
from onrecord.policy.matrix import SITUATIONS, matrix, named_places, named_sectors
from onrecord.policy.pack import Pack
from onrecord.policy.purposes import opened
from onrecord.workflow.explain import explain
from onrecord.workflow.rejudge import checked, page

MOST_COMBINATIONS = 5000
T = TypeVar("T")


async def show_explanation(call: Call) -> Response:
    kinds = {kind.value: kind for kind in Kind}
    kind = kinds.get(call.query("kind") or "")
    if kind is None:
        raise RequestError("`kind` is the kind of artifact to explain")
    live = await live_of(call)
    return json_reply(await explain(call.d, live, kind, instant_of(call, live, "t"), instant_of(call, live, "as_of")))


async def replay(call: Call) -> Response:
    body: PolicyReplay = call.body
    return json_reply(await _beside(call, lambda: page(call.d, _tried(call, body.packs), body.start, body.limit)))


async def show_matrix(call: Call) -> Response:
    body: PolicyMatrix = call.body
    return json_reply(await _beside(call, lambda: _matrix(_tried(call, body.packs), body)))


async def test(call: Call) -> Response:
    body: PolicyTest = call.body
    return json_reply(await _beside(call, lambda: _tested(checked(_tried(call, body.packs)), body.scenarios)))


async def lint(call: Call) -> Response:
    """Against what the registered prompts state."""
    body: PolicyLint = call.body
    return json_reply(await _beside(call, lambda: _linted(call, body.packs)))


async def _beside(call: Call, work: Callable[[], T]) -> T:
    """In the thread for what takes long: one at a time, and no gate waits."""
    return await asyncio.get_running_loop().run_in_executor(call.d.far_reader, work)


def _tried(call: Call, texts: Sequence[str]) -> tuple[Pack, ...]:
    return instead([loaded.pack for loaded in call.d.packs], [pack.parse(text.encode()) for text in texts])


def _linted(call: Call, texts: Sequence[str]) -> dict[str, Any]:
    """Packs given by their place in the list, from 0; without any, those that are loaded, by id."""
    packs = [Read(loaded.pack.id, loaded.pack) for loaded in call.d.packs] if not texts else []
    found: list[Finding] = []
    for place, text in enumerate(texts):
        known, own = read_pack(str(place), text.encode())
        packs += [] if known is None else [known]
        found += own
    prompts = [entry.prompt for entry in call.d.prompts.all()]
    stated = [Stated(each.name, opened(list(each.purposes) or None), each.retention) for each in prompts]
    found += check(packs, stated)
    drafts = {known.file: known.drafts() for known in packs}
    return {"ok": not found, "findings": [asdict(finding) for finding in found], "drafts": drafts}


def _matrix(packs: Sequence[Pack], body: PolicyMatrix) -> dict[str, Any]:
    try:
        day = None if body.date is None else dt.date.fromisoformat(body.date)
    except ValueError as error:
        raise RequestError("`date` is no day") from error
    situations = list(SITUATIONS) if body.situations is None else body.situations
    if not SITUATIONS.keys() >= set(situations):
        raise RequestError("`situations` names one that is not known")
    places = named_places(packs) if body.places is None else body.places
    sectors = named_sectors(packs) if body.sectors is None else body.sectors
    if len(places) * len(sectors) > MOST_COMBINATIONS:
        raise RequestError("too many places and sectors at a time")
    head = Head(artifacts_enabled=frozenset(Kind), overlay=body.policy, date=day)
    kinds = list(Kind) if body.kinds is None else body.kinds
    return {"rows": [row.shown() for row in matrix(packs, head, places, sectors, situations, kinds)]}


def _tested(packs: Sequence[Pack], scenarios: Sequence[Any]) -> dict[str, Any]:
    done: list[tuple[str, score.Score]] = []
    refused: list[dict[str, str]] = []
    for place, tree in enumerate(scenarios):
        try:
            done.append((str(place), score.score(packs, scenario.read(tree))))
        except PolicyError as error:
            refused.append({"file": str(place), "code": error.code, "detail": error.message})
    return {**score.shown(done), "refused": refused}
