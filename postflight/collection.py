"""Which checks a run collects: from the environment alone, never from the network."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any, cast

import pytest

from postflight.environment import SECTION_OF, Environment, Subject, Vantage, subjects
from postflight.subjects import Row

DECLARED = "declared_"
RELEASE = "release"
# Sections without entries, each of which checks need by a mark.
_ONE_OF_EACH = ("cluster", "vpc")

Looker = Callable[[str, Subject | None], object]


def fixtures(rows: Mapping[str, Row], look: Looker) -> ModuleType:
    """Return one pytest fixture a row, as the attributes of a module: what pytest searches for fixtures.

    The fixture of a row about a kind asks for `declared_<kind>`, which collection parametrises; its value is
    `look(fixture, declared)`.
    """
    module = ModuleType("postflight_fixtures")
    for name, row in rows.items():
        setattr(module, f"fixture_{name}", _fixture(row, look))
    return module


def _fixture(row: Row, look: Looker) -> Any:
    def evidence(**declared: Subject) -> object:
        return look(row.fixture, next(iter(declared.values()), None))

    names = [f"{DECLARED}{row.kind}"] if row.kind is not None else []
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    evidence.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    evidence.__doc__ = inspect.getdoc(row.look) or f"Evidence about the {row.kind or 'environment'}."
    return pytest.fixture(name=row.fixture)(evidence)


class Collection:
    """Parametrises checks over the declared subjects, and keeps what was left out, and why."""

    def __init__(
        self, environment: Environment, vantage: Vantage, rows: Mapping[str, Row], *, release: str | None
    ) -> None:
        self.environment = environment
        self._release = release
        self._vantage = vantage
        self._rows = rows
        self._of_release = 0
        self.left_out: dict[str, str] = {}
        # The sections that collected checks are about.
        self.checked: set[str] = set()

    @property
    def undeclared(self) -> dict[str, str]:
        """What the environment does not declare; --release is not the environment's to say."""
        return {section: why for section, why in self.left_out.items() if section != RELEASE}

    @property
    def unchecked(self) -> list[str]:
        """The declared sections of which no check was collected."""
        declared = {section for kind, section in SECTION_OF.items() if subjects(self.environment, kind)}
        declared |= {name for name in _ONE_OF_EACH if getattr(self.environment, name) is not None}
        return sorted(declared - self.checked)

    def parametrize(self, metafunc: pytest.Metafunc) -> None:
        """Run a check once for each subject it is about. A check about two kinds is an error."""
        kinds = [name.removeprefix(DECLARED) for name in metafunc.fixturenames if name.startswith(DECLARED)]
        needs = (section for mark in metafunc.definition.iter_markers("needs") for section in mark.args)
        self.checked.update(needs, (SECTION_OF[kind] for kind in kinds if kind in SECTION_OF))
        if not kinds:
            return
        if len(kinds) > 1:
            raise pytest.Collector.CollectError(
                f"{metafunc.function.__name__} is about more than one kind of subject: {', '.join(kinds)}"
            )
        (kind,) = kinds
        if kind not in SECTION_OF:
            raise pytest.Collector.CollectError(f"{DECLARED}{kind}: {kind!r} is no kind of subject")
        chosen = self._chosen(metafunc, kind)
        metafunc.parametrize(f"{DECLARED}{kind}", chosen, ids=[subject.name for subject in chosen])

    def is_left_out(self, item: pytest.Item) -> bool:
        """Whether an item stands for an empty list of subjects, or needs what is not declared."""
        fixtures = getattr(item, "fixturenames", ())
        if not self.is_asked_for(fixtures, item.iter_markers("needs")):
            self._count_release(fixtures)
            return True
        call = getattr(item, "callspec", None)
        return call is not None and any(_is_unset(value) for value in call.params.values())

    def is_asked_for(self, fixtures: Sequence[str], needs: Iterable[pytest.Mark]) -> bool:
        """Whether the environment declares what a check needs.

        A check of the release is only made where the run is told one.
        """
        if self._release is None and RELEASE in fixtures:
            return False
        for marker in needs:
            for section in marker.args:
                if getattr(self.environment, section) is None:
                    self._leave_out(section, f"{self.environment.name} declares none")
                    return False
        return True

    def about(self, kind: str, where: Iterable[pytest.Mark]) -> list[Subject]:
        """Return the subjects of a kind that a check with these marks is about."""
        marks = tuple(where)
        return [one for one in subjects(self.environment, kind) if _matches(one, marks)]

    def _chosen(self, metafunc: pytest.Metafunc, kind: str) -> list[Subject]:
        section = SECTION_OF[kind]
        if not subjects(self.environment, kind):
            self._leave_out(section, f"{self.environment.name} declares none")
            return []
        wanted = self.about(kind, metafunc.definition.iter_markers("where"))
        used = [self._rows[name] for name in metafunc.fixturenames if name in self._rows]
        seen = [one for one in wanted if all(row.is_reachable(one, self._vantage) for row in used)]
        if len(seen) < len(wanted):
            hidden = ", ".join(one.name for one in wanted if one not in seen)
            other = "inside" if self._vantage == "outside" else "outside"
            self._leave_out(
                f"{section} ({metafunc.function.__name__})",
                f"{hidden}: reached only from {other} the cluster's network; "
                f"only a run with --vantage {other} looks",
            )
        return seen

    def _count_release(self, fixtures: Sequence[str]) -> None:
        """Tell how many checks await --release: pytest counts them as deselected, and says no more."""
        if self._release is None and RELEASE in fixtures:
            self._of_release += 1
            checks = "1 check needs" if self._of_release == 1 else f"{self._of_release} checks need"
            self.left_out[RELEASE] = f"{checks} --release"

    def _leave_out(self, section: str, why: str) -> None:
        self.left_out.setdefault(section, why)


def _matches(subject: Subject, markers: Iterable[pytest.Mark]) -> bool:
    for marker in markers:
        if not all(getattr(subject, field) for field in marker.args):
            return False
        for field, value in marker.kwargs.items():
            allowed = value if isinstance(value, tuple) else (value,)
            if getattr(subject, field) not in allowed:
                return False
    return True


def _is_unset(value: object) -> bool:
    return type(value).__name__ == "NotSetType"


def subject_of(item: pytest.Item) -> tuple[str | None, Subject | None]:
    """Return the kind and the subject that an item is about, if it is about one."""
    call = getattr(item, "callspec", None)
    for name, value in (call.params if call is not None else {}).items():
        if name.startswith(DECLARED):
            return name.removeprefix(DECLARED), cast("Subject", value)
    return None, None
