"""House rules as functions from one file's text to its offences. What is allowed beyond them is in `house_allowed`."""

import ast
import builtins
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from house_allowed import LOG_KEYS, LOGGERS_OF_LIBRARIES

MODULE_LINES = 300
FUNCTION_LINES = 60
VAGUE = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "misc", "lib"})
PURE_ROOMS = frozenset({"policy", "signal", "interaction", "capture", "evidence", "governance", "ledger"})
IMPURE_MODULES = frozenset({"ledger/sequencer.py"})
LOG_METHODS = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log", "msg"})
LOG_LEVELS = frozenset({"info", "warning", "error"})
LOG_BINDING = frozenset({"bind", "new", "unbind", "try_unbind"})
LOUD_MODULES = frozenset({"logging", "structlog", "warnings", "traceback", "pprint", "faulthandler"})
WALL_OF_TIME = frozenset({"time", "time_ns", "ctime", "gmtime", "localtime", "asctime", "strftime"})
WALL_OF_DATETIME = frozenset({"now", "utcnow", "today"})
TICKING = frozenset({"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time"})
SUPPRESSION = re.compile(r"#\s*(?:ruff:\s*)?(?:noqa|type:\s*ignore|mypy:|pragma:|nosec|pylint:)")
CODED = re.compile(
    r"#\s*(?:(?:ruff:\s*)?noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|type:\s*ignore\[[a-z-]+(?:,\s*[a-z-]+)*\])(?P<why>.*)"
)
UNFINISHED = re.compile(
    r"\b(?:TODO|FIXME|XXX|HACK|WIP|TBD)\b|NotImplementedError"
    r"|(?i:\bnot (?:yet )?implemented\b|\bunimplemented\b|\bcoming soon\b|\bfor now\b|\bwork in progress\b)"
)
MACHINE_PATH = re.compile(r"(?<![\w.:/~$}-])/(?:work|root|home|Users|tmp|mnt|opt|private|var/folders)/\w|\b[A-Z]:\\\w")


@dataclass(frozen=True)
class Source:
    """`path` is relative to the package (`vault/errors.py`)."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def room(self) -> str:
        return self.path.partition("/")[0]

    @property
    def is_pure(self) -> bool:
        return self.room in PURE_ROOMS and self.path not in IMPURE_MODULES


@dataclass(frozen=True, order=True)
class Offence:
    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


Offences = Iterator[Offence]


def last_name(node: ast.AST) -> str:
    """`c` of `a.b.c`, of `c` and of `a().c`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def module_length(source: Source) -> Offences:
    lines = len(source.text.splitlines())
    if lines > MODULE_LINES:
        yield Offence(source.path, lines, f"a module of {lines} lines")


def function_length(source: Source) -> Offences:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield Offence(source.path, node.lineno, f"`{node.name}` has {lines} lines")


def vague_name(source: Source) -> Offences:
    for part in source.path.removesuffix(".py").split("/"):
        if VAGUE & set(part.lower().strip("_").split("_")):
            yield Offence(source.path, 1, f"`{part}` says nothing about what is in it")


def init_is_a_docstring(source: Source) -> Offences:
    if not source.path.endswith("__init__.py"):
        return
    for node in source.tree.body:
        if not (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        ):
            yield Offence(source.path, node.lineno, "more than a docstring")
    if ast.get_docstring(source.tree) is None:
        yield Offence(source.path, 1, "no docstring")


def _aliases(tree: ast.Module, module: str) -> set[str]:
    """The names by which a file calls a module, or what it took out of it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name for alias in node.names if alias.name == module}
        elif isinstance(node, ast.ImportFrom) and node.module == module.rpartition(".")[0]:
            found |= {alias.asname or alias.name for alias in node.names if alias.name == module.rpartition(".")[2]}
    return found


def _taken(tree: ast.Module, module: str, names: frozenset[str]) -> Iterator[tuple[int, str]]:
    """Uses of `module.name`, under whatever name the module came in, and `from module import name`."""
    called = _aliases(tree, module)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in names and ast.unparse(node.value) in called:
            yield node.lineno, f"{module}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == module:
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names if alias.name in names)


def wall_clock(source: Source) -> Offences:
    """Time of day comes from `base/clock.py` alone, and a pure room knows no running time either."""
    if source.path == "base/clock.py":
        return
    used = [*_taken(source.tree, "time", WALL_OF_TIME)]
    for owner in ("datetime.datetime", "datetime.date"):
        used += _taken(source.tree, owner, WALL_OF_DATETIME)
    for outer in _aliases(source.tree, "datetime"):
        used += [
            (node.lineno, ast.unparse(node))
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Attribute)
            and node.attr in WALL_OF_DATETIME
            and ast.unparse(node.value) in {f"{outer}.datetime", f"{outer}.date"}
        ]
    if source.is_pure or source.room == "base":
        used += _taken(source.tree, "time", TICKING)
    for line, name in sorted(set(used)):
        yield Offence(source.path, line, f"`{name}`")


def silence(source: Source) -> Offences:
    """A pure room neither logs nor prints nor warns."""
    if not source.is_pure:
        return
    for node in ast.walk(source.tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        if {"logging", "structlog", "warnings"} & {name.partition(".")[0] for name in names}:
            yield Offence(source.path, node.lineno, "imports a log")
        if isinstance(node, ast.Call) and (last_name(node.func) in {"print", "pprint"} or _is_log_call(node)):
            yield Offence(source.path, node.lineno, f"`{ast.unparse(node.func)}`")


def _is_log_call(call: ast.Call) -> bool:
    if not (isinstance(call.func, ast.Attribute) and call.func.attr in LOG_METHODS):
        return False
    receiver = call.func.value
    while isinstance(receiver, ast.Call):
        if last_name(receiver.func) in {"getLogger", "get_logger"}:
            return True
        receiver = receiver.func.value if isinstance(receiver.func, ast.Attribute) else ast.Name("")
    return re.search(r"(?:^|_)(?:log|logger|logging|structlog)$", last_name(receiver).lower()) is not None


def log_line(source: Source) -> Offences:
    """The message is one constant word at one of three levels, and every key is one that `house_allowed` classifies,
    with a value of the kind that it allows there."""
    for node in ast.walk(source.tree):
        if not (isinstance(node, ast.Call) and _is_log_call(node)):
            continue
        if last_name(node.func) not in LOG_LEVELS:
            yield Offence(source.path, node.lineno, f"the level `{last_name(node.func)}`")
        message = node.args[-1] if node.args else None
        word = message.value if isinstance(message, ast.Constant) else None
        if not isinstance(word, str) or len(node.args) > 1 or not re.fullmatch(r"[a-z][a-z0-9_]*", word):
            yield Offence(source.path, node.lineno, "the message of a log line is one constant word")
        for keyword in node.keywords:
            if keyword.arg not in LOG_KEYS:
                yield Offence(source.path, node.lineno, f"the key `{keyword.arg}` is not classified")
            elif not re.fullmatch(LOG_KEYS[keyword.arg].value, ast.unparse(keyword.value)):
                yield Offence(source.path, node.lineno, f"`{ast.unparse(keyword.value)}` under the key `{keyword.arg}`")


def logger(source: Source) -> Offences:
    """A logger is `log`, made at the head of a module, bound to nothing, and its methods are called where they stand:
    so `log_line` sees every line."""
    lawful: set[ast.AST] = set()
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(t) for t in node.targets] == ["log"]:
            made = re.fullmatch(r"structlog\.get_logger\('[a-z]+'\)", ast.unparse(node.value))
            lawful |= {*ast.walk(node)} if made else set()
    called = {node.func for node in ast.walk(source.tree) if isinstance(node, ast.Call)}
    for node in ast.walk(source.tree):
        name = last_name(node)
        if node in lawful:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in {"structlog", "logging"}:
            yield Offence(source.path, node.lineno, "takes names out of a log")
        elif name in {"get_logger", "getLogger"} and source.path not in LOGGERS_OF_LIBRARIES:
            yield Offence(source.path, getattr(node, "lineno", 1), "a logger by another name")
        elif not isinstance(node, ast.Attribute) or last_name(node.value) not in {"log", "logger"}:
            continue
        elif node.attr in LOG_BINDING or (node.attr in LOG_METHODS and node not in called):
            yield Offence(source.path, node.lineno, f"`{ast.unparse(node)}`")


def loud(source: Source) -> Offences:
    """Only commands write to a terminal; nobody warns, or prints a traceback."""
    for node in ast.walk(source.tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            if name.partition(".")[0] in LOUD_MODULES - {"logging", "structlog"}:
                yield Offence(source.path, getattr(node, "lineno", 1), f"imports `{name}`")
        if source.path.startswith("entrypoints/cli/"):
            continue
        if isinstance(node, ast.Name) and node.id == "print":
            yield Offence(source.path, node.lineno, "prints")
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.stdout", "sys.stderr", "sys.__stderr__"}:
            yield Offence(source.path, node.lineno, f"`{ast.unparse(node)}`")


def log_words(source: Source) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(message, level, keys in order) of every log line."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _is_log_call(node) and node.args and isinstance(node.args[0], ast.Constant):
            keys = tuple(sorted(keyword.arg or "" for keyword in node.keywords))
            yield str(node.args[0].value), last_name(node.func), keys


def builtin_errors(source: Source) -> Offences:
    """Only `base` raises a built-in error, and its docstring names it; no public error stands outside the family."""
    stack: list[tuple[ast.AST, ast.AST | None]] = [(source.tree, None)]
    while stack:
        node, function = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node
        if isinstance(node, ast.Raise) and node.exc is not None:
            name = last_name(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
            if _is_builtin_error(name):
                doc = ast.get_docstring(function) if isinstance(function, ast.FunctionDef) else None
                if source.room != "base":
                    yield Offence(source.path, node.lineno, f"raises `{name}`")
                elif name not in (doc or ""):
                    yield Offence(source.path, node.lineno, f"raises `{name}` without saying so")
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and source.path != "base/errors.py":
            bases = [last_name(base) for base in node.bases]
            if bases and all(_is_builtin_error(base) for base in bases):
                yield Offence(source.path, node.lineno, f"`{node.name}` is of no family")
        stack.extend((child, function) for child in ast.iter_child_nodes(node))


def _is_builtin_error(name: str) -> bool:
    kind = getattr(builtins, name, None)
    leaves = (StopIteration, StopAsyncIteration)
    return isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, leaves)


def suppression(source: Source) -> Offences:
    """A suppression names its code and, behind it, its reason in at least two words."""
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type != tokenize.COMMENT or not SUPPRESSION.search(token.string):
            continue
        coded = CODED.search(token.string)
        if coded is None or len(re.findall(r"[A-Za-z]{2,}", coded["why"])) < 2:
            yield Offence(source.path, token.start[0], "a suppression without code and reason")


def unfinished(source: Source) -> Offences:
    for number, line in enumerate(source.text.splitlines(), 1):
        found = UNFINISHED.search(line)
        if found:
            yield Offence(source.path, number, f"unfinished business: `{found[0]}`")


def machine_path(source: Source) -> Offences:
    for number, line in enumerate(source.text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield Offence(source.path, number, "a path of one machine")
