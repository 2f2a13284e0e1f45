"""Every command of the documentation is run, in a copy of the checkout and over one sandbox."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from selftests.documentation import checkout as checkouts
from selftests.documentation.checkout import Checkout, Finished, differences
from selftests.documentation.elsewhere import INSTEAD
from selftests.documentation.pages import PAGES, Command, blocks, commands, text_of

_TUTORIAL, _ENVIRONMENT = "docs/writing-a-check.md", "docs/writing-an-environment.md"
_DOWN = "python -m sandbox down"
_MEASURING = ("make bench", "python -m bench")
_RESULTS = re.compile(r"^\| `(run|calls|\w+\[\])` \| (.*) \|$", re.MULTILINE)
_CODE = re.compile(r"`(\w+)`")
# A sandbox has a resolver and authorities of its own, which no account has.
_INIT = (
    " --resolver $SANDBOX_DNS --authoritative $SANDBOX_DNS --ca $SANDBOX_CA --database-ca $SANDBOX_RDS_CA"
    " --cache-ca $SANDBOX_RDS_CA --https-port $SANDBOX_HTTPS_PORT"
)


def ordered() -> list[Command]:
    """Every command, those of the page that makes a new check first: the others have to bear with it.

    README.ko.md has the commands of README.md: test_documentation.py sees to that.
    """
    pages = sorted(PAGES, key=lambda page: page != _TUTORIAL)
    found = [command for page in pages for command in commands(page)]
    return [one for one in found if not one.place.startswith("README.ko")]


COMMANDS = ordered()


@pytest.fixture(scope="module")
def checkout() -> Iterator[Checkout]:
    """A copy of the checkout, with the files that the two pages write."""
    with tempfile.TemporaryDirectory(prefix="postflight-documentation-") as folder:
        # Run by root, the sandbox's databases are another user's, who has to reach them.
        Path(folder).chmod(0o755)
        yield from _copied(Path(folder))


def _copied(folder: Path) -> Iterator[Checkout]:
    copied = checkouts.copy(folder)
    for block in (*blocks(_TUTORIAL, "python", "markdown", "diff"), *blocks(_ENVIRONMENT, "yaml")):
        copied.write(block)
    try:
        yield copied
    finally:
        copied.run(_DOWN)


def variables(checkout: Checkout) -> Mapping[str, str]:
    """Return what leads to the sandbox, as credentials and a kubeconfig with the context `shop` would."""
    state = json.loads((checkout.root / "sandbox" / "run" / "state.json").read_text(encoding="utf-8"))
    found: dict[str, str] = state["variables"]
    there = checkout.root / ".home" / "kubeconfig"
    kubeconfig = yaml.safe_load(
        (checkout.root / "sandbox" / "run" / "kubeconfig").read_text(encoding="utf-8")
    )
    for context in kubeconfig["contexts"]:
        context["name"] = context["name"].replace("sandbox", "shop", 1)
    there.write_text(yaml.safe_dump({**kubeconfig, "current-context": "shop"}), encoding="utf-8")
    return {**found, "KUBECONFIG": str(there)}


def finished(checkout: Checkout, command: Command) -> Finished:
    """Run a command as it stands, or what stands in for it."""
    words = command.text.removeprefix(".venv/bin/")
    if words in INSTEAD:
        return checkout.run(INSTEAD[words].command)
    if words.startswith(_MEASURING):
        # They take minutes; here it is only seen that they could be given.
        return checkout.run(f"{words} {'--dry-run' if words.startswith('make') else '--help'}")
    if words == _DOWN and command is not COMMANDS[-1]:
        # One sandbox serves all pages: it is ended for good when the last is read.
        return Finished(words, 0, "")
    if words.startswith("postflight init"):
        return checkout.run(words + _INIT, variables(checkout))
    if "shop" in words:
        return checkout.run(words, variables(checkout))
    return checkout.run(command.text)


def _statuses(command: Command) -> frozenset[int]:
    """Return how a command may end; where it shall fail, the page shows the failure."""
    if any(line.startswith("postflight: ") for line in command.output):
        return frozenset({1, 2})
    fails = "postflight diff" in command.text or "WHAT BROKE FIRST" in command.output
    return frozenset({int(fails)})


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.place)
def test_a_command_does_what_the_page_says(checkout: Checkout, command: Command) -> None:
    """Whoever pastes a command from a page trusts it; one that is wrong costs more than none."""
    done = finished(checkout, command)

    assert done.status in _statuses(command), done.output
    if not command.text.removeprefix(".venv/bin/").startswith(_MEASURING):
        assert differences("\n".join(command.output), done) == [], done.output


def test_results_hold_what_the_design_says(checkout: Checkout) -> None:
    """Scripts of others read results.json by that table."""
    results = json.loads((checkout.root / "reports" / "latest" / "results.json").read_text(encoding="utf-8"))
    rows = dict(_RESULTS.findall(text_of("docs/design.md")))

    assert results.keys() - {"schema"} == {name.removesuffix("[]") for name in rows}
    assert set(_CODE.findall(rows["run"])) == results["run"].keys()
    assert set(_CODE.findall(rows["checks[]"])) == results["checks"][0].keys()


def test_no_command_is_excused_that_no_page_has() -> None:
    """A table that tells of commands long gone would excuse the next that looks like them."""
    assert INSTEAD.keys() <= {one.text for one in COMMANDS}
