"""The house rule that the event loop does not wait for a disk: gates close on it."""

import ast
from collections.abc import Iterator

from house_rules import Offence, Offences, Source

DISKS = (".store.", ".objects.")


def waits(source: Source) -> Offences:
    """A call of a store in a coroutine of a use case, outside the functions that it hands to an executor."""
    if source.room != "workflow":
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.AsyncFunctionDef):
            for call in _own_calls(node):
                name = ast.unparse(call.func)
                if any(disk in f".{name}" for disk in DISKS):
                    yield Offence(source.path, call.lineno, f"`{name}` on the event loop")


def _own_calls(node: ast.AST) -> Iterator[ast.Call]:
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(inner, ast.Call):
            yield inner
        yield from _own_calls(inner)
