"""What two environments call by names of their own: the same thing, although the words differ."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from postflight.environment import Environment
from postflight.environment.document import Document
from postflight.environment.source import read
from postflight.environment.variables import interpolated

_NAMING = re.compile(r"(^|_)(env|environment|prefix|account|region|host|domain)$")
_FILLED = "filled"


@dataclass(frozen=True)
class Names:
    """The names that an environment goes by, longest first: text to variable."""

    variables: tuple[tuple[str, str], ...]

    def neutral(self, text: str) -> str:
        """Return `text` with this environment's own names replaced by what they stand for."""
        for own, variable in self.variables:
            # A region is followed by the letter of a zone, a host or prefix by no further letter.
            after = r"(?=[a-z]?(?![A-Za-z0-9]))" if variable == "region" else r"(?![A-Za-z0-9])"
            text = re.sub(rf"(?<![A-Za-z0-9.]){re.escape(own)}{after}", f"${{{variable}}}", text)
        return text


def names_of(file: Path, environment: Environment, process: Mapping[str, str]) -> dict[str, str]:
    """Return the naming variables of an environment file, filled in, and what every environment has.

    Raises EnvironmentFileError.
    """
    document = read(file)
    written = document.value.get("variables") or {}
    naming = [name for name in written if _NAMING.search(str(name))]
    asked = Document(
        {"variables": written, _FILLED: {name: f"${{{name}}}" for name in naming}}, document.places, file
    )
    filled = interpolated(asked, process, ()).value[_FILLED]
    always = {
        "environment": environment.name,
        "account": environment.aws.account,
        "region": environment.aws.region,
    }
    return {**always, **filled}


def shared(left: Mapping[str, str], right: Mapping[str, str]) -> tuple[Names, Names]:
    """Return the names of two environments, of the variables that both have."""
    common = [name for name in left if name in right and left[name] and right[name]]
    return _names(left, common), _names(right, common)


def _names(values: Mapping[str, str], common: list[str]) -> Names:
    return Names(
        tuple(sorted(((values[name], name) for name in common), key=lambda one: (-len(one[0]), one)))
    )
