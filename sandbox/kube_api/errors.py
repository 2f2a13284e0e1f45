from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

Json = dict[str, Any]

_DNS_SUBDOMAIN_RULE: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


class ApiError(Exception):
    """A refusal in the words of the Kubernetes API.

    `status` is the `Status` object that a client receives with HTTP status `code`.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Json | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after = retry_after

    @property
    def status(self) -> Json:
        """Return the Kubernetes `Status` object (`metav1.Status`)."""
        body: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        return {**body, "code": self.code}


def qualified(plural: str, group: str) -> str:
    """`deployments.apps`, or `pods` for the core group."""
    return f"{plural}.{group}" if group else plural


def details_of(plural: str, group: str, name: str = "") -> Json:
    """Return the `details` of a Status that speaks of one resource."""
    details: Json = {"name": name} if name else {}
    if group:
        details["group"] = group
    return {**details, "kind": plural}


def not_found(plural: str, group: str, name: str) -> ApiError:
    """404: no object of that name."""
    message = f'{qualified(plural, group)} "{name}" not found'
    return ApiError(404, "NotFound", message, details=details_of(plural, group, name))


def no_such_resource() -> ApiError:
    """404: the group is served, the resource is not."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", details={})


def already_exists(plural: str, group: str, name: str) -> ApiError:
    """409 on create."""
    message = f'{qualified(plural, group)} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, details=details_of(plural, group, name))


def conflict(plural: str, group: str, name: str) -> ApiError:
    """409 on a write that names an older resourceVersion."""
    message = (
        f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": '
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    return ApiError(409, "Conflict", message, details=details_of(plural, group, name))


def bad_request(message: str) -> ApiError:
    """400."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """401: a token nobody knows."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def unavailable(message: str) -> ApiError:
    """503."""
    return ApiError(503, "ServiceUnavailable", message)


def too_old(version: int, oldest: int) -> ApiError:
    """410: a watch starts before what the server remembers."""
    return ApiError(410, "Expired", f"too old resource version: {version} ({oldest})")


def method_not_allowed() -> ApiError:
    """405."""
    return ApiError(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource", details={}
    )


def invalid(kind: str, group: str, name: str, causes: list[Json]) -> ApiError:
    """422: `causes` are `{reason, message, field}` rows."""
    lines = [f"{cause['field']}: {cause['message']}" for cause in causes]
    text = lines[0] if len(lines) == 1 else "[" + ", ".join(lines) + "]"
    details: Json = {"name": name, **({"group": group} if group else {}), "kind": kind, "causes": causes}
    return ApiError(422, "Invalid", f'{qualified(kind, group)} "{name}" is invalid: {text}', details=details)


def required(field: str, text: str = "Required value") -> Json:
    """Return a cause: a field that must be there is not."""
    return {"reason": "FieldValueRequired", "message": text, "field": field}


def invalid_name(name: str) -> Json:
    """Return a cause: metadata.name is no DNS-1123 subdomain."""
    message = f'Invalid value: "{name}": {_DNS_SUBDOMAIN_RULE}'
    return {"reason": "FieldValueInvalid", "message": message, "field": "metadata.name"}


def bad_value(field: str, value: Any, text: str) -> Json:
    """Return a cause: a field's value is not allowed."""
    message = f"Invalid value: {json.dumps(value)}: {text}"
    return {"reason": "FieldValueInvalid", "message": message, "field": field}


def unsupported(field: str, value: str, known: Iterable[str]) -> Json:
    """Return a cause: a field has another value than the known ones."""
    shown = ", ".join(f'"{each}"' for each in known)
    message = f'Unsupported value: "{value}": supported values: {shown}'
    return {"reason": "FieldValueNotSupported", "message": message, "field": field}


def duplicate(field: str, value: str) -> Json:
    """Return a cause: what must be unique is there twice."""
    message = f'Duplicate value: "{value}"'
    return {"reason": "FieldValueDuplicate", "message": message, "field": field}
