"""Rules for error classes and for the lines that errors say."""

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from house_allowed import VERBATIM
from house_rules import Offence, Offences, Source, last_name

ROOT = "OnRecordError"
SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class ErrorClass:
    """`code` is None where the class takes that of its parent."""

    name: str
    path: str
    line: int
    parents: tuple[str, ...]
    code: str | None


@dataclass(frozen=True)
class Family:
    """All error classes below the root, and the functions that pass a message on into one: name to its position."""

    classes: Mapping[str, ErrorClass]
    makers: Mapping[str, int] = field(default_factory=dict)


def _declared_code(node: ast.ClassDef) -> str | None:
    for item in node.body:
        target = item.target if isinstance(item, ast.AnnAssign) else None
        if isinstance(item, ast.Assign) and len(item.targets) == 1:
            target = item.targets[0]
        if isinstance(target, ast.Name) and target.id == "code":
            value = item.value if isinstance(item, ast.Assign | ast.AnnAssign) else None
            return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
    return None


def family(sources: Iterable[Source]) -> Family:
    sources = list(sources)
    known = [
        ErrorClass(node.name, source.path, node.lineno, tuple(map(last_name, node.bases)), _declared_code(node))
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
    ]
    found: dict[str, ErrorClass] = {}
    names = {ROOT}
    while fresh := [k for k in known if k.name not in found and (k.name == ROOT or names & set(k.parents))]:
        found |= {kind.name: kind for kind in fresh}
        names |= found.keys()
    classes = Family(found)
    return Family(found, {name: place for source in sources for name, place in _makers(source, classes)})


def _functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _parameters(function: Function) -> list[str]:
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def _makers(source: Source, errors: Family) -> Iterator[tuple[str, int]]:
    for function in _functions(source.tree):
        parameters = _parameters(function)
        for call in ast.walk(function):
            message = _message(call, errors) if isinstance(call, ast.Call) else None
            if isinstance(message, ast.Name) and message.id in parameters:
                yield function.name, parameters.index(message.id)


def _message(call: ast.Call, errors: Family) -> ast.expr | None:
    """What a call says to people, where it makes an error."""
    name = last_name(call.func)
    if name in errors.classes:
        place = 0
    elif name in errors.makers:
        place = errors.makers[name]
    else:
        return None
    keyword = next((k.value for k in call.keywords if k.arg == "message"), None)
    return call.args[place] if len(call.args) > place else keyword


def codes(errors: Family, inheriting: Collection[str], shared: Collection[str]) -> Offences:
    """Every class has a code of its own in snake_case; `inheriting` classes and `shared` codes are excepted."""
    owners: dict[str, ErrorClass] = {}
    for kind in sorted(errors.classes.values(), key=lambda kind: (kind.path, kind.line)):
        if kind.code is None:
            if kind.name not in inheriting:
                yield Offence(kind.path, kind.line, f"`{kind.name}` has no code of its own")
            continue
        if not SNAKE.fullmatch(kind.code):
            yield Offence(kind.path, kind.line, f"the code of `{kind.name}` is not a constant in snake_case")
        first = owners.setdefault(kind.code, kind)
        if first is not kind and kind.code not in shared:
            yield Offence(kind.path, kind.line, f"`{kind.name}` has the code `{kind.code}` of `{first.name}`")


def messages(source: Source, errors: Family, allowed: Collection[tuple[str, str]]) -> Offences:
    """One lower-case line, or one that begins with a backtick; no content: an f-string names only what is allowed."""
    for call, function in _calls(source.tree):
        name = last_name(call.func)
        if name in errors.classes:
            for keyword in call.keywords:
                if keyword.arg == "code" and not _is_code(keyword.value):
                    yield Offence(source.path, call.lineno, "a code is a constant in snake_case")
        if name not in errors.classes and name not in errors.makers:
            continue
        message = _message(call, errors)
        if message is None:
            yield Offence(source.path, call.lineno, f"`{name}` says nothing")
            continue
        for what in _faults(message, function, source, errors, allowed):
            yield Offence(source.path, message.lineno, what)


def _is_code(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return _is_code(node.body) and _is_code(node.orelse)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(SNAKE.fullmatch(node.value))


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, Function | None]]:
    stack: list[tuple[ast.AST, Function | None]] = [(tree, None)]
    while stack:
        node, function = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node
        if isinstance(node, ast.Call):
            yield node, function
        stack.extend((child, function) for child in ast.iter_child_nodes(node))


def _faults(
    message: ast.expr, function: Function | None, source: Source, errors: Family, allowed: Collection[tuple[str, str]]
) -> Iterator[str]:
    if isinstance(message, ast.Constant) and isinstance(message.value, str):
        yield from _form(message.value)
    elif isinstance(message, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "x" for part in message.values]
        yield from _form("".join(map(str, parts)))
        for part in message.values:
            if isinstance(part, ast.FormattedValue) and (source.path, ast.unparse(part.value)) not in allowed:
                yield f"a message names `{ast.unparse(part.value)}`"
    elif isinstance(message, ast.IfExp):
        for branch in (message.body, message.orelse):
            yield from _faults(branch, function, source, errors, allowed)
    elif isinstance(message, ast.Name) and function is not None and message.id in _parameters(function):
        return  # a maker: what its callers say is looked at
    elif isinstance(message, ast.Name) and (told := _assigned(message.id, function or source.tree)):
        for value in told:
            yield from _faults(value, function, source, errors, allowed)
    elif (source.path, ast.unparse(message)) not in allowed:
        yield f"a message is `{ast.unparse(message)}`"


def _assigned(name: str, where: ast.AST) -> list[ast.expr]:
    return [
        node.value
        for node in ast.walk(where)
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
    ]


def _form(text: str) -> Iterator[str]:
    if text in VERBATIM:
        return
    if not text or not (text[0] == "`" or text[0].islower() or text[0].isdigit()):
        yield f"a message begins otherwise than in lower case: `{text[:30]}`"
    if len(text.splitlines()) > 1:
        yield "a message has more than one line"
    if text.endswith((".", "!")):
        yield "a message is no sentence"
