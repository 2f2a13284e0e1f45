"""Hosts: a request from outside gets through to something that answers."""

from __future__ import annotations

from typing import Any

SERVER_ERROR = 500


def test_host_answers(host_answer: Any) -> None:
    """A 502, 503 or 504 is a load balancer or CDN that found nobody behind it."""
    assert host_answer.problem is None, f"{host_answer.url} does not answer: {host_answer.problem}"
    assert host_answer.status < SERVER_ERROR, f"{host_answer.url} answers {host_answer.said}"
