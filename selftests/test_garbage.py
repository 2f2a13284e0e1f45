"""Python's search for garbage, and several threads that want none for a while."""

from __future__ import annotations

import gc

from postflight import garbage


def test_the_last_one_to_end_lets_the_search_go_on() -> None:
    """Threads begin and end in any order; a search that stays off lets a long run grow."""
    first, second = garbage.no_search(), garbage.no_search()
    assert gc.isenabled()

    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not gc.isenabled()

    second.__exit__(None, None, None)
    assert gc.isenabled()
