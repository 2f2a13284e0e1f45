"""A cluster with many Secrets costs a run little."""

from __future__ import annotations

import time

from postflight.redaction import Secrets

_COUNT = 800
# The slowest build machine needs a tenth of it; work that grows with the square needs many times as much.
_LIMIT_S = 3.0


def _url(number: int) -> str:
    return f"postgresql://shop:p%40ss-{number:06}@db-{number}.shop.example:5432/shop?sslmode=require"


def test_each_of_many_values_costs_as_little_as_the_first() -> None:
    """Secrets are read one by one, and what is known already is not worked out again."""
    known = Secrets()
    began = time.process_time()
    for number in range(_COUNT):
        known.add(_url(number))

    assert time.process_time() - began < _LIMIT_S
    assert known.redact(f"<{_url(_COUNT - 1)}> <{_url(0)}>") == "<[redacted]> <[redacted]>"


def test_a_text_is_cheap_however_many_values_are_known() -> None:
    """Every line of every output is redacted: a text is not searched for each value."""
    known = Secrets(map(_url, range(_COUNT)))
    text = "the cart of www.shop.example answers 200, and its pods run " * 4
    began = time.process_time()
    for _ in range(200):
        assert known.redact(text) == text

    assert time.process_time() - began < 200 * 0.001


def test_the_longest_of_many_values_is_replaced_first() -> None:
    """One value may begin another: nothing of the longer one stays behind."""
    known = Secrets((*map(_url, range(_COUNT)), "hunter2-k9q", "hunter2-k9q-and-more"))

    assert known.redact("it is hunter2-k9q-and-more, not hunter2-k9q") == "it is [redacted], not [redacted]"
