"""Lists, page by page, and watches."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sandbox.kube_api import tables
from sandbox.kube_api.errors import ApiError, Json, bad_request
from sandbox.kube_api.history import Change, Entry, Key
from sandbox.kube_api.requests import RequestInfo
from sandbox.kube_api.resources import Resource
from sandbox.kube_api.selectors import selector_of
from sandbox.kube_api.store import Store

_LONGEST_WATCH_S: Final = 3600.0
_TOKEN_VERSION: Final = "meta.k8s.io/v1"


@dataclass(frozen=True)
class Question:
    """What a list or watch asks for; `as_table` is the wanted content of `object` in each row, or empty."""

    resource: Resource
    version: str
    namespace: str
    selects: Callable[[Json], bool] | None
    query: Mapping[str, str]
    as_table: str


def question(resource: Resource, info: RequestInfo, query: Mapping[str, str], *, table: bool) -> Question:
    """Read the query of a list or watch; ApiError 400 for selectors that cannot be parsed."""
    fields = query.get("fieldSelector", "")
    if info.name:
        fields = f"metadata.name={info.name}"
    selects = selector_of(resource, query.get("labelSelector", ""), fields)
    include = query.get("includeObject", "Metadata") if table else ""
    return Question(resource, info.version, info.namespace, selects, query, include)


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(query.get(name) or default)
    except ValueError as error:
        raise bad_request(f'Invalid value: "{query[name]}": {name} must be a number') from error


def _continue_token(version: int, key: Key, namespace: str) -> str:
    start = key[1] if namespace or not key[0] else "/".join(key)
    token = json.dumps({"v": _TOKEN_VERSION, "rv": version, "start": f"{start}\0"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def _continue_key(token: str, asked: Question) -> Key:
    try:
        padded = token + "=" * (-len(token) % 4)
        start = str(json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))["start"]).rstrip("\0")
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        # Go decodes unpadded base64 in groups of four and reports where the last whole one ended.
        where = len(token) - len(token) % 4
        raise bad_request(
            f"invalid continue token: continue key is not valid: illegal base64 data at input byte {where}"
        ) from error
    if not asked.resource.namespaced:
        return "", start
    if asked.namespace:
        return asked.namespace, start
    namespace, _, name = start.partition("/")
    return namespace, name


def _page(store: Store, asked: Question) -> tuple[list[Entry], Json]:
    limit = _number(asked.query, "limit", 0)
    token = asked.query.get("continue", "")
    after = _continue_key(token, asked) if token else None
    entries = [
        each
        for each in store.entries(asked.resource, asked.namespace or None, after)
        if asked.selects is None or asked.selects(each.obj)
    ]
    metadata: Json = {"resourceVersion": str(store.version)}
    if asked.resource.custom:
        metadata["continue"] = ""
    if not limit or len(entries) <= limit:
        return entries, metadata
    metadata["continue"] = _continue_token(store.version, entries[limit - 1].key, asked.namespace)
    if asked.selects is None:
        metadata["remainingItemCount"] = len(entries) - limit
    return entries[:limit], metadata


def list_document(store: Store, asked: Question) -> bytes:
    """Answer a list; the bytes of each object are made once and kept."""
    entries, metadata = _page(store, asked)
    if asked.as_table:
        return json.dumps(tables.table(asked.resource, entries, metadata, asked.as_table)).encode()
    api_version = asked.resource.api_version(asked.version)
    head = {"kind": f"{asked.resource.kind}List", "apiVersion": api_version, "metadata": metadata}
    return json.dumps(head).encode()[:-1] + b',"items":[' + b",".join(each.item for each in entries) + b"]}"


def _event(asked: Question, kind: str, entry: Entry, *, first: bool) -> bytes:
    if asked.as_table:
        version = {"resourceVersion": entry.obj["metadata"]["resourceVersion"]}
        body = json.dumps(
            tables.table(asked.resource, [entry], version, asked.as_table, headed=first)
        ).encode()
    else:
        body = entry.document(asked.version)
    return b'{"type":"' + kind.encode() + b'","object":' + body + b"}\n"


def _seen(asked: Question, change: Change) -> tuple[str, Entry] | None:
    """Return what a watcher with a selector sees: an object that stops matching is deleted for it."""

    def matches(entry: Entry | None) -> bool:
        if entry is None:
            return False
        namespace = (
            entry.obj["metadata"].get("namespace", "") if asked.resource.namespaced else asked.namespace
        )
        in_scope = not asked.namespace or namespace == asked.namespace
        return in_scope and (asked.selects is None or asked.selects(entry.obj))

    was, is_now = matches(change.before), matches(change.after)
    if change.after is not None and is_now:
        return ("MODIFIED" if was else "ADDED"), change.after
    if was:
        last = change.after or change.before
        return ("DELETED", last) if last is not None else None
    return None


async def watch_events(store: Store, asked: Question) -> AsyncIterator[bytes]:
    """Yield one JSON line an event until `timeoutSeconds`, or an ERROR event (410) when it is too late."""
    seconds = float(_number(asked.query, "timeoutSeconds", int(_LONGEST_WATCH_S)))
    version = _number(asked.query, "resourceVersion", 0)
    first = True
    if version == 0:
        version = store.version
        entries, _ = _page(store, asked)
        for entry in entries:
            yield _event(asked, "ADDED", entry, first=first)
            first = False
    remaining = min(seconds, _LONGEST_WATCH_S)
    end = time.monotonic() + remaining
    while (remaining := end - time.monotonic()) > 0:
        await store.wait_change(version, remaining)
        try:
            changes = store.history.since(version)
        except ApiError as gone:
            yield b'{"type":"ERROR","object":' + json.dumps(gone.status).encode() + b"}\n"
            return
        for change in changes:
            version = change.version
            seen = _seen(asked, change) if change.resource is asked.resource else None
            if seen is not None:
                yield _event(asked, *seen, first=first)
                first = False
