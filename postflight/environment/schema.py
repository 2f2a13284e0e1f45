"""JSON Schema of environment files, for editors: what the loader takes, seen from the file's side."""

from __future__ import annotations

import json
from typing import Any

from postflight.environment.model import Environment
from postflight.environment.sections import sections

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_INTERPOLATED = {"type": "string", "pattern": r"\$\{"}
_NULL = {"type": "null"}

_EXTENDS = {"type": "string", "description": "File beside this one whose sections this file adds to."}
_VARIABLES = {
    "type": "object",
    "description": "Texts that `${name}` stands for in this file; they may use each other.",
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}
_DEFAULTS = "What every entry of this section says, unless it says otherwise; null takes it back."


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) that every file in `environments/` satisfies.

    It demands no key, since a base or a section's `defaults` may give it; the loader demands.
    """
    model = Environment.model_json_schema()
    named = {entry.__name__ for entry in sections().values()}
    definitions = {
        name: _object(entry, unwritten="name" if name in named else None)
        for name, entry in model["$defs"].items()
    }
    top = _object(model, unwritten="name")
    for section in sections():
        top["properties"][section] = _section(top["properties"][section])
    top["properties"] = {"extends": _EXTENDS, "variables": _VARIABLES, **top["properties"]}
    return {"$schema": _DRAFT, "title": "Postflight environment", **top, "$defs": definitions}


def schema_text() -> str:
    """Return the text of `environments/schema.json`."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _object(model: dict[str, Any], unwritten: str | None) -> dict[str, Any]:
    """Return a model's schema as a file sees it: nothing demanded, and without what is never written."""
    properties = {
        name: _value(described) for name, described in model["properties"].items() if name != unwritten
    }
    kept: dict[str, Any] = {
        key: model[key] for key in ("description", "type", "additionalProperties") if key in model
    }
    return {**kept, "properties": properties}


def _section(described: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a section: its entries by name, any of them empty, and their `defaults`."""
    mapping = next(choice for choice in described["anyOf"] if choice.get("type") == "object")
    entry = mapping["additionalProperties"]
    defaults = {"description": _DEFAULTS, **entry}
    return {"anyOf": [{**mapping, "properties": {"defaults": defaults}}, _NULL]}


def _value(described: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value that may also be null (which removes) or wait for a variable."""
    kept: dict[str, Any] = {key: described[key] for key in ("description", "default") if key in described}
    if kept.get("default", ...) in (None, {}, [], ""):
        del kept["default"]
    choices = [_choice(choice) for choice in described.get("anyOf", [described])]
    if any(_is_scalar(choice) and not _takes_any_text(choice) for choice in choices):
        choices.append(_INTERPOLATED)
    if _NULL not in choices:
        choices.append(_NULL)
    return {**kept, "anyOf": choices}


def _choice(described: dict[str, Any]) -> dict[str, Any]:
    kept = {
        key: value
        for key, value in described.items()
        if key not in {"title", "description", "default", "propertyNames"}
    }
    for inner in ("items", "additionalProperties"):
        if isinstance(kept.get(inner), dict):
            kept[inner] = _value(kept[inner])
    return kept


def _is_scalar(choice: dict[str, Any]) -> bool:
    return "enum" in choice or "const" in choice or choice.get("type") in {
        "string", "integer", "number", "boolean",
    }  # fmt: skip


def _takes_any_text(choice: dict[str, Any]) -> bool:
    return choice.get("type") == "string" and not {"pattern", "enum", "const"} & set(choice)
