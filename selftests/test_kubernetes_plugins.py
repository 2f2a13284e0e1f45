"""Credential plugins: how long they may take, and what is shown of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from postflight.evidence import Unverified
from postflight.probes.kubernetes.context import context
from postflight.probes.kubernetes.credential_plugin import LIMIT_S, Plugin
from postflight.redaction import Secrets


def plugin(folder: Path, script: str, limit_s: float = LIMIT_S, **settings: Any) -> Plugin:
    """Return a plugin that is this shell script."""
    program = folder / "plugin"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    named = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), **settings}
    return Plugin("The credential plugin", named, {}, {"PATH": "/usr/bin:/bin"}, Secrets(), limit_s)


def test_a_plugin_has_a_time_limit(tmp_path: Path) -> None:
    """One that waits for a browser, say; what it starts itself must not keep us waiting either."""
    waiting = plugin(tmp_path, "echo open https://login.example >&2\nsleep 20", limit_s=0.5)
    began = time.monotonic()
    with pytest.raises(Unverified, match=r"did not end within 0.5 s: open https://login.example"):
        waiting.run()
    assert time.monotonic() - began < 5


def test_the_first_look_waits_for_a_slow_plugin() -> None:
    """A plugin asks a login server, perhaps on another continent: an ordinary look would end before it."""
    assert context.deadline_s > LIMIT_S >= 30


def test_arguments_and_secrets_of_a_plugin_are_not_shown(tmp_path: Path) -> None:
    """`--password` is on many a command line, and plugins repeat their variables."""
    failing = plugin(
        tmp_path,
        'echo "refused: $API_SECRET" >&2; exit 9',
        args=["--password", "hunter2-hunter2"],
        env=[{"name": "API_SECRET", "value": "open-sesame"}],
    )
    with pytest.raises(Unverified) as refused:
        failing.run()
    assert str(refused.value) == "The credential plugin failed with status 9: refused: [redacted]."


def test_a_line_break_in_what_a_plugin_says_is_one_sentence(tmp_path: Path) -> None:
    """All that it said is shown: the first line is often the reason, and the last one a traceback's."""
    failing = plugin(tmp_path, "for word in one two three; do echo $word >&2; done; exit 1")
    with pytest.raises(Unverified, match="status 1: one / two / three"):
        failing.run()


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"args": "get-token"}, "args"),
        ({"args": 5}, "args"),
        ({"args": {"get-token": None}}, "args"),
        ({"args": ["--port", 5]}, "args"),
        ({"args": ["a\0b"]}, "args"),
        ({"env": {"A": "b"}}, "env"),
        ({"env": ["A=b"]}, "env"),
        ({"env": "A=b"}, "env"),
        ({"env": [{"value": "b"}]}, "env"),
        ({"env": [{"name": "A=B", "value": "c"}]}, "env"),
        ({"env": [{"name": "A", "value": ["b"]}]}, "env"),
    ],
)
def test_settings_of_another_kind_are_one_sentence(
    tmp_path: Path, settings: dict[str, Any], word: str
) -> None:
    """A text of arguments is not taken apart letter by letter, and nothing is run."""
    with pytest.raises(Unverified, match=f"has (an )?`{word}` that .* correct the kubeconfig"):
        plugin(tmp_path, "touch " + str(tmp_path / "ran"), **settings).run()
    assert not (tmp_path / "ran").exists()


def test_what_a_late_plugin_started_ends_with_it(tmp_path: Path) -> None:
    """A listener for a browser's answer would keep its port until the machine restarts."""
    kept = tmp_path / "child"
    with pytest.raises(Unverified, match=r"did not end within 0.5 s"):
        plugin(tmp_path, f"sleep 20 & echo $! > {kept}; wait", limit_s=0.5).run()
    state = Path(f"/proc/{kept.read_text().strip()}/stat")
    until = time.monotonic() + 2
    while is_running(state) and time.monotonic() < until:
        time.sleep(0.02)
    assert not is_running(state)


def is_running(state: Path) -> bool:
    """Whether a process runs still: it is there, and no zombie (proc(5), `stat`)."""
    try:
        return state.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("child", ["sleep 20 &", "yes >&2 &"])
def test_a_child_that_a_plugin_leaves_is_not_waited_for(tmp_path: Path, child: str) -> None:
    """It holds the pipes, as an agent may that caches logins; the plugin itself has answered."""
    began = time.monotonic()
    answer = json.dumps(
        {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}
    )
    try:
        assert plugin(tmp_path, f"{child} echo $! > {tmp_path}/child; echo '{answer}'").run().token == "t"
    finally:
        # Who prints into a pipe that is closed has ended already.
        with contextlib.suppress(ProcessLookupError):
            os.kill(int((tmp_path / "child").read_text(encoding="ascii")), signal.SIGKILL)
    assert time.monotonic() - began < 5


def test_endless_output_of_a_plugin_is_read_up_to_a_limit(tmp_path: Path) -> None:
    """It would fill the memory of the run."""
    with pytest.raises(Unverified, match=r"did not end within 0.5 s: y / y"):
        plugin(tmp_path, "yes >&2", limit_s=0.5).run()
