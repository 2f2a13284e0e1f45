"""What the documentation says besides its commands: links, options, examples, the same in both languages."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from postflight import cli
from postflight.environment import load
from sandbox.__main__ import _parser as sandbox_parser
from selftests.documentation.pages import PAGES, ROOT, Block, blocks, commands, text_of

ENGLISH, KOREAN = "README.md", "README.ko.md"

_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
# pytest tells of it as --junit-xml; uv's own.
_ALSO = {"--junitxml", "--group"}


def prose(page: str) -> str:
    """Return a page without its blocks of code."""
    return _FENCED.sub("", text_of(page))


def spans(page: str) -> list[str]:
    """Return what stands in a page's sentences and tables as code."""
    return _SPAN.findall(prose(page))


def links() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for target in _LINK.findall(text_of(page)):
            yield page, target


@pytest.mark.parametrize(("page", "target"), sorted(set(links())))
def test_a_link_leads_to_a_file(page: str, target: str) -> None:
    """Pages move, and links stay behind."""
    # In the page that writes a runbook entry, links are those of that entry.
    folders = (ROOT / page, ROOT / "runbook" / "tests_platform" / "any.md")
    assert any((folder.parent / target).exists() for folder in folders)


@pytest.fixture(scope="module")
def options() -> set[str]:
    """Every option of pytest as we extend it, of `postflight` and of the sandbox."""
    said = subprocess.run(
        [sys.executable, "-m", "pytest", "--help"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    helps = [one.format_help() for one in _parsers(cli._parser())]  # noqa: SLF001 - argparse is walked
    helps += [one.format_help() for one in _parsers(sandbox_parser())]
    proofs = (ROOT / "selftests" / "proofs" / "__main__.py").read_text(encoding="utf-8")
    bench = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "bench").glob("*.py"))
    return set(_OPTION.findall("\n".join((said, *helps, proofs, bench))))


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action.choices, dict):
            yield from action.choices.values()


@pytest.mark.parametrize("page", PAGES)
def test_an_option_exists(page: str, options: set[str]) -> None:
    """An option that was renamed is a usage error at night."""
    told = {option for span in spans(page) for option in _OPTION.findall(span)}
    told |= {option for block in blocks(page, "", "yaml") for option in _OPTION.findall(block.text)}

    assert told - options - _ALSO == set()


@pytest.mark.parametrize("page", PAGES)
def test_a_command_in_a_sentence_can_be_given(page: str) -> None:
    """Commands in sentences are pasted too."""
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for span in spans(page):
        words = shlex.split(span.replace("…", "").replace("<", "").replace(">", ""))
        match words:
            case ["make", target, *_]:
                assert target in targets, span
            case ["postflight", name]:
                assert name in _commands(), span
            case ["postflight", *rest] if rest:
                assert cli._parser().parse_args(rest).run is not None, span  # noqa: SLF001
            case ["python", "-m", "sandbox", *rest] if rest and "FAULT" not in rest:
                assert sandbox_parser().parse_args(rest), span
            case ["python", "-m", module, *_]:
                assert (ROOT / module.replace(".", "/")).exists(), span
            case _:
                pass


def _commands() -> set[str]:
    """Return the names of the commands of `postflight`."""
    actions = cli._parser()._actions  # noqa: SLF001
    return {name for action in actions if isinstance(action.choices, dict) for name in action.choices}


@pytest.mark.parametrize("page", PAGES)
def test_commands_stand_where_they_are_run(page: str) -> None:
    """A block that no test knows would be one that nobody tries."""
    for block in blocks(page):
        assert block.language in {"console", "yaml", "python", "markdown", "diff", ""}, block.place
        assert block.language == "console" or not block.text.startswith("$ "), block.place


def yaml_blocks() -> list[Block]:
    return [block for page in PAGES for block in blocks(page, "yaml")]


@pytest.mark.parametrize("block", yaml_blocks(), ids=lambda one: one.place)
def test_yaml_is_right(block: Block, tmp_path: Path) -> None:
    """An example is what most files begin as."""
    written = yaml.safe_load(block.text)
    if "jobs" in (written or {}) and "aws" not in written:
        gate = yaml.safe_load((ROOT / "deploy" / "github" / "gate.yaml").read_text(encoding="utf-8"))
        called = written["jobs"]["verify"]
        assert called["with"].keys() <= gate[True]["workflow_call"]["inputs"].keys()
    elif block.page in {ENGLISH, KOREAN}:
        file = tmp_path / "example.yaml"
        file.write_text(block.text, encoding="utf-8")
        assert load(file, {}).services


def told(page: str) -> list[tuple[str, set[str]]]:
    """Return a README's commands, but for the language that they ask for, and what they print."""
    return [(re.sub(r" --lang \w+", "", one.text), {*one.output}) for one in commands(page)]


def test_both_languages_have_the_same_sections() -> None:
    """What one of them leaves out is not known to half of the readers."""
    shape = [
        [len(one) for one in re.findall(r"^(#+) ", prose(page), re.MULTILINE)] for page in (ENGLISH, KOREAN)
    ]

    assert shape[0] == shape[1]


def test_both_languages_have_the_same_commands_and_examples() -> None:
    """A command that was mended in one of them must be mended in the other."""
    english, korean = told(ENGLISH), told(KOREAN)

    assert [text for text, _ in english] == [text for text, _ in korean]
    assert all(output <= there | {"…"} for (_, output), (_, there) in zip(korean, english, strict=True))
    examples = [[one.text for one in blocks(page, "yaml", "python")] for page in (ENGLISH, KOREAN)]
    assert examples[0] == examples[1]


def test_both_languages_name_the_same_things() -> None:
    """Options, files, fields and commands are not translated."""
    english, korean = ({one for one in spans(page) if one.isascii()} for page in (ENGLISH, KOREAN))

    assert english - {"reports/<environment>-<time>/", "uv run pytest …"} == korean


def test_both_languages_link_to_the_same_pages() -> None:
    """What is told elsewhere must be found from both."""
    english, korean = ({*_LINK.findall(prose(page))} for page in (ENGLISH, KOREAN))

    assert english - {KOREAN} == korean - {ENGLISH}
