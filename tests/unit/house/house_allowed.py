"""What the house rules let pass, each with its reason. A line here is an argument to have in review."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LogKey:
    """`value` is a pattern of the expressions that may stand for it: none that could carry what a client said."""

    reason: str
    value: str


LOG_KEYS = {
    "code": LogKey("the stable code of an error, a trouble or a notice", r"(error|ended)\.code|(code|kind)\.value"),
    "error": LogKey("the type of an error, never its text", r"type\(\w+\)\.__name__"),
    "route": LogKey("the operation id of a route, not its path", r"route(\.operation)?"),
    "door": LogKey("which socket door: a constant", r"(self\.)?door"),
    "alarm": LogKey("a word of a closed list", r"alarm|cause\.alarm\.value"),
    "why": LogKey("a word of a closed list", r"cause\.why\.value"),
    "interaction": LogKey(
        "the random id of a conversation, as rows and leaves show it in clear", r"cause\.interaction"
    ),
    "library": LogKey("the name of a package", r"library"),
    "version": LogKey("the version that runs", r"version\('onrecord'\)"),
    "host": LogKey("where this server was told to listen", r"given\.host"),
    "api_port": LogKey("a port of this server", r"port"),
    "media_port": LogKey("a port of this server", r"media_port"),
    "hold_back": LogKey("what this server was told, in seconds", r"given\.hold_back"),
    "objects_removed": LogKey("a count", r"removed"),
    "recordings": LogKey("a count", r"len\(late\)"),
}

LOGGERS_OF_LIBRARIES = {"entrypoints/ingest/server.py": "catches what the socket library says, and drops its words"}

SHARED_CODES = {
    "erased": "vault and workflow say the same of one fact; CONTRACT names the code",
    "storage_full": "storage and workflow say the same of one fact; CONTRACT names the code",
    "log_inconsistent": "ledger and workflow say the same of one fact",
    "invalid_request": "the door and the use case refuse a call for the same reason: its form",
}

INHERITING: dict[str, str] = {}

VERBATIM = {"SIGNER NOT VERIFIED: no key was given to trust": "words that CONTRACT fixes"}

_CONSTANT = "a constant of the module"
_FIELD = "the name of a field of our own form, never its value"
_MEMBER = "a member's name: lower-case ASCII in the one form that `container.is_name` knows"
_COUNT = "a number"
_DEMO = "the demo call's own script, in the package"
_SAID = "an error's own line, under these same rules"

_BY_FILE = {
    "capture/wire/jsontext.py": {"missing": _FIELD},
    "capture/wire/neutral.py": {"MAX_TRACKS": _CONSTANT},
    "entrypoints/api/app.py": {"name": "a parameter of a route's path: a constant"},
    "entrypoints/api/body.py": {
        "limit": _COUNT,
        "MAX_DEPTH": _CONSTANT,
        "wanted": "the media type that the call takes: a constant",
        "where": "a path of our own field names, cut out by a pattern; keys of clients stand as `[...]`",
    },
    "entrypoints/cli/demo_call/call.py": {"track.file": _DEMO, "name": "the name of a program: a constant"},
    "entrypoints/cli/rehearsal/host.py": {"method": "a method of HTTP: a constant", "answer.status": _COUNT},
    "entrypoints/cli/rehearsal/player.py": {"reason": "the code of a closed socket", "t": _COUNT},
    "entrypoints/packfolder.py": {
        "file.name": "the name of a file that the operator gave, as ASCII",
        "error.message": _SAID,
    },
    "evidence/build.py": {"error.diagnostics()": _SAID},
    "evidence/check_form.py": {
        "_listed(damaged)": _MEMBER,
        "_listed(unknown)": _MEMBER,
        "_listed(sorted(absent))": _MEMBER,
        "_listed(changed)": _MEMBER,
        "verifier.name": "a key that the verifier gave",
    },
    "evidence/check_log.py": {
        "opening.seq": _COUNT,
        "expected": _COUNT,
        "bare[0] if bare else ''": _COUNT,
        "kept[0] if kept else ''": _COUNT,
        "error.message": _SAID,
    },
    "evidence/check_story.py": {
        "len(erased)": _COUNT,
        "', '.join(other)": "names of derived members: constants",
        "hit or 0": _COUNT,
        "min(hits, default=0)": _COUNT,
        "samples": _COUNT,
        "told": _COUNT,
        "position": _COUNT,
        "start": _COUNT,
        "segment.start": _COUNT,
        "name": _MEMBER,
    },
    "evidence/read.py": {"opening.seq": _COUNT, "name": _MEMBER},
    "evidence/trial.py": {"name": _MEMBER},
    "evidence/verify.py": {"error.message": _SAID},
    "governance/legal_basis.py": {"field": _FIELD},
    "governance/profile.py": {"field": _FIELD},
    "governance/prompts.py": {"field": _FIELD},
    "policy/assertion.py": {"name": _FIELD},
    "policy/options.py": {
        "option": "a key of a table of the module, looked up before",
        "option.partition('.')[0]": "the group of an option that is known",
    },
    "policy/clauses.py": {"name": "the id of a rule, of the form of ids"},
    "policy/packform.py": {
        "where": "a field of the pack's format: a constant",
        "min(needed - value.keys())": "a field of the pack's format: a constant",
    },
    "policy/scenario.py": {
        "where": "a part of the scenario and its number, or its kind",
        "name": _FIELD,
        "error.message": _SAID,
    },
    "policy/policy.py": {"option.partition('.')[0]": "the group of an option that is known"},
    "workflow/packs.py": {"name": "the name of a file that the operator gave, as ASCII"},
    "workflow/principal.py": {"scope.value": "a word of a closed list"},
    "workflow/when.py": {"name": _FIELD},
}

INTERPOLATED = {(path, told): reason for path, names in _BY_FILE.items() for told, reason in names.items()}
