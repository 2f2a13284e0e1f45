"""Asks each question once a run, in parallel, with a deadline; keeps the answers on disk and replays them."""

from __future__ import annotations

import hashlib
import json
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict


class Evidence(BaseModel):
    """What a probe saw: frozen and JSON-able. An absent object and a refused connection are evidence too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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

    @property
    def file_name(self) -> str:
        """Name of its file under `evidence/`: readable, and unique by a hash."""
        words = re.sub(r"[^A-Za-z0-9.]+", "-", self.arguments).strip("-")[:60]
        digest = hashlib.sha256(self.arguments.encode()).hexdigest()[:10]
        return f"{self.probe}-{words}-{digest}.json" if words else f"{self.probe}-{digest}.json"


@dataclass(frozen=True)
class Looking:
    """A question that can be put: what to call, how its answer is written down, how long it may take.

    `writes`: looking means writing something that has to be removed again, so it is not to be abandoned.
    """

    question: Question
    look: Callable[[], Any]
    answer_type: Any
    deadline_s: float
    writes: bool = False


class Answers(Protocol):
    """Where answers come from: a live environment or a recorded run."""

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


class Recorder(Protocol):
    """Keeps answers where others find them."""

    def write(self, looking: Looking, outcome: Any, began: float) -> None:
        """Write evidence, or the Unverified that stood in its way, and when the look began."""

    def once(self, looking: Looking, since: float, look: Callable[[], Any]) -> Any:
        """Return the answer that another process looked for since then, or look while it waits."""


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
        self._lock = threading.Lock()
        self._workers = threading.local()
        self._is_closed = False

    def ask(self, looking: Looking, since: float = 0.0) -> Any:
        """Return the answer, by looking if nobody did since then. Raises Unverified, also at the deadline."""
        with self._lock:
            answer = self._answers.get(looking.question)
            is_first = answer is None or answer.began < since
            if answer is None or is_first:
                self._require_time(0.0)
                if self._is_closed:
                    raise Unverified("the run ended before this was looked at")
                answer = self._answers[looking.question] = _Answer(looking)
        if is_first and getattr(self._workers, "inside", False):
            self._look(looking, answer, since)
        elif is_first:
            threading.Thread(target=self._look, args=(looking, answer, since), daemon=True).start()
        ends = answer.began + looking.deadline_s
        ends = ends if self._until is None else min(ends, self._until)
        try:
            return answer.future.result(timeout=max(ends - time.time(), 0.01))
        except TimeoutError:
            self._require_time(0.02)
            asked = f"{looking.question.probe} {looking.question.arguments}"
            raise Unverified(f"{asked} did not end within {looking.deadline_s:g} s") from None
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
            under_way = [
                one.future for one in self._answers.values() if one.looking.writes or not only_writes
            ]
        wait(under_way, timeout=within_s)

    def prefetch(self, tasks: Iterable[Callable[[], object]], concurrency: int) -> None:
        """Start `tasks` (which ask questions) in daemon threads and return at once.

        What a task raises is raised again for whoever asks the same question; here it is of no interest.
        """
        waiting: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        count = 0
        for task in tasks:
            waiting.put(task)
            count += 1
        for _ in range(min(concurrency, count)):
            threading.Thread(target=self._work, args=(waiting,), daemon=True).start()

    def _work(self, waiting: queue.SimpleQueue[Callable[[], object]]) -> None:
        self._workers.inside = True
        while True:
            try:
                task = waiting.get_nowait()
            except queue.Empty:
                return
            # A failed look is kept in its answer's future, where the check that needs it will meet it.
            _settle(Future(), task)

    def _look(self, looking: Looking, answer: _Answer, since: float) -> None:
        answer.began = time.time()
        if self._shared and self._recorder is not None:
            recorder = self._recorder
            _settle(answer.future, lambda: recorder.once(looking, since, lambda: self._record(looking)))
        else:
            _settle(answer.future, lambda: self._record(looking))

    def _record(self, looking: Looking) -> Any:
        """Look, and keep what was seen. A defect of ours is no evidence, and is not kept."""
        began = time.time()
        try:
            outcome = _looked(looking)
        except Unverified as error:
            if self._recorder is not None:
                self._recorder.write(looking, error, began)
            raise
        if self._recorder is not None:
            self._recorder.write(looking, outcome, began)
        return outcome


def _looked(looking: Looking) -> Any:
    """Look; one that broke without writing anything is tried once more before it counts as a defect."""
    try:
        return looking.look()
    except RuntimeError:
        if looking.writes:
            raise
        return looking.look()


def _settle(future: Future[Any], call: Callable[[], Any]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - carried to every thread that waits for it
        future.set_exception(error)
