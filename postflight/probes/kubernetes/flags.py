"""Flags of a controller's command line, as it reads them: `--name=value`, or `--name` and `value`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final

from postflight.probes.kubernetes.reading import entries, text

OWNER_ID: Final = "txt-owner-id"
DOMAIN_FILTERS: Final = ("domain-filter", "exclude-domains", "regex-domain-filter", "regex-domain-exclusion")
# None of them is a secret.
_KEPT: Final = frozenset({f"--{name}" for name in (OWNER_ID, *DOMAIN_FILTERS, "cluster-name")})
_REFERENCE: Final = re.compile(r"\$\(([\w.-]+)\)")


def variable_of(name: str) -> str:
    """Return the variable that ExternalDNS reads where its command line lacks a flag."""
    return f"EXTERNAL_DNS_{name.upper().replace('-', '_')}"


VARIABLES: Final = frozenset(variable_of(name) for name in (OWNER_ID, *DOMAIN_FILTERS))


def kept_flags(container: Mapping[str, Any]) -> Iterator[str]:
    """Yield the known, harmless flags of a container as `--name=value`.

    Kubernetes fills in `$(VARIABLE)`; one whose value is not written beside it stays as it is.
    """
    known = {text(each, "name"): str(each["value"]) for each in entries(container, "env") if "value" in each}
    words = [
        _REFERENCE.sub(lambda found: known.get(found[1], found[0]), str(word))
        for part in ("command", "args")
        for word in container.get(part) or ()
    ]
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        name, equals, value = word.partition("=")
        if name in _KEPT:
            yield f"{name}={value if equals else following}"
