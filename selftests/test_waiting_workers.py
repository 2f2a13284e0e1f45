"""Workers of pytest-xdist that begin at different times, while one of them waits for a rollout."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from postflight.environment import Environment
from postflight.evidence import LiveAnswers, Looking, Question
from postflight.identity import Identity
from postflight.patience import Attempt, Patience
from postflight.probes.connections import Connections
from postflight.recording import Recording
from postflight.run import Run
from postflight.settling import Settling

_ENVIRONMENT = Environment.model_validate(
    {"name": "shop", "aws": {"account": "123456789012", "region": "ap-northeast-2"}}
)


@pytest.mark.parametrize(("wrong_for", "is_told"), [(0, False), (1, True)], ids=["at once", "after a pause"])
def test_a_worker_that_came_late_knows_that_another_waited(
    tmp_path: Path, wrong_for: int, is_told: bool
) -> None:
    """It finds everything right, and waits for nothing: what another has seen may be broken since."""
    waits = Patience(20.0, note=tmp_path / "waiting")
    came_late = Patience(20.0, note=tmp_path / "waiting")
    wrong = iter([True] * wrong_for)

    def judge() -> None:
        assert not next(wrong, False), "the rollout goes on"

    began = time.time()
    waits.settle(Attempt(judge, refresh=lambda: None, is_doomed=lambda: False), AssertionError("it went on"))

    assert (came_late.waited_until > began) is is_told
    assert came_late.waited_until == pytest.approx(waits.waited_until, abs=0.001)


def test_what_another_worker_saw_is_as_old_as_its_look(tmp_path: Path) -> None:
    """Dated by when it is read, what was seen before a wait would pass for what was seen after it."""
    world = {"rollout": "right"}
    looking = Looking(Question("some.probe", "{}"), lambda: world["rollout"], str, deadline_s=10.0)
    waited, came_late = (LiveAnswers(Recording(tmp_path), shared=True) for _ in range(2))
    assert waited.ask(looking) == "right"
    waited_until = time.time()
    world["rollout"] = "broken"

    assert came_late.ask(looking) == "right"
    assert came_late.began([looking.question]) < waited_until
    assert came_late.ask(looking, since=waited_until) == "broken"


@pytest.mark.parametrize("budget_s", [60.0, 0.1], ids=["some patience left", "patience is over"])
def test_a_worker_that_waits_for_nothing_judges_what_was_seen_after_anothers_wait(
    tmp_path: Path, budget_s: float
) -> None:
    """It may be one that xdist began anew, long after the wait."""
    note = tmp_path / "waiting"
    note.touch()
    connections = Connections(_ENVIRONMENT, "outside", {})
    run = Run(
        environment=_ENVIRONMENT,
        connections=connections,
        answers=LiveAnswers(),
        runbook={},
        folder=tmp_path,
        identity=Identity("123456789012", "ap-northeast-2", "somebody"),
        patience=Patience(budget_s, began=time.time() - 1.0, note=note),
    )

    Settling(run, LiveAnswers()).before_judging([])

    assert run.not_before == pytest.approx(note.stat().st_mtime)
