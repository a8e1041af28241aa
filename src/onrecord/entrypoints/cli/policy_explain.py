"""`onrecord policy explain`: why one kind has the verdict that it has, in a scenario or in a running server."""

import argparse
import ipaddress
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from onrecord.base.errors import OnRecordError
from onrecord.entrypoints.cli.policy_test import printable, read_file
from onrecord.entrypoints.packfolder import policy_packs
from onrecord.policy import scenario
from onrecord.policy.explanation import explanation
from onrecord.policy.kernel import replay
from onrecord.policy.kinds import Kind
from onrecord.policy.policy import compile_policy

DONE, UNREADABLE = 0, 2
_TIMEOUT_S = 30.0


class AskError(OnRecordError):
    code = "server_not_asked"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="onrecord policy explain")
    parser.add_argument("--kind", required=True, choices=[kind.value for kind in Kind])
    parser.add_argument("--t", type=_seconds, metavar="SECONDS", help="the instant; of a server's call by default now")
    parser.add_argument("--as-of", type=_seconds, metavar="SECONDS", help="what was known by then; default: everything")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    offline = parser.add_argument_group("of a scenario")
    offline.add_argument("--scenario", type=Path, metavar="FILE")
    offline.add_argument("--packs", type=Path, metavar="DIR", help="folder with further policy packs")
    asked = parser.add_argument_group("of a conversation")
    asked.add_argument("--server", metavar="URL", help="its origin: https, or a loopback address")
    asked.add_argument("--key-file", type=Path, metavar="F", help="holds a key with the scope record:read")
    asked.add_argument("--interaction", metavar="ID")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= scenario.LAST_SECOND:
        raise argparse.ArgumentTypeError("seconds from 0 on")
    return seconds


def run(argv: list[str]) -> int:
    """0, or 2 where there is nothing to explain or nobody to ask."""
    parser = _parser()
    given = parser.parse_args(argv)
    asking = (given.server, given.key_file, given.interaction)
    if given.scenario is not None and not any(asking) and given.t is not None:
        told = _offline(given)
    elif given.scenario is None and all(asking) and given.packs is None:
        told = _asked(given)
    else:
        parser.error("either --scenario and --t, or --server, --key-file and --interaction")
    if given.json:
        print(json.dumps(told))
    else:
        print("\n".join(printable(line) for line in _lines(told)))
    return DONE


def _offline(given: argparse.Namespace) -> dict[str, Any]:
    """Errors: PolicyError, OpenError."""
    read = scenario.parse(read_file(given.scenario))
    last = max((fact.received for fact in read.facts), default=0.0)
    as_of = max(last, given.t) if given.as_of is None else given.as_of
    timeline = replay(compile_policy(policy_packs(given.packs), read.head), read.head, read.facts, as_of)
    return {"scenario": read.id, "as_of": as_of, **explanation(timeline, Kind(given.kind), given.t)}


def _asked(given: argparse.Namespace) -> dict[str, Any]:
    """Errors: AskError."""
    query = {"kind": given.kind, "t": given.t, "as_of": given.as_of}
    path = f"{_origin(given.server)}/v1/interactions/{given.interaction}/explanation"
    try:
        key = given.key_file.read_text(encoding="ascii").strip()
        with httpx.Client(trust_env=False, timeout=_TIMEOUT_S) as client:
            answer = client.get(
                path,
                params={name: value for name, value in query.items() if value is not None},
                headers={"Authorization": f"Bearer {key}"},
            )
            told = answer.json()
    except (OSError, ValueError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise AskError("the server cannot be reached, or answers what is not of its protocol") from error
    if answer.status_code != httpx.codes.OK or not isinstance(told, dict) or "conditions" not in told:
        code = told.get("code") if isinstance(told, dict) else None
        print(printable(f"onrecord: the server says {answer.status_code} {code}"), file=sys.stderr)
        raise AskError("the server does not explain this")
    return told


def _origin(url: str) -> str:
    """A key goes out in clear to nobody but this machine. Errors: AskError."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not (url.startswith("https://") or (url.startswith("http://") and local)):
        raise AskError("the server is https, or a loopback address")
    return url.rstrip("/")


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    by = f" by {told['cause']}" if told["cause"] else ""
    yield f"{told['kind']} at {told['t']:g} s, as known at {told['as_of']:g} s"
    yield f"  {told['verdict']} ({told['state']}), {told['reason']}, since {told['since']:g} s{by}"
    if told["draft"]:
        yield "  RESTS ON RULES THAT NOBODY HAS REVIEWED (draft)"
    yield f"  {told['purpose']}, on the basis of {told['legal_basis']}, kept {told['retention']}"
    if told["retention_note"]:
        yield f"  {told['retention_note']}"
    for condition in told["conditions"]:
        yield from _condition(condition)
    for source in told["sources"]:
        yield f"made of {source['kind']}: {source['verdict']} ({source['state']}), {source['reason']}"
    for directive in told["directives"]:
        yield f"to do: {directive['directive']}, {directive['why']}, since {directive['t']:g} s"
    for party in told["parties"]:
        yield from _party(party)
    for one in told["disputed"]:
        by = "the tenant's choice" if one["chosen"] else "by default"
        yield f"disputed: {one['place']} may be {' or '.join(one['readings'])}; read as {one['reading']}, {by}"
    for name in ("duties", "documentation", "disclosures", "rights"):
        for clause in told[name]:
            more = " ".join(str(clause[field]) for field in ("what", "within", "retention") if clause.get(field))
            met = " IN CONFLICT" if clause.get("conflict") else " MISSING" if clause.get("missing") else ""
            yield f"{name}: {more}{met}  {_cited(clause)}"
    yield "packs: " + ", ".join(f"{pack['id']}@{pack['version']} ({pack['status']})" for pack in told["packs"])


def _condition(told: Mapping[str, Any]) -> Iterator[str]:
    event = told["event"]
    by = (
        "from the beginning" if event is None else f"since {told['since']:g} s by {event['event_id']} ({event['type']})"
    )
    yield f"{told['condition']}: {told['verdict']}, {by}"
    for rule in told["rules"]:
        yield f"  rule {_cited(rule)}"
    if not told["can_end"]:
        yield "  this cannot end"
    for way in told["lifted_by"]:
        yield f"  ends with {', then '.join(map(_event, way))}"


def _event(told: Mapping[str, Any]) -> str:
    covering = f" (a prompt for {', '.join(told['covers'])})" if told["covers"] else ""
    return f"{told['type']} {json.dumps(told['fields'])}{covering} from {' or '.join(told['sources']) or 'nobody'}"


def _cited(clause: Mapping[str, Any]) -> str:
    if clause["pack"] is None:
        return f"{clause['id']}  whatever the packs say"
    until = f" until {clause['until']}" if clause["until"] else ""
    named = f"{clause['id']}  {clause['pack']}@{clause['version']}"
    return f"{named}  [{clause['status']}]  from {clause['effective']}{until}  {clause['citation']}"


def _party(told: Mapping[str, Any]) -> Iterator[str]:
    places = ", ".join(f"{place['place']} ({place['regime']})" for place in told["places"])
    states: Sequence[str] = [f"{purpose} {state}" for purpose, state in told["consents"].items()]
    yield f"party {told['party']}: {places}{'; ' + ', '.join(states) if states else '; not asked'}"
