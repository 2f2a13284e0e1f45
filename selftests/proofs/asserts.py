"""Which assertion of a check a failure's message comes from: checks are told apart to their last assert."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from selftests.proofs.harness import ROOT, SuiteRun


def assertion(check: str, message: str) -> str | None:
    """Return `check#2` for the assertion of a check that says this; None if none of them does.

    Of several that could have said it, the one with the most words of its own has.
    """
    line = message.partition("\n")[0]
    fitting = [
        (len(pattern.pattern), number)
        for number, pattern in enumerate(_patterns(check), 1)
        if pattern.fullmatch(line)
    ]
    return f"{check}#{max(fitting)[1]}" if fitting else None


def asserted(run: SuiteRun) -> tuple[str, ...]:
    """Return the assertions that failed in a run."""
    found = {assertion(one["check"], one["message"]) for one in run.by_verdict("failed")}
    return tuple(sorted(one for one in found if one is not None))


def assertions(check: str) -> list[str]:
    """Return every assertion of a check, numbered as they stand in it."""
    return [f"{check}#{number}" for number, _ in enumerate(_patterns(check), 1)]


@cache
def _patterns(check: str) -> list[re.Pattern[str]]:
    module, _, test = check.partition("::")
    functions = _functions(ROOT / module)
    named = {
        node.targets[0].id: node.value
        for node in ast.walk(functions[test])
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    found = (node for node in functions[test].body if isinstance(node, ast.Assert))
    return [re.compile(_pattern(node.msg, functions, named)) for node in found]


@cache
def _functions(module: Path) -> Mapping[str, ast.FunctionDef]:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _pattern(
    node: ast.expr | None, functions: Mapping[str, ast.FunctionDef], named: Mapping[str, ast.expr]
) -> str:
    """Return what a message looks like: its fixed words, and anything for the rest."""
    match node:
        case ast.Constant(value=str(text)):
            return re.escape(text)
        case ast.JoinedStr(values=parts):
            return "".join(_pattern(part, functions, named) for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _pattern(left, functions, named) + _pattern(right, functions, named)
        case ast.IfExp(body=body, orelse=other):
            return f"(?:{_pattern(body, functions, named)}|{_pattern(other, functions, named)})"
        case ast.Call(func=ast.Name(id=name)) if name in functions:
            returned = _returned(functions[name])
            return f"(?:{'|'.join(_pattern(one, functions, {}) for one in returned)})"
        case _:
            return ".*"


def _returned(function: ast.FunctionDef) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value
