"""Asks each question once a run, in parallel, with a deadline; keeps the answers on disk and replays them."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from postflight.crew import Crew, begun, crew_of_this_thread
from postflight.redaction import masked

# Which fields were given, by themselves: of each combination one set for all evidence.
_GIVEN: dict[frozenset[str], set[str]] = {}


class Evidence(BaseModel):
    """What a probe saw: frozen and JSON-able. An absent object and a refused connection are evidence too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_post_init(self, context: Any) -> None:
        """Share with other evidence which fields were given: nobody asks, but pydantic keeps a set for each.

        A pod with a container has 1.5 KB of them, which is more than there is to tell of it.
        """
        del context
        given = self.__pydantic_fields_set__
        # Frozen as it is, evidence never adds to it; a copy of evidence has a copy of it.
        object.__setattr__(self, "__pydantic_fields_set__", _GIVEN.setdefault(frozenset(given), given))

    @property
    def is_doomed(self) -> bool:
        """Whether what is wrong here cannot heal by itself, so that waiting for it is in vain."""
        return False


class Unverified(Exception):  # noqa: N818 - a verdict, not an error
    """We could not look. `permission`: what was missing (`ec2:DescribeSubnets`, `list pods in saleor`)."""

    def __init__(self, message: str, permission: str | None = None) -> None:
        super().__init__(message)
        self.permission = permission


@dataclass(frozen=True)
class Question:
    """One probe with its arguments; two equal questions are asked once."""

    probe: str
    arguments: str

    @cached_property
    def file_name(self) -> str:
        """Name of its file under `evidence/`: readable, and unique by a hash."""
        # A query or a login may hold a secret, and a name is seen wherever its file lies.
        plain = re.sub(r"\?[^\s\"]*", "", masked(self.arguments))
        words = re.sub(r"[^A-Za-z0-9.]+", "-", plain).strip("-")[:60]
        digest = hashlib.sha256(self.arguments.encode()).hexdigest()[:10]
        return f"{self.probe}-{words}-{digest}.json" if words else f"{self.probe}-{digest}.json"


@dataclass(frozen=True)
class Looking:
    """A question that can be put: what to call, how its answer is written down, how long it may take.

    `writes`: looking means writing something that has to be removed again, so it is not to be abandoned.
    `why_late` says what a look that did not end in time may have waited for.
    """

    question: Question
    look: Callable[[], Any]
    answer_type: Any
    deadline_s: float
    writes: bool = False
    why_late: Callable[[], str] = str


class Answers(Protocol):
    """Where answers come from: a live environment or a recorded run."""

    @property
    def renewals(self) -> int:
        """How often a question has been asked again: until then, what was made of the answers holds."""

    def ask(self, looking: Looking, since: float = 0.0) -> Any:
        """Return evidence that was looked for at `since` (seconds since the epoch) or later.

        Raises Unverified.
        """


@dataclass
class _Answer:
    looking: Looking
    future: Future[Any] = field(default_factory=Future)
    began: float = field(default_factory=time.time)


def question(probe: str, arguments: Mapping[str, Any]) -> Question:
    """Return the question of a probe's name and its arguments (JSON-able values or frozen models)."""
    text = json.dumps(arguments, default=_plain, sort_keys=True, ensure_ascii=False)
    return Question(probe, text)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} cannot be an argument of a probe")


@dataclass(frozen=True)
class Kept:
    """What came of a look: evidence, or the Unverified that stood in its way; and when the look began."""

    outcome: Any
    began: float

    def evidence(self) -> Any:
        """Return the evidence. Raises Unverified."""
        if isinstance(self.outcome, Unverified):
            raise self.outcome
        return self.outcome


class Recorder(Protocol):
    """Keeps answers where others find them."""

    def write(self, looking: Looking, kept: Kept) -> None:
        """Write what came of a look."""

    def once(self, looking: Looking, since: float, look: Callable[[], Kept]) -> Kept:
        """Return what came of another process's look that began since then, or look while it waits."""


class LiveAnswers:
    """Asks a live environment: each question once, however many threads (and processes) want its answer."""

    def __init__(
        self, recorder: Recorder | None = None, *, shared: bool = False, until: float | None = None
    ) -> None:
        """`until` is when the run must have ended, in seconds since the epoch."""
        self._recorder = recorder
        self._shared = shared
        self._until = until
        self._answers: dict[Question, _Answer] = {}
        # All of them, also those that are asked again while they are under way.
        self._writing: list[Future[Any]] = []
        self._lock = threading.Lock()
        self._is_closed = False
        self._renewals = 0

    @property
    def renewals(self) -> int:
        """How often a question has been asked again."""
        return self._renewals

    def ask(self, looking: Looking, since: float = 0.0) -> Any:
        """Return the answer, by looking if nobody did since then. Raises Unverified, also at the deadline."""
        with self._lock:
            answer = self._answers.get(looking.question)
            is_first = answer is None or answer.began < since
            if answer is None or is_first:
                self._require_time(0.0)
                if self._is_closed:
                    raise Unverified("the run ended before this was looked at")
                self._renewals += answer is not None
                answer = self._answers[looking.question] = _Answer(looking)
                if looking.writes:
                    self._writing.append(answer.future)
        crew = crew_of_this_thread()
        # Without a thread nobody keeps the deadline of a look but the look itself; no run at all is worse.
        if is_first and (crew is not None or not begun(self._look, looking, answer, since)):
            self._look(looking, answer, since)
        ends = answer.began + looking.deadline_s
        ends = ends if self._until is None else min(ends, self._until)
        try:
            timeout_s = max(ends - time.time(), 0.01)
            if crew is None or answer.future.done():
                return answer.future.result(timeout_s)
            with crew.place_lent():
                return answer.future.result(timeout_s)
        except TimeoutError:
            self._require_time(0.02)
            asked = f"{looking.question.probe} {looking.question.arguments}"
            late = f"did not end within {looking.deadline_s:g} s"
            raise Unverified(f"{asked} {late}{looking.why_late()}") from None
        except Unverified as error:
            # One of its own for each who asks: raised again and again, one exception's traceback only grows.
            raise Unverified(str(error), error.permission) from None

    def _require_time(self, margin_s: float) -> None:
        if self._until is not None and time.time() + margin_s >= self._until:
            raise Unverified("the run's --deadline came before this was looked at")

    def began(self, questions: Iterable[Question]) -> float:
        """Return when the newest of these looks began, in seconds since the epoch; 0 without any."""
        with self._lock:
            return max((self._answers[one].began for one in questions if one in self._answers), default=0.0)

    def oldest(self, questions: Iterable[Question]) -> float:
        """Return when the oldest of these looks began, in seconds since the epoch; now without any."""
        with self._lock:
            begun = [self._answers[one].began for one in questions if one in self._answers]
        return min(begun, default=time.time())

    def close(self, within_s: float, *, only_writes: bool = False) -> None:
        """Begin no more looks, and wait for those under way: what they wrote is removed, all is counted.

        `only_writes`: wait only for looks that write; the others are abandoned.
        """
        with self._lock:
            self._is_closed = True
            others = () if only_writes else [one.future for one in self._answers.values()]
            under_way = [*self._writing, *others]
        wait(under_way, timeout=within_s)

    def prefetch(self, tasks: Iterable[Callable[[], object]], concurrency: int) -> None:
        """Start `tasks` (which ask questions) in daemon threads and return at once; so many look at a time.

        What a task raises is raised again for whoever asks the same question; here it is of no interest.
        """
        Crew(tasks, concurrency).begin()

    def _look(self, looking: Looking, answer: _Answer, since: float) -> None:
        answer.began = time.time()
        _settle(answer.future, lambda: self._answered(looking, answer, since))

    def _answered(self, looking: Looking, answer: _Answer, since: float) -> Any:
        if self._shared and self._recorder is not None:
            kept = self._recorder.once(looking, since, lambda: self._looked(looking))
        else:
            kept = self._looked(looking)
        # What another process has seen is as old as its look is.
        answer.began = kept.began
        return kept.evidence()

    def _looked(self, looking: Looking) -> Kept:
        """Look, and keep what was seen. A defect of ours is no evidence, and is not kept."""
        began = time.time()
        try:
            kept = Kept(looking.look(), began)
        except Unverified as error:
            kept = Kept(error, began)
        if self._recorder is not None:
            self._recorder.write(looking, kept)
        return kept


def _settle(future: Future[Any], call: Callable[[], Any]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - carried to every thread that waits for it
        future.set_exception(error)
