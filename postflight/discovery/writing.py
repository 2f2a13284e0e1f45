"""Writes what was found as an environment file that people will go on with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import yaml

from postflight.discovery.factoring import beyond, by_name, defaults_of, prefix_of, shortened, with_variables
from postflight.discovery.found import Entry, Section
from postflight.discovery.survey import Survey

_WIDTH = 108
# Names of these sections are what they are in the cluster or in DNS, or other entries refer to them.
_SHORTENED = frozenset({"subnets", "nat_gateways", "database_servers"})


def text_of(survey: Survey, today: date) -> str:
    """Return the text of the environment file."""
    place = survey.place
    entries = [entry for section in survey.sections for entry in section.entries]
    cluster = str(survey.cluster.fields.get("name", ""))
    prefix = prefix_of(cluster, entries) if cluster else None
    variables = {**({"prefix": prefix} if prefix else {}), "region": place.region, "account": place.account}
    blocks = [list(_head(survey, today, variables))]
    for section in survey.sections:
        block = list(_section(section, variables, prefix))
        if block:
            blocks.append(block)
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _head(survey: Survey, today: date, variables: Mapping[str, str]) -> Iterator[str]:
    place = survey.place
    yield f"# What `postflight init` found on {today} in account {place.account}, region {place.region}."
    yield "# It is what there is, which need not be what there should be: read it, and take out what is not"
    yield "# yours. `# guess:` marks what could not be known; entries that are commented out say why."
    yield "# Then: postflight check-environment FILE, and pytest --env=FILE."
    yield ""
    yield from _mapping("variables", variables, 0)
    yield ""
    yield "aws:"
    yield "  account: ${account}"
    yield "  region: ${region}"
    if survey.cluster.fields:
        yield ""
        yield f"# {survey.cluster.comment}"
        if survey.cluster.trouble:
            yield f"# guess: the security group could not be looked at: {survey.cluster.trouble}"
        yield from _mapping("cluster", with_variables(survey.cluster.fields, variables), 0)
    wanted = place.wanted
    reached = {"resolver": wanted.resolver, "authoritative": wanted.authoritative, "ca": wanted.ca}
    told = {name: value for name, value in reached.items() if value}
    if told:
        yield ""
        yield "# How names and certificates are looked up from here, as the command line said."
        for name, value in told.items():
            yield f"{name}: {_scalar(value)}"


def _section(section: Section, variables: Mapping[str, str], prefix: str | None) -> Iterator[str]:
    if section.is_empty and not section.trouble and not section.remarks:
        return
    yield f"# --- {section.key.replace('_', ' ')} {'-' * (_WIDTH - 8 - len(section.key))}"
    if section.comment:
        yield f"# {section.comment}"
    if section.trouble:
        yield f"# Could not be looked at: {_one_line(section.trouble)}"
    for remark in section.remarks:
        yield f"# {_one_line(remark)}"
    if section.fields:
        yield from _mapping(section.key, with_variables(section.fields, variables), 0)
    elif section.entries:
        yield from _entries(section, variables, prefix)


def _entries(section: Section, variables: Mapping[str, str], prefix: str | None) -> Iterator[str]:
    entries = shortened(section.entries, prefix) if section.key in _SHORTENED else section.entries
    factored = tuple(_factored(entry, variables) for entry in entries)
    declared = tuple(entry for entry in factored if not entry.left_out)
    defaults = defaults_of(declared)
    yield f"{section.key}:" if declared else f"# {section.key}:"
    if defaults:
        yield from _mapping("defaults", defaults, 2)
    for entry in factored:
        yield from _entry(beyond(entry, defaults) if not entry.left_out else entry)


def _factored(entry: Entry, variables: Mapping[str, str]) -> Entry:
    named = by_name(entry)
    return Entry(named.name, with_variables(named.fields, variables), named.guess, named.left_out)


def _entry(entry: Entry) -> Iterator[str]:
    lines = list(_mapping(entry.name, entry.fields, 2)) if entry.fields else [f"  {_scalar(entry.name)}:"]
    if entry.left_out:
        yield f"  # left out: {_one_line(entry.left_out)}"
        yield from (f"  # {line[2:]}" for line in lines)
        return
    if entry.guess:
        yield f"  # guess: {_one_line(entry.guess)}"
    yield from lines


def _mapping(key: str, value: Mapping[str, Any], indent: int) -> Iterator[str]:
    """Yield the lines of a key and a mapping: one line where it fits and is flat, else a line a field."""
    margin = " " * indent
    flow = _flow(value)
    is_flat = not any(isinstance(item, Mapping) and item for item in value.values())
    if indent and is_flat and len(flow) + len(key) + indent <= _WIDTH:
        yield f"{margin}{_scalar(key)}: {flow}"
        return
    yield f"{margin}{_scalar(key)}:"
    for name, item in value.items():
        flow = _flow(item) if isinstance(item, Mapping | list | tuple) else _scalar(item)
        if isinstance(item, Mapping) and len(flow) + len(name) + indent + 2 > _WIDTH:
            yield from _mapping(name, item, indent + 2)
        elif isinstance(item, list | tuple) and len(flow) + len(name) + indent + 2 > _WIDTH:
            yield f"{margin}  {_scalar(name)}:"
            yield from (f"{margin}    - {_scalar(one)}" for one in item)
        else:
            yield f"{margin}  {_scalar(name)}: {flow}"


def _flow(value: Any) -> str:
    """Return a value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    dumped = yaml.safe_dump([value], default_flow_style=True, width=10**6, allow_unicode=True)
    return _quoted(value, dumped.strip()[1:-1])


def _scalar(value: Any) -> str:
    """Return a scalar that stands on a line of its own, where less needs quotes."""
    dumped = yaml.safe_dump(value, width=10**6, allow_unicode=True)
    return _quoted(value, dumped.removesuffix("...\n").strip())


def _quoted(value: Any, dumped: str) -> str:
    return json.dumps(value, ensure_ascii=False) if dumped.startswith("'") else dumped


def _one_line(text: str) -> str:
    return " ".join(text.split())
