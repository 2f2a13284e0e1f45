"""What pytest keeps of each collected check, and what of that many checks can have together."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, Final, cast

import pytest

# Not a set: who adds a name when checks have been selected already is told so, and adds it to no other check.
_NO_NAMES: Final = cast("set[str]", frozenset())


def share(items: Iterable[pytest.Item]) -> None:
    """Let checks that have been selected share what is equal: a third of all that pytest keeps of them.

    Those are how a check is called with one subject (pytest makes this anew for each check of a subject), and
    further names for `-k` to find it by, of which there are none.
    """
    calls: dict[Hashable, Any] = {}
    for item in items:
        if not item.extra_keyword_matches:
            item.extra_keyword_matches = _NO_NAMES
        call = getattr(item, "callspec", None)
        if call is not None:
            same = calls.setdefault((call.id, *call.indices.items()), call)
            if same == call:
                item.callspec = same  # type: ignore[attr-defined]
