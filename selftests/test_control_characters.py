"""Control characters that a server sends are shown as escapes, wherever a run shows or writes them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from postflight.redaction import Secrets, visible
from postflight.redaction.streams import Guarded, harmless
from selftests import tiny_project

# Clipboard and link sequences, NUL, C1, a line that is overwritten, bidi and zero-width marks, separators.
HOSTILE = (
    "\x1b]52;c;cm0=\x07",
    "\x1b]8;;http://x\x1b\\",
    "\x00",
    "\x9b2J",
    "gone\rback",
    *"\u202e\u2066\u200e\u061c\u200b\ufeff\u2028\u2029\U000e0041",
    "\ud800",
)
CHECK = '''

def test_server_says_something(declared_subnet):
    """It may say anything."""
    said = {said!r}
    print(said)
    assert declared_subnet.name == "b", f"the server says {{said}}"
'''
RAW = tuple("\x1b\x07\x00\x9b\u202e\u2066\u200e\u061c\u200b\ufeff\u2028\u2029\U000e0041")


@pytest.mark.parametrize("said", HOSTILE)
def test_a_control_character_is_shown(said: str) -> None:
    """What is shown is ASCII, and says which character it was."""
    shown = visible(f"a{said}b")

    assert shown.isprintable()
    assert "\\" in shown
    assert visible(shown) == shown


def test_text_stays_as_it_is() -> None:
    """Line ends, tabs, Korean, accents and emoji are text."""
    text = "서울\tcafé ✅\r\nnext line\n"
    assert visible(text) == text


@pytest.mark.parametrize("options", [("-v", "-l"), ("--tb=long", "-rA", "--color=yes"), ("-q", "-n", "1")])
def test_no_output_has_a_raw_control_character(tmp_path: Path, options: tuple[str, ...]) -> None:
    """A log must not write to a clipboard, hide a line, or command a CI system."""
    folder = tiny_project.make(tmp_path)
    said = "".join(one for one in HOSTILE if one != "\ud800") + "\n::error::pwned\n##[error]pwned"
    checks = folder / "tests_infra" / "test_tiny.py"
    checks.write_text(checks.read_text(encoding="utf-8") + CHECK.format(said=said), encoding="utf-8")
    entry = tiny_project.entry("test_server_says_something", "—")
    page = folder / "runbook" / "tests_infra" / "test_tiny.md"
    page.write_text(page.read_text(encoding="utf-8") + entry, encoding="utf-8")
    variables = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "step.md")}
    run = tiny_project.run(
        folder, *options, "--junitxml=junit.xml", "--alluredir=allure", variables=variables
    )
    results = tiny_project.latest(folder)
    texts = {"output": run.stdout + run.stderr, "step": (tmp_path / "step.md").read_text(encoding="utf-8")}
    for file in (results / "summary.md", results / "results.json", folder / "junit.xml"):
        texts[file.name] = file.read_text(encoding="utf-8")
    texts |= {file.name: file.read_text(encoding="utf-8") for file in (folder / "allure").iterdir()}

    assert "x1b" in texts["summary.md"]
    assert "the server says \\x1b]52;c;cm0=\\x07" in texts["step"].replace("\\\\", "\\").replace("\\]", "]")
    if "--color=yes" in options:
        assert "\x1b[31m" in texts["output"]
        texts["output"] = texts["output"].replace("\x1b[", "")
    found = {(name, mark) for name, text in texts.items() for mark in RAW if mark in text}
    assert not found
    lines = [line.lstrip() for line in texts["output"].splitlines()]
    assert not [line for line in lines if line.startswith(("::error::", "##[error]"))]
    assert any(line.startswith("::error title=") for line in lines)


def test_colours_and_rewritten_lines_reach_a_terminal_only() -> None:
    """Pytest's own markup is not what a server sent; without colours there is none."""
    terminal, file = io.StringIO(), io.StringIO()
    Guarded(terminal, Secrets(["hunter2-k9q"]), has_markup=True).write(
        "\r\x1b[31mhunter2-k9q\x1b[0m\x1b]52;c;x\x07\n"
    )
    Guarded(file, Secrets()).write("\x1b[31mred\x1b[0m\n")

    assert terminal.getvalue() == "\r\x1b[31m[redacted]\x1b[0m\\x1b]52;c;x\\x07\n"
    assert file.getvalue() == "\\x1b[31mred\\x1b[0m\n"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("::error::x", ": :error::x"),
        ("  ::set-output name=a::b", "  : :set-output name=a::b"),
        ("##[group]x", "# #[group]x"),
        ("##vso[task.setvariable]x", "# #vso[task.setvariable]x"),
        ("2001:db8::1 answers", "2001:db8::1 answers"),
        ("::1 answers", "::1 answers"),
        ("## Heading", "## Heading"),
    ],
)
def test_a_line_is_no_command_to_a_ci_system(said: str, shown: str) -> None:
    """A server's words at the beginning of a line would be obeyed."""
    assert harmless(said) == shown


def test_our_own_commands_reach_the_ci_system() -> None:
    """Annotations are how GitHub shows what broke first."""
    stream = io.StringIO()
    guarded = Guarded(stream, Secrets())
    guarded.allow_command("::error title=x::y")
    guarded.write("::error title=x::y")
    guarded.write("\n")

    assert stream.getvalue() == "::error title=x::y\n"
