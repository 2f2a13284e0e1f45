"""CORS: browsers on the declared origins may use the API, others may not."""

from __future__ import annotations

from typing import Any


def test_browser_may_call_the_api(declared_origin: Any, preflights: Any) -> None:
    """A browser asks first (the preflight), and without a yes it never sends the request."""
    refusals = preflights.refusals
    assert not refusals, (
        f"a browser on {declared_origin.origin} may not call {declared_origin.url}: {'; '.join(refusals)}"
    )


def test_answers_carry_cors_headers(declared_origin: Any, shared_answer: Any) -> None:
    """After the preflight the answer itself must name the origin, or the page may not read it."""
    assert shared_answer.is_readable, (
        f"a page on {declared_origin.origin} may not read what {declared_origin.url} answers: "
        f"{shared_answer.refusal}"
    )


def test_error_answers_carry_cors_headers(declared_origin: Any, shared_error: Any) -> None:
    """An error without CORS headers shows up in the browser as a CORS error, and hides the real one."""
    assert shared_error.is_readable, (
        f"a page on {declared_origin.origin} may not read the errors of {declared_origin.error_url}: "
        f"{shared_error.refusal}"
    )


def test_foreign_origin_is_refused(declared_api: Any, foreign_preflight: Any) -> None:
    """An API that echoes any origin lets every web page act in the name of its visitor."""
    assert foreign_preflight.is_judged, (
        f"{declared_api.url} did not answer a foreign preflight: {foreign_preflight.answer.said}"
    )
    credentials = "with" if foreign_preflight.with_credentials else "without"
    assert not foreign_preflight.lets_in, (
        f"{declared_api.url} lets in the foreign origin {declared_api.foreign_origin}, "
        f"{credentials} credentials"
    )
