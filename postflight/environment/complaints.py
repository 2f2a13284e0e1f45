"""Says in one paragraph what the model has against a file: place, what is wrong, the nearest right word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from postflight.environment.document import Document, Location
from postflight.environment.model import Environment
from postflight.environment.plaintext import is_secret_name
from postflight.environment_files import nearest

_FILE_KEYS = ("extends", "variables")
_LONGEST_SHOWN = 80

_EXPECTED = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "date_type": "a date, YYYY-MM-DD",
    "date_parsing": "a date, YYYY-MM-DD",
    "date_from_datetime_parsing": "a date, YYYY-MM-DD",
    "date_from_datetime_inexact": "a date, YYYY-MM-DD",
}
_PATTERNS = {
    r"^\d{12}$": "an AWS account id: twelve digits, in quotes",
    r"^arn:aws[a-z-]*:": "an ARN (arn:aws:…)",
    r"^https://[^/\s]+": "an https:// URL",
    r"^/": "a path that begins with /",
}


def described(document: Document, errors: Sequence[ErrorDetails]) -> list[str]:
    """Return one paragraph about each of the model's errors, as the files go on; none repeats a secret."""
    # A misspelt key is also a missing one; the word that was written says more, so it comes first.
    misspelt: dict[Location, int] = {}
    for error in errors:
        if error["type"] == "extra_forbidden":
            location = _written(document.value, error["loc"])
            misspelt[location[:-1]] = document.place(location).line

    def order(error: ErrorDetails) -> tuple[bool, str, int, bool]:
        location = _written(document.value, error["loc"])
        place = document.place(location)
        is_missing = error["type"] == "missing"
        line = max(place.line, misspelt.get(location, 0)) if is_missing else place.line
        return place.file != document.file, str(place.file), line, is_missing

    told: dict[tuple[Location, str], str] = {}
    for error in sorted(errors, key=order):
        location = _written(document.value, error["loc"])
        lacking = str(error["loc"][-1]) if error["type"] == "missing" else ""
        told.setdefault((location, lacking), _paragraph(document, error, location))
    return list(told.values())


def _paragraph(document: Document, error: ErrorDetails, location: Location) -> str:
    if error["type"] == "extra_forbidden":
        return unknown_key(document, tuple(error["loc"]))
    if error["type"] == "missing":
        return f"{document.place(location)}: `{error['loc'][-1]}` is missing{_inside(location)}."
    where = ".".join(str(part) for part in location)
    message = f"`{where}` is {_shown(error['input'], location)}; it must be {_expected(error)}"
    end = "" if message.endswith("?") else "."
    return f"{document.place(location)}: {message}{end}{_quotes_hint(error)}"


def unknown_key(document: Document, location: Location) -> str:
    """Return the paragraph about a key that the model does not know."""
    known = _keys_at(location[:-1])
    key = str(location[-1])
    return (
        f"{document.place(location)}: unknown key `{key}`{_inside(location[:-1])}.{nearest(key, known)} "
        f"Keys here: {', '.join(known)}."
    )


def _written(value: Any, location: Iterable[int | str]) -> Location:
    """Return the part of the model's location that is in the file: not the names of a union's members."""
    written: list[int | str] = []
    for part in location:
        is_there = (isinstance(value, dict) and part in value) or (
            isinstance(value, list) and isinstance(part, int) and part < len(value)
        )
        if not is_there:
            break
        written.append(part)
        value = value[part]
    return tuple(written)


def _expected(error: ErrorDetails) -> str:
    context: dict[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "string_pattern_mismatch":
            return _PATTERNS.get(context["pattern"], f"text like {context['pattern']}")
        case "string_too_short":
            return "text that is not empty"
        case "literal_error":
            hint = _nearest_literal(error)
            return f"one of {context['expected']}.{hint}" if hint else f"one of {context['expected']}"
        case "greater_than_equal" | "less_than_equal" | "greater_than":
            sign = {"greater_than_equal": "at least", "less_than_equal": "at most", "greater_than": "above"}
            limit = context.get("ge", context.get("le", context.get("gt")))
            return f"{sign[error['type']]} {limit:g}"
        case kind:
            return _EXPECTED.get(kind, error["msg"])


def _nearest_literal(error: ErrorDetails) -> str:
    known = [word.strip(" '") for word in error["ctx"]["expected"].replace(" or ", ",").split(",")]
    return nearest(str(error["input"]), known)


def _shown(value: Any, location: Location) -> str:
    if any(is_secret_name(part) for part in location):
        return "not shown (it may be a secret)"
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            text = repr(value)
            return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _quotes_hint(error: ErrorDetails) -> str:
    """Return what to do about text that YAML takes for a number, a truth value or a date."""
    if error["type"] != "string_type" or isinstance(error["input"], dict | list | tuple | None):
        return ""
    return ' Write it in quotes ("…"), or YAML takes it for something else.'


def _inside(location: Location) -> str:
    return f" in `{'.'.join(str(part) for part in location)}`" if location else ""


def _keys_at(location: Location) -> tuple[str, ...]:
    """Return the keys that the model knows at a location."""
    model: type[BaseModel] | None = Environment
    parts = list(location)
    while parts and model is not None:
        field = model.model_fields.get(str(parts.pop(0)))
        candidates = _models_of(field.annotation) if field else ()
        is_mapping = field is not None and getattr(field.annotation, "__origin__", None) is dict
        if is_mapping and parts:
            parts.pop(0)
        model = candidates[0] if candidates else None
    if model is None:
        return ()
    names = tuple(name for name, field in model.model_fields.items() if not field.exclude)
    return (*names, *_FILE_KEYS) if model is Environment else names


def _models_of(annotation: Any) -> tuple[type[BaseModel], ...]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    return tuple(model for argument in get_args(annotation) for model in _models_of(argument))
