"""Reads the AWS commands of a text as the AWS CLI would, by botocore's models of the services."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

import botocore.session
import jmespath
from botocore import xform_name
from jmespath.exceptions import JMESPathError

# What the CLI itself adds to every operation.
GLOBAL: Final = {"--query", "--output", "--region", "--profile", "--no-cli-pager", "--cli-input-json"}
PAGING: Final = {"--max-items", "--page-size", "--starting-token", "--no-paginate"}
# What the CLI adds to single operations, and for which parameter of them it stands.
ADDED: Final = {
    ("cloudfront", "create-invalidation"): {"--paths": "InvalidationBatch"},
    ("ec2", "authorize-security-group-ingress"): dict.fromkeys(
        ("--protocol", "--port", "--cidr", "--source-group"), "IpPermissions"
    ),
}
# Commands of the CLI's own, with what they may be given.
OWN: Final = {
    ("s3", "ls"): {"--recursive", "--human-readable"},
    ("s3", "cp"): {"--recursive"},
    ("s3", "rm"): {"--recursive"},
}
SERVICES: Final = {"s3api": "s3"}

_INLINE = re.compile(r"`(aws [^`]+)`")
_BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_ENDS = {";", "|", "||", "&", "&&", "<", ">", "do", "done"}


def commands(text: str) -> list[list[str]]:
    """Return the AWS commands of a page, also within loops, pipes and `$(…)`, in words."""
    blocks = _BLOCK.findall(text)
    inline = [" ".join(one.split()) for one in _INLINE.findall(_BLOCK.sub("", text))]
    scripts = [part for one in (*blocks, *inline) for part in _substituted(one.replace("\\\n", " "))]
    return [found for script in scripts for line in script.splitlines() for found in _in_line(line)]


def _substituted(script: str) -> Iterator[str]:
    """Yield a script without its substitutions, and each of these as a script."""
    outer, begin, depth = "", 0, 0
    for place, character in enumerate(script):
        if script.startswith("$(", place) and not depth:
            begin, depth = place + 2, 0
            depth = 1
        elif depth and place >= begin:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if not depth:
                yield from _substituted(script[begin:place])
                outer += "SUBSTITUTED"
        elif not depth:
            outer += character
    yield outer


def _in_line(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&<>")
    lexer.whitespace_split = True
    words = list(lexer)
    for begin in (place for place, word in enumerate(words) if word == "aws"):
        ends = (place for place in range(begin, len(words)) if words[place] in _ENDS)
        yield words[begin + 1 : next(ends, len(words))]


def complaints(words: Sequence[str]) -> list[str]:
    """Return what the AWS CLI would have against a command; nothing where it would run it."""
    service, operation, *arguments = (*words, "", "")[:2] + tuple(words[2:])
    given = _given(arguments)
    found = list(_query(given))
    if (service, operation) in OWN:
        return [*found, *_unknown(given, OWN[service, operation] | GLOBAL)]
    model = _operation(SERVICES.get(service, service), operation)
    if model is None:
        return [f"there is no `aws {service} {operation}`"]
    members = model.input_shape.members if model.input_shape else {}
    flags = {f"--{xform_name(name, '-')}": (name, shape) for name, shape in members.items()}
    negated = {f"--no-{flag[2:]}" for flag, (_, shape) in flags.items() if shape.type_name == "boolean"}
    added = ADDED.get((service, operation), {})
    found += _unknown(given, {*flags, *negated, *added, *GLOBAL, *PAGING})
    required = set(model.input_shape.required_members if model.input_shape else ())
    present = {flags[flag][0] if flag in flags else added.get(flag) for flag in given}
    found += [f"--{xform_name(name, '-')} is missing" for name in sorted(required - present)]
    return found + [
        complaint
        for flag, values in given.items()
        if flag in flags
        for complaint in _values(flag, flags[flag][1], values)
    ]


def _given(arguments: Sequence[str]) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {}
    values: list[str] = []
    for word in arguments:
        if word.startswith("--"):
            values = given.setdefault(word, [])
        else:
            values.append(word)
    return given


def _unknown(given: dict[str, list[str]], known: set[str]) -> list[str]:
    return [f"{flag} is not known" for flag in given if flag not in known]


def _query(given: dict[str, list[str]]) -> Iterator[str]:
    for value in given.get("--query", ()):
        try:
            with warnings.catch_warnings():
                # A literal in backticks that is no JSON is read for now, and warned of.
                warnings.simplefilter("error", PendingDeprecationWarning)
                jmespath.compile(value)
        except (JMESPathError, PendingDeprecationWarning) as error:
            yield f"--query cannot be read: {error}"


def _values(flag: str, shape: Any, values: list[str]) -> Iterator[str]:
    if shape.type_name == "boolean":
        if values:
            yield f"{flag} takes no value"
        return
    if not values:
        yield f"{flag} has no value"
    if shape.type_name not in {"list", "map"} and len(values) > 1:
        yield f"{flag} takes one value, not {' '.join(values)}"
    allowed = getattr(shape, "enum", None) or ()
    if allowed and values and values[0] not in allowed:
        yield f"{flag} may be {', '.join(allowed)}, not {values[0]}"


@cache
def _operation(service: str, operation: str) -> Any:
    model = _model(service)
    named = {xform_name(name, "-"): name for name in model.operation_names} if model else {}
    return model.operation_model(named[operation]) if operation in named else None


@cache
def _model(service: str) -> Any:
    session = botocore.session.get_session()
    return session.get_service_model(service) if service in session.get_available_services() else None
