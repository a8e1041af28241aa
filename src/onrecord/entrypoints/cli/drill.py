"""`onrecord drill`: a synthetic call through the running server that tries every control. Fit for a schedule."""

import argparse
import asyncio
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from onrecord.entrypoints.cli.drill_call import aftermath
from onrecord.entrypoints.cli.drill_call.call import ClosedError, Course, head, tones
from onrecord.entrypoints.cli.drill_call.systems import playing
from onrecord.entrypoints.cli.rehearsal.claims import Claims, heading
from onrecord.entrypoints.cli.rehearsal.host import Host, found
from onrecord.entrypoints.cli.rehearsal.player import play


def run(argv: list[str]) -> int:
    """0 where every control holds, 1 where one does not, 2 where it cannot run."""
    parser = argparse.ArgumentParser(prog="onrecord drill")
    parser.add_argument("--ready-file", type=Path, required=True, help="of the running server")
    parser.add_argument("--jurisdiction", default="US-CA", metavar="PLACE", help="of the customer in the call")
    parser.add_argument("--json", action="store_true", help="one document instead of the report")
    given = parser.parse_args(argv)
    host = found(given.ready_file)
    claims = Claims(quiet=given.json)
    with tempfile.TemporaryDirectory(prefix="onrecord-drill-") as folder:
        identifier = _drill(host, Path(folder), given.jurisdiction, claims)
    if given.json:
        print(json.dumps({"ok": claims.hold, "interaction": identifier, "checks": claims.listed()}))
    else:
        heading(f"{sum(claim.ok for claim in claims.made)} of {len(claims.made)} controls hold ({identifier}).")
    if not claims.hold:
        print("onrecord: drill_failed: a control does not hold", file=sys.stderr)
    return 0 if claims.hold else 1


def _drill(host: Host, folder: Path, place: str, claims: Claims) -> str:
    """The id of the interaction. Errors: HostError, StreamError."""
    call = tones()
    with playing(host, folder) as players:
        made = host.need("POST", "/v1/interactions", head(place))
        path = f"/v1/interactions/{made['id']}"
        agent = dataclasses.replace(host, key=host.need("POST", f"{path}/strip-tokens")["token"])
        course = Course(host, agent, made["id"], players, claims)
        try:
            asyncio.run(play(call, host.ws, made["stream_token"], course))
        except ClosedError as error:
            print(f"onrecord: {error.diagnostics()}: {course.closed}", file=sys.stderr)
            aftermath.forget(host, path, [], claims)
            return str(made["id"])
        aftermath.derive(host, path, claims)
        recordings = aftermath.listen(host, path, call, claims)
        aftermath.account(host, path, claims)
        aftermath.prove(host, path, folder, claims)
        aftermath.forget(host, path, recordings, claims)
    return str(made["id"])
