"""HTTP proxies on the way to AWS."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it

_AWS = "amazonaws.com"


def proxies_for(endpoint: str | None, process: Mapping[str, str]) -> dict[str, str]:
    """Return the proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY ask for (None: AWS's own endpoints).

    botocore would read them itself, walking through the live environment of the process; pytest changes that
    with every test (PYTEST_CURRENT_TEST), and a walk in another thread then breaks.
    """
    named = {name: _either(process, f"{name}_proxy") for name in ("http", "https", "no")}
    host = urlsplit(endpoint).hostname if endpoint else _AWS
    if named["no"] and proxy_bypass_environment(host or _AWS, {"no": named["no"]}):
        return {}
    return {scheme: named[scheme] for scheme in ("http", "https") if named[scheme]}


def _either(process: Mapping[str, str], name: str) -> str:
    return process.get(name) or process.get(name.upper()) or ""
