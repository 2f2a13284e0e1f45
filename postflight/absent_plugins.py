"""The options of plugins that are not installed: whoever gives one is told what to install."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True)
class Plugin:
    """A plugin of the group `parallel`: its module, its package, and the option that people give."""

    module: str
    package: str
    option: str


_PLUGINS = (Plugin("xdist", "pytest-xdist", "-n"), Plugin("allure_pytest", "allure-pytest", "--alluredir"))


def add(parser: pytest.Parser) -> None:
    """Declare the options of those that are absent, so that they are not merely unknown to pytest."""
    group = parser.getgroup("postflight")
    for plugin in _absent():
        # `addoption` keeps short options in lower case for plugins of pytest's own family, as xdist is one.
        group._addoption(  # noqa: SLF001
            plugin.option, dest=_destination(plugin), metavar="VALUE", help=f"needs {plugin.package}"
        )


def require(config: pytest.Config) -> None:
    """Refuse an option of a plugin that is absent. Raises pytest.UsageError."""
    import pytest

    for plugin in _absent():
        if config.getoption(_destination(plugin), None) is not None:
            raise pytest.UsageError(
                f"{plugin.option} needs {plugin.package}, which is not installed: "
                f"`uv sync --group parallel`, or `pip install {plugin.package}`."
            )


def _absent() -> tuple[Plugin, ...]:
    return tuple(plugin for plugin in _PLUGINS if find_spec(plugin.module) is None)


def _destination(plugin: Plugin) -> str:
    return f"postflight_absent_{plugin.module}"
