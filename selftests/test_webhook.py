"""The summary webhook: told once, told again where that may help, and never the run's trouble."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from postflight.report import webhook
from selftests import tiny_project
from selftests.run_findings import FIX, findings, outcome
from selftests.serving import in_a_thread


class Chat(ThreadingHTTPServer):
    """A chat's webhook on 127.0.0.1 that gives these answers, one after the other; the last one for ever."""

    daemon_threads = True

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = list(statuses)
        self.told: list[Any] = []

    @property
    def url(self) -> str:
        """Its secret address."""
        return f"http://127.0.0.1:{self.server_address[1]}/services/T000/B000/{tiny_project.SECRET}"


class _Handler(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append(json.loads(body))
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the overridden one
        """Keep quiet."""


@contextmanager
def chat(*statuses: int) -> Iterator[Chat]:
    with in_a_thread(Chat(*statuses)) as server:
        yield server


def test_a_summary_is_told_once() -> None:
    """Two messages of one night read as two incidents."""
    with chat(200) as server:
        assert webhook.send(server.url, {"text": "hello"}) is None
        assert server.told == [{"text": "hello"}]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_refusal_that_may_pass_is_answered_by_telling_again(status: int) -> None:
    """A chat that restarts must not cost the night's message."""
    with chat(status, 200) as server:
        assert webhook.send(server.url, {"text": "hello"}) is None
        assert len(server.told) == 2


@pytest.mark.parametrize("status", [404, 403, 302])
def test_a_no_is_taken_for_a_no(status: int) -> None:
    """A webhook that was revoked stays revoked; and nobody else is told by a redirect."""
    with chat(status) as server:
        assert webhook.send(server.url, {"text": "hello"}) == f"it answered {status}"
        assert len(server.told) == 1


def test_silence_does_not_hold_the_run_up() -> None:
    """The message is the least important part of a run."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        problem = webhook.send(f"http://127.0.0.1:{silent.getsockname()[1]}/{tiny_project.SECRET}", {})

    assert problem is not None
    assert tiny_project.SECRET not in problem
    assert time.monotonic() - began < 12


def test_a_message_is_what_slack_takes() -> None:
    """Slack refuses a whole message for one block that is too long, and reads <…> as a link."""
    long = outcome("test_subnet_is_tagged", "a", message="no <tag> & " * 1000, runbook={"fix": FIX})
    many = [outcome(f"test_thing_{n}", None, message=f"thing {'x' * n} is broken") for n in range(60)]

    message = webhook.message(findings([long, *many]))

    assert message["text"].startswith(":red_circle: tiny: 0 passed, 61 failed (61 causes, 0 consequences)")
    assert len(message["blocks"]) <= 50
    texts = [block["text"]["text"] for block in message["blocks"] if block["type"] == "section"]
    assert all(len(text) <= 3000 for text in texts)
    assert "no &lt;tag&gt; &amp; no" in texts[1]
    assert "and 51 more causes" in texts


def test_a_green_run_is_told_as_green() -> None:
    """A night without news is news: the run has been made."""
    message = webhook.message(findings([outcome("test_all_is_well", None, "passed")]))

    assert message["text"] == ":large_green_circle: tiny: 1 passed in 12 s"


@pytest.mark.parametrize("option", [True, False])
def test_a_run_tells_the_webhook_and_never_prints_it(tmp_path: Path, option: bool) -> None:
    """Whoever has the URL can write into the chat: it stands in no output and no file."""
    project = tiny_project.make(tmp_path)
    with chat(500) as server:
        arguments = ("--summary-webhook", server.url) if option else ()
        variables = {} if option else {"POSTFLIGHT_SUMMARY_WEBHOOK": server.url}
        run = tiny_project.run(project, *arguments, variables=variables)

    assert len(server.told) == 3
    assert run.returncode == 1
    assert "the summary webhook was not told: it answered 500" in run.stdout
    assert server.url not in run.stdout + run.stderr
    written = [file.read_text(encoding="utf-8") for file in tiny_project.latest(project).rglob("*.*")]
    assert not any(server.url in text for text in written)
