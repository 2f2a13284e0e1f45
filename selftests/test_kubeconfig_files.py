"""A kubeconfig that cannot be read is reported by the checks that need it, and stops nothing else."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from postflight.evidence import Unverified
from postflight.probes.kubernetes.kubeconfig import kubeconfig
from postflight.redaction import Secrets
from postflight.redaction.process import secrets_of

_LOGIN = """\
users:
- name: ci
  user: {exec: {command: login, args: [--client-secret, hunter2-k9q]}}
"""


@pytest.mark.parametrize(
    "text", ["a: 2024-13-45", "a: !!int ''", "a: !!bool x", "a: !!timestamp x", "a: [", "[" * 100_000, "\x01"]
)
def test_file_that_is_no_yaml_is_named(tmp_path: Path, text: str) -> None:
    """The redaction reads it first, and has nothing to learn from it."""
    file = tmp_path / "config"
    file.write_text(text, encoding="utf-8")
    process = {"KUBECONFIG": str(file)}

    assert list(secrets_of(process)) == []
    with pytest.raises(Unverified, match=re.escape(f"{file} is not YAML")):
        kubeconfig(process)


def test_file_of_a_user_who_is_not_there_is_named() -> None:
    """The shell leaves `~nosuchuser` as it is, and so does the message."""
    process = {"KUBECONFIG": "~nosuchuser-k9q/config"}

    assert list(secrets_of(process)) == []
    with pytest.raises(Unverified, match="KUBECONFIG names ~nosuchuser-k9q/config"):
        kubeconfig(process)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
@pytest.mark.parametrize("names", ["KUBECONFIG", "HOME"])
def test_file_in_a_folder_of_another_user_is_named(tmp_path: Path, names: str) -> None:
    """`sudo -E -u ci` keeps the HOME of another user."""
    folder = tmp_path / "home"
    (folder / ".kube").mkdir(parents=True)
    file = folder / ".kube" / "config"
    file.write_text(_LOGIN, encoding="utf-8")
    folder.chmod(0o700)
    process = {"KUBECONFIG": str(file)} if names == "KUBECONFIG" else {"HOME": str(folder)}
    os.seteuid(65534)
    try:
        learned = list(secrets_of(process))
        with pytest.raises(Unverified, match=r"cannot be read \(Permission denied\)"):
            kubeconfig(process)
    finally:
        os.seteuid(0)

    assert learned == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_secrets_are_known_in_every_encoding_that_is_read(tmp_path: Path, encoding: str) -> None:
    """PowerShell writes UTF-16."""
    file = tmp_path / "config"
    file.write_text(_LOGIN, encoding=encoding)
    process = {"KUBECONFIG": str(file)}
    read = kubeconfig(process)

    assert read is not None
    assert "ci" in read.users
    assert Secrets(secrets_of(process)).redact("hunter2-k9q") == "[redacted]"
