"""Environment files that expand without end, lead elsewhere, or are no files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from postflight.environment import EnvironmentFileError, load
from selftests.environment_files import MINIMAL

LAUGHS = "variables:\n  a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"  a{number}: &a{number} [{','.join([f'*a{number - 1}'] * 9)}]\n" for number in range(1, 10)
)


EXPANDING = "variables:\n  a0: xxxxxxxxxx\n" + "".join(
    f'  a{number}: "{f"${{a{number - 1}}}" * 10}"\n' for number in range(1, 12)
)


DEFAULTS = (
    "services:\n  defaults:\n"
    + "".join(f"    k{number}: x\n" for number in range(5000))
    + "".join(f"  s{number}: {{}}\n" for number in range(5000))
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAUGHS, r"the file holds more than 250,000 values"),
        (EXPANDING + "description: ${a11}\n", r"the variables of this file expand to more than 4 MiB"),
        (EXPANDING.replace("xxxxxxxxxx", '""') + "description: 'a${a11}'\n", None),
        (DEFAULTS, r"the `defaults` of 5,000 entries come to"),
        ("description: &a [*a]\n", r"is nested too deeply|found undefined alias"),
        ("description: " + "x" * (3 << 20), r"is larger than 2 MiB"),
        ("databses:\n", r"4: unknown key `databses`. Did you mean `database"),
        ("extends: /etc/shadow\n", r"it takes a .yaml file in the folder of this file"),
        ("extends: ../elsewhere.yaml\n", r"it takes a .yaml file in the folder of this file"),
        ("extends: link.yaml\n", r"it takes a .yaml file in the folder of this file"),
    ],
)
def test_a_hostile_file_is_refused_at_once(tmp_path: Path, text: str, words: str | None) -> None:
    """Each of these ran for minutes, or passed for an environment."""
    folder = tmp_path / "environments"
    folder.mkdir()
    (tmp_path / "elsewhere.yaml").write_text("description: not ours\n", encoding="utf-8")
    (folder / "link.yaml").symlink_to("/etc/passwd")
    file = folder / "hostile.yaml"
    file.write_text(MINIMAL + text, encoding="utf-8")
    began = time.process_time()

    if words is None:
        assert load(file, {}).description == "a"
    else:
        with pytest.raises(EnvironmentFileError, match=words):
            load(file, {})
    assert time.process_time() - began < 10


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    """A pipe is waited for until somebody writes to it."""
    os.mkfifo(tmp_path / "pipe.yaml")

    with pytest.raises(EnvironmentFileError, match="is not a regular file"):
        load(tmp_path / "pipe.yaml", {})
