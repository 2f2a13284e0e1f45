from __future__ import annotations

import bisect
import json
import secrets
import string
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sandbox.kube_api import decoding, defaults, errors, validation
from sandbox.kube_api.errors import ApiError, Json
from sandbox.kube_api.history import Change, Entry, History, Key
from sandbox.kube_api.patches import PatchKind, apply_patch
from sandbox.kube_api.resources import RESOURCES, Resource, resource_of
from sandbox.kube_api.selectors import selector_of

__all__ = ["RESOURCES", "ApiError", "Change", "Entry", "Resource", "Store", "resource_of"]

_FIRST_NAMESPACES: Final = ("default", "kube-node-lease", "kube-public", "kube-system")
_KEPT_METADATA: Final = ("uid", "creationTimestamp", "deletionTimestamp", "generation", "namespace", "name")
_NAME_LETTERS: Final = "".join(sorted(set(string.ascii_lowercase + string.digits) - set("aeiou013")))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Contents:
    """What a store starts with; `owned` maps an owner's uid to what it owns."""

    history: History
    entries: Mapping[Resource, dict[Key, Entry]]
    owned: Mapping[str, set[tuple[Resource, Key]]]


class Store:
    """The objects of one cluster, in memory, used from one event loop.

    Every method that hands out an object hands out a copy (`entry` and `entries` hand out what is
    stored: do not change it). Refusals are ApiError. A write that changes nothing leaves `version` as it was,
    so a reconciler that is content is silent.
    """

    def __init__(self, twin_of: Contents | None = None) -> None:
        contents = twin_of or Contents(History(), {}, {})
        self.history = contents.history
        self._entries: defaultdict[Resource, dict[Key, Entry]] = defaultdict(dict, contents.entries)
        self._owned: defaultdict[str, set[tuple[Resource, Key]]] = defaultdict(set, contents.owned)
        self._keys: dict[Resource, list[Key]] = {}
        self._is_trusting = True
        for name in () if twin_of else _FIRST_NAMESPACES:
            self.create(resource_of("namespaces"), None, {"metadata": {"name": name}})
        self._is_trusting = False

    @contextmanager
    def trusting(self) -> Iterator[None]:
        """Take the types of what is written in this block, without waiting, for right, as a controller's are.

        The models that know them are not loaded before a user writes.
        """
        before, self._is_trusting = self._is_trusting, True
        try:
            yield
        finally:
            self._is_trusting = before

    def clone(self) -> Store:
        """Return a store with the same objects whose changes nobody sees: for dry runs."""
        entries = {resource: dict(held) for resource, held in self._entries.items()}
        owned = {owner: set(keys) for owner, keys in self._owned.items()}
        return Store(Contents(History(self.version), entries, owned))

    @property
    def version(self) -> int:
        """Return the newest resourceVersion."""
        return self.history.version

    async def wait_change(self, since: int, timeout: float) -> int:  # noqa: ASYNC109 - its own deadline is its purpose
        """Return the version, as soon as it is above `since`, or after `timeout` seconds."""
        return await self.history.wait(since, timeout)

    # Reading

    def entry(self, resource: Resource, namespace: str | None, name: str) -> Entry:
        """Return the stored object itself; ApiError 404."""
        found = self._entries[resource].get((namespace or "", name))
        if found is None:
            raise errors.not_found(resource.plural, resource.group, name)
        return found

    def get(self, resource: Resource, namespace: str | None, name: str) -> Json:
        """Return a copy of one object; ApiError 404."""
        return self.entry(resource, namespace, name).copy()

    def list(
        self, resource: Resource, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> tuple[Json, ...]:
        """Return copies in order of namespace and name; None means all namespaces."""
        selects = selector_of(resource, labels, fields)
        return tuple(
            each.copy() for each in self.entries(resource, namespace) if selects is None or selects(each.obj)
        )

    def entries(
        self, resource: Resource, namespace: str | None = None, after: Key | None = None
    ) -> Iterator[Entry]:
        """Return the stored objects in order, from behind the key `after`."""
        keys = self._keys.get(resource)
        if keys is None:
            keys = self._keys[resource] = sorted(self._entries[resource])
        low = bisect.bisect_right(keys, after) if after else 0
        high = len(keys)
        if namespace:
            low = max(low, bisect.bisect_left(keys, (namespace, "")))
            high = bisect.bisect_left(keys, (namespace + "\0", ""))
        entries = self._entries[resource]
        return (entries[key] for key in keys[low:high])

    # Writing

    def create(self, resource: Resource, namespace: str | None, obj: Json) -> Json:
        """Defaults, validates and stores; ApiError 404 (namespace), 409, 422."""
        fresh = self._new(resource, namespace, obj)
        key = (namespace or "", fresh["metadata"]["name"])
        if resource.namespaced and ("", key[0]) not in self._entries[resource_of("namespaces")]:
            raise errors.not_found("namespaces", "", key[0])
        if key in self._entries[resource]:
            raise errors.already_exists(resource.plural, resource.group, key[1])
        return self._record(resource, key, None, defaults.shaped(resource, defaults.created(resource, fresh)))

    def _new(self, resource: Resource, namespace: str | None, obj: Json) -> Json:
        if not self._is_trusting:
            decoding.check_types(resource, obj)
        metadata = {key: value for key, value in (obj.get("metadata") or {}).items() if value is not None}
        if resource.namespaced and metadata.get("namespace", namespace) != namespace:
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + "".join(
                secrets.choice(_NAME_LETTERS) for _ in range(5)
            )
        fresh = json.loads(json.dumps({**obj, "metadata": metadata}))
        validation.check(resource, fresh)
        if resource.namespaced:
            fresh["metadata"]["namespace"] = namespace
        fresh["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": _now()}
        if resource.has_generation:
            fresh["metadata"]["generation"] = 1
        return dict(fresh)

    def replace(self, resource: Resource, namespace: str | None, name: str, obj: Json) -> Json:
        """PUT: everything but the status; ApiError 404, 409 (stale resourceVersion), 422."""
        return self._change(resource, namespace, name, lambda _: obj)

    def patch(
        self, resource: Resource, namespace: str | None, name: str, patch: Any, kind: PatchKind = "merge"
    ) -> Json:
        """PATCH of everything but the status."""
        return self._change(
            resource, namespace, name, lambda old: apply_patch(old, patch, kind, custom=resource.custom)
        )

    def replace_status(self, resource: Resource, namespace: str | None, name: str, obj: Json) -> Json:
        """PUT on the status sub-resource: only the status is taken."""
        return self._change(resource, namespace, name, lambda _: obj, status=True)

    def patch_status(
        self, resource: Resource, namespace: str | None, name: str, patch: Any, kind: PatchKind = "merge"
    ) -> Json:
        """PATCH on the status sub-resource: `patch` is a patch of the whole object ({"status": …})."""
        make = lambda old: apply_patch(old, patch, kind, custom=resource.custom)  # noqa: E731
        return self._change(resource, namespace, name, make, status=True)

    def delete(self, resource: Resource, namespace: str | None, name: str, *, orphan: bool = False) -> Json:
        """Remove the object, what it owns and what lies in it (a namespace); a finalizer only marks it."""
        entry = self.entry(resource, namespace, name)
        if entry.obj["metadata"].get("finalizers"):
            marked = {
                **entry.obj["metadata"],
                "deletionTimestamp": entry.obj["metadata"].get("deletionTimestamp", _now()),
            }
            return self._record(resource, entry.key, entry, {**entry.obj, "metadata": marked})
        self._remove(entry)
        if not orphan:
            for owned_resource, key in sorted(
                self._owned.pop(entry.obj["metadata"]["uid"], ()), key=lambda pair: pair[1]
            ):
                if key in self._entries[owned_resource]:
                    self.delete(owned_resource, *key)
        if resource.plural == "namespaces":
            for inner in RESOURCES:
                for each in tuple(self.entries(inner, name)) if inner.namespaced else ():
                    if each.key in self._entries[inner]:
                        self._remove(each)
        return entry.copy()

    def _change(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        make: Callable[[Json], Json],
        *,
        status: bool = False,
    ) -> Json:
        entry = self.entry(resource, namespace, name)
        wanted = make(entry.copy())
        if not self._is_trusting:
            decoding.check_types(resource, wanted)
        wanted_metadata = wanted.get("metadata") or {}
        if wanted_metadata.get("name", name) != name:
            raise errors.bad_request(
                f"the name of the object ({wanted_metadata['name']}) does not match the name on the URL "
                f"({name})"
            )
        own = entry.obj["metadata"]
        if wanted_metadata.get("resourceVersion", own["resourceVersion"]) != own["resourceVersion"]:
            raise errors.conflict(resource.plural, resource.group, name)
        if wanted_metadata.get("uid", own["uid"]) != own["uid"]:
            raise errors.conflict(resource.plural, resource.group, name)
        merged = self._merged(entry, wanted, status=status)
        if merged["metadata"].get("deletionTimestamp") and not merged["metadata"].get("finalizers"):
            self._remove(entry)
            return entry.copy()
        return self._record(resource, entry.key, entry, merged)

    def _merged(self, entry: Entry, wanted: Json, *, status: bool) -> Json:
        resource, old = entry.resource, entry.obj
        if status:
            wanted = {**old, **({"status": wanted["status"]} if wanted.get("status") is not None else {})}
        elif "status" in resource.subresources:
            wanted = {**wanted, "status": old.get("status", {})}
        metadata = dict(wanted.get("metadata") or {})
        metadata |= {key: old["metadata"][key] for key in _KEPT_METADATA if key in old["metadata"]}
        for key in ("managedFields", "selfLink"):
            metadata.pop(key, None)
        if not resource.custom:
            wanted = {key: value for key, value in wanted.items() if key not in {"apiVersion", "kind"}}
        merged = defaults.shaped(resource, {**wanted, "metadata": metadata})
        if not status or resource.plural == "nodes":
            validation.check(resource, merged)
        compared = (
            (set(merged) | set(old))
            - {"metadata", "apiVersion", "kind"}
            - (set() if resource.custom else {"status"})
        )
        if resource.has_generation and any(merged.get(key) != old.get(key) for key in compared):
            merged["metadata"]["generation"] = old["metadata"].get("generation", 1) + 1
        return merged

    def _record(self, resource: Resource, key: Key, before: Entry | None, obj: Json) -> Json:
        if resource.custom:
            obj = {**obj, "apiVersion": resource.api_version(), "kind": resource.kind}
        else:
            obj = {name: value for name, value in obj.items() if name not in {"apiVersion", "kind"}}
        metadata = {name: value for name, value in obj["metadata"].items() if name != "resourceVersion"}
        if before is not None:
            unchanged = {**metadata, "resourceVersion": before.obj["metadata"]["resourceVersion"]}
            if {**obj, "metadata": unchanged} == before.obj:
                return before.copy()
        version = self.version + 1
        entry = Entry(resource, {**obj, "metadata": {**metadata, "resourceVersion": str(version)}})
        self._entries[resource][key] = entry
        if before is None:
            self._keys.pop(resource, None)
        for owner in metadata.get("ownerReferences", ()):
            self._owned[owner["uid"]].add((resource, key))
        kind: Literal["ADDED", "MODIFIED"] = "MODIFIED" if before else "ADDED"
        self.history.append(Change(version, kind, resource, before, entry))
        return entry.copy()

    def _remove(self, entry: Entry) -> None:
        del self._entries[entry.resource][entry.key]
        self._keys.pop(entry.resource, None)
        version = self.version + 1
        metadata = {**entry.obj["metadata"], "resourceVersion": str(version)}
        last = Entry(entry.resource, {**entry.obj, "metadata": metadata})
        self.history.append(Change(version, "DELETED", entry.resource, last, None))
