"""The Git repositories that Argo CD follows: what each application is declared to be, by revision."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.controllers.cluster import Manifest

Key = tuple[str, str, str]  # kind, namespace, name


def key_of(manifest: Manifest) -> Key:
    """Give the key under which a manifest is declared."""
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace", ""), metadata["name"]


@dataclass(frozen=True)
class Tree:
    """One revision of one repository. Never change its manifests in place."""

    revision: str
    manifests: Mapping[Key, Manifest]


class Repository:
    """The present tree of each application."""

    def __init__(self, declared: Mapping[str, Iterable[Manifest]]) -> None:
        trees = {name: {key_of(item): item for item in items} for name, items in declared.items()}
        self._first = {name: _fingerprint(manifests) for name, manifests in trees.items()}
        self._trees = {name: self._tree(name, manifests) for name, manifests in trees.items()}

    def tree(self, application: str) -> Tree:
        """Give what an application is declared to be now."""
        return self._trees[application]

    def application_of(self, key: Key) -> str:
        """Find the application that declares an object."""
        return next(name for name, tree in self._trees.items() if key in tree.manifests)

    def commit(self, manifest: Manifest) -> None:
        """Declare an object anew."""
        key = key_of(manifest)
        application = self.application_of(key)
        manifests = {**self._trees[application].manifests, key: copy.deepcopy(manifest)}
        self._trees[application] = self._tree(application, manifests)

    def manifest(self, key: Key) -> Manifest:
        """Give a copy of a declared object, to be changed and committed."""
        declared: Manifest = copy.deepcopy(self._trees[self.application_of(key)].manifests[key])
        return declared

    def _tree(self, application: str, manifests: dict[Key, Manifest]) -> Tree:
        fingerprint = _fingerprint(manifests)
        # To revert a change is to be at the release again.
        revision = names.RELEASE if fingerprint == self._first[application] else fingerprint
        return Tree(revision, manifests)


def _fingerprint(manifests: Mapping[Key, Any]) -> str:
    text = json.dumps([manifests[key] for key in sorted(manifests)], sort_keys=True)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:7]
