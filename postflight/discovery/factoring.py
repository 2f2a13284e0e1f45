"""Says once what many entries say: the prefix of names, the entry's own name, a section's defaults."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from postflight.discovery.found import Entry

_CLUSTER_SUFFIX = re.compile(r"-(eks|cluster|k8s|eks-cluster)$")
_FEWEST = 3
_MOST = 0.6
# What a service demands of its variables is a list in effect: it is shared item by item.
_ITEMWISE = "required"
# Fields whose value follows from the entry's name by convention.
_NAMED = frozenset(
    {
        "subnet", "gateway", "identifier", "replication_group", "deployment", "service_account", "zone",
        "image_repository", "security_group", "subnet_group", "parameter_group", "database",
    }
)  # fmt: skip


def prefix_of(cluster: str, entries: Iterable[Entry]) -> str | None:
    """Return what names have in common: the cluster's name without its last word, if others have it too."""
    stem = _CLUSTER_SUFFIX.sub("", cluster)
    if len(stem) < _FEWEST:
        return None
    values = [value for entry in entries for value in entry.fields.values() if isinstance(value, str)]
    return stem if sum(value.startswith(f"{stem}-") for value in values) >= _FEWEST else None


def with_variables(value: Any, variables: Mapping[str, str]) -> Any:
    """Return a value in which each variable's text is written as that variable. ARNs stay as they are."""
    if isinstance(value, Mapping):
        return {key: with_variables(item, variables) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_variables(item, variables) for item in value]
    if not isinstance(value, str) or value.startswith(("arn:", "/", "https://")):
        return value
    for name, text in variables.items():
        value = re.sub(rf"(?<![A-Za-z0-9.]){re.escape(text)}(?=$|[^A-Za-z0-9]|[a-z]$)", f"${{{name}}}", value)
    return value


def shortened(entries: tuple[Entry, ...], prefix: str | None) -> tuple[Entry, ...]:
    """Return entries whose names lack the common prefix, unless two would then be called the same."""
    if prefix is None:
        return entries
    names = [entry.name.removeprefix(f"{prefix}-") for entry in entries]
    if len(set(names)) < len(entries) or not all(names):
        return entries
    return tuple(
        Entry(name, entry.fields, entry.guess, entry.left_out)
        for name, entry in zip(names, entries, strict=True)
    )


def by_name(entry: Entry) -> Entry:
    """Return an entry whose conventional fields say `${name}` where they hold the entry's name."""

    def named(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        for text, variable in ((entry.name, "${name}"), (entry.name.replace("-", "_"), "${snake_name}")):
            if value == text or value.endswith(f"-{text}") or value.startswith(f"{text}-"):
                return re.sub(rf"(?<![A-Za-z0-9]){re.escape(text)}(?![A-Za-z0-9])", variable, value, count=1)
        return value

    fields = {key: named(value) if key in _NAMED else value for key, value in entry.fields.items()}
    if _ITEMWISE in fields:
        fields[_ITEMWISE] = {
            variable: {**wanted, "value": named(wanted["value"])}
            if variable == "DB_NAME" and wanted
            else wanted
            for variable, wanted in fields[_ITEMWISE].items()
        }
    return Entry(entry.name, fields, entry.guess, entry.left_out)


def defaults_of(entries: tuple[Entry, ...]) -> dict[str, Any]:
    """Return what by far the most entries say; the others take it back."""
    fields = dict.fromkeys(field for entry in entries for field in entry.fields)
    found: dict[str, Any] = {}
    for field in fields:
        values = [entry.fields[field] for entry in entries if field in entry.fields]
        common = _shared_items(values, len(entries)) if field == _ITEMWISE else _common(values, len(entries))
        if common not in (None, {}):
            found[field] = common
    return found


def _common(values: list[Any], count: int) -> Any:
    text, times = Counter(map(repr, values)).most_common(1)[0]
    keys = {tuple(value) if isinstance(value, Mapping) else None for value in values}
    # A mapping is merged over its default key by key, so the others must have just the same keys.
    if times == 1 or times <= count * _MOST or len(keys) > 1:
        return None
    return next(value for value in values if repr(value) == text)


def _shared_items(values: list[Any], count: int) -> dict[str, Any]:
    items = Counter((key, repr(item)) for value in values for key, item in value.items())
    wanted = {each for each, times in items.items() if times > max(count * _MOST, 1)}
    return {key: item for value in values for key, item in value.items() if (key, repr(item)) in wanted}


def beyond(entry: Entry, defaults: Mapping[str, Any]) -> Entry:
    """Return an entry with what it says beyond its section's defaults; null takes a default back."""
    own: dict[str, Any] = {}
    for field, value in entry.fields.items():
        default = defaults.get(field)
        if field == _ITEMWISE and default is not None:
            has_all = all(value.get(key) == item for key, item in default.items())
            rest = {key: item for key, item in value.items() if key not in default}
            kept = rest if has_all else {"*": None, **value}
            own |= {field: kept} if kept else {}
        elif default != value:
            own[field] = value
    taken_back = {field: None for field in defaults if field not in entry.fields}
    return Entry(entry.name, {**own, **taken_back}, entry.guess, entry.left_out)
