"""`onrecord demo`: a real call through a real server, recorded under consent and proved offline."""

import argparse
import shutil
import sys
from pathlib import Path

from onrecord.base.errors import OnRecordError
from onrecord.entrypoints.cli.demo_call import aftermath
from onrecord.entrypoints.cli.demo_call.call import load
from onrecord.entrypoints.cli.demo_call.story import tell
from onrecord.entrypoints.cli.rehearsal.claims import Claims, heading, line
from onrecord.entrypoints.cli.rehearsal.host import serving

OWN = ("data", "keys", "evidence.zip", "result.json", "server.log", "ready.json")


class DemoOutError(OnRecordError):
    code = "demo_out_not_empty"


def run(argv: list[str]) -> int:
    """0 only where every claim that was printed was checked and holds, 1 where one does not, 2 where it cannot run."""
    parser = argparse.ArgumentParser(prog="onrecord demo")
    parser.add_argument("--out", type=Path, default=Path("onrecord-demo"), help="folder for what the demo leaves")
    parser.add_argument("--speed", type=float, default=20.0, help="media seconds a second; 0: as fast as it goes")
    given = parser.parse_args(argv)
    call = load()
    _clear(given.out)
    claims = Claims()
    with serving(given.out) as host:
        story = tell(host, call, claims, given.speed)
        pack = given.out / "evidence.zip"
        pack.write_bytes(host.call("GET", f"/v1/interactions/{story.interaction}/evidence").body)
        heading("The evidence, verified by another process that sees only the file")
        aftermath.verify(pack, host, claims)
    heading("What is left on disk")
    aftermath.search(given.out, call, claims)
    aftermath.decrypt(given.out, call, story, claims)
    claims.write(given.out / "result.json")
    heading(f"{sum(claim.ok for claim in claims.made)} of {len(claims.made)} claims hold.")
    line(f"  evidence: {pack}\n  verify:   onrecord verify {pack}")
    if not claims.hold:
        print("onrecord: demo_claim_failed: a claim does not hold", file=sys.stderr)
    return 0 if claims.hold else 1


def _clear(out: Path) -> None:
    """Removes what an earlier demo left, and nothing else. Errors: DemoOutError."""
    if out.exists() and (not out.is_dir() or any(entry.name not in OWN for entry in out.iterdir())):
        raise DemoOutError("the folder holds something that is not the demo's")
    for name in OWN:
        entry = out / name
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
