"""Environment files made up for the selftests, and how a complaint about one is taken down."""

from __future__ import annotations

from pathlib import Path

import pytest

from postflight.environment import EnvironmentFileError, load

MINIMAL = """\
aws:
  account: "123456789012"
  region: ap-northeast-2
"""
SERVER = """\
database_servers:
  d: {kind: cluster, identifier: i, user: u, login: {}, login_database: postgres, databases: [order, cart]}
"""
CACHE = "caches:\n  c: {replication_group: c}\n"
SECRET = "hunter2-in-plain-text"


def complaint(folder: Path, text: str | bytes, process: dict[str, str] | None = None) -> str:
    """Return what the loader says against a file, and hold it to the form of every complaint."""
    file = folder / "some.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(EnvironmentFileError) as caught:
        load(file, process or {})
    message = str(caught.value)
    assert message.startswith(str(folder)), "a complaint begins with the file"
    assert "\n" not in message, "a complaint is one paragraph"
    assert "Traceback" not in message
    assert SECRET not in message, "a complaint never repeats a secret"
    return message


def line_of(message: str) -> int:
    """Return the line that a complaint points at."""
    return int(message.split(".yaml:", 1)[1].split(":", 1)[0])
