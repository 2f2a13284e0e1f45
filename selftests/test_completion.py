"""`postflight completion`: each script is run by its own shell, where that shell is installed."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from selftests.commands import postflight
from selftests.proofs.harness import ROOT

TYPED = {
    "postflight ex": {"explain"},
    "postflight diff st": {"stage"},
    "postflight diff stage --obs": {"--observed"},
    "postflight permissions --env p": {"prod"},
    "postflight completion f": {"fish"},
    "postflight check-environment doa": {"doa-prod"},
    "postflight explain --": {"--help", "--lang"},
}


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the script of each shell."""
    folder = tmp_path_factory.mktemp("completion")
    for shell in ("bash", "zsh", "fish"):
        script = postflight("completion", shell).stdout
        (folder / f"postflight.{shell}").write_text(script, encoding="utf-8")
    return folder


def proposed(folder: Path, *command: str) -> set[str]:
    """Return the first word of each line that a shell proposes; it may complain of nothing."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not here")
    done = subprocess.run(
        command, cwd=ROOT, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"}, capture_output=True,
        text=True, check=False, timeout=30,
    )  # fmt: skip

    assert done.stderr == ""
    return {line.split()[0] for line in done.stdout.splitlines() if line.strip()}


def _called(typed: str) -> str:
    words = typed.split(" ")
    return (
        f'COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _postflight; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )


@pytest.mark.parametrize("typed", TYPED)
def test_bash_completes(scripts: Path, typed: str) -> None:
    """A script that is only looked at may have an error in its third line."""
    code = f"source {shlex.quote(str(scripts / 'postflight.bash'))}; {_called(typed)}"

    assert proposed(scripts, "bash", "-c", code) == TYPED[typed]


@pytest.mark.parametrize("typed", TYPED)
def test_zsh_completes(scripts: Path, typed: str) -> None:
    """Its way of being sh reads some of bash's words otherwise. Which words fit, zsh decides afterwards."""
    script = shlex.quote(str(scripts / "postflight.zsh"))
    code = f"source {script}; asked() {{ emulate -L sh; {_called(typed)}; }}; asked"

    assert proposed(scripts, "zsh", "-f", "-c", code) >= TYPED[typed]


@pytest.mark.parametrize("typed", TYPED)
def test_fish_completes(scripts: Path, typed: str) -> None:
    """Told a line, fish says itself what it would propose."""
    script = shlex.quote(str(scripts / "postflight.fish"))
    code = f"source {script}; complete -C {shlex.quote(typed)}"

    assert proposed(scripts, "fish", "-N", "-c", code) == TYPED[typed]
