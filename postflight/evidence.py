"""Asks each question once a run, in parallel, with a deadline; keeps the answers on disk and replays them."""

from __future__ import annotations

import hashlib
import json
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, TypeAdapter


class Evidence(BaseModel):
    """What a probe saw: frozen and JSON-able. An absent object and a refused connection are evidence too."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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
    """A question that can be put: what to call, how its answer is written down, how long it may take."""

    question: Question
    look: Callable[[], Any]
    answer_type: Any
    deadline_s: float


class Answers(Protocol):
    """Where answers come from: a live environment or a recorded run."""

    def ask(self, looking: Looking) -> Any:
        """Return the evidence. Raises Unverified."""


@dataclass
class _Answer:
    future: Future[Any] = field(default_factory=Future)
    began: float = field(default_factory=time.monotonic)
    duration_s: float | None = None


def question(probe: str, arguments: Mapping[str, Any]) -> Question:
    """Return the question of a probe's name and its arguments (JSON-able values or frozen models)."""
    text = json.dumps(arguments, default=_plain, sort_keys=True, ensure_ascii=False)
    return Question(probe, text)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} cannot be an argument of a probe")


class LiveAnswers:
    """Asks a live environment: each question once, however many threads want its answer."""

    def __init__(self, record: Recording | None = None) -> None:
        self._record = record
        self._answers: dict[Question, _Answer] = {}
        self._lock = threading.Lock()
        self._workers = threading.local()

    def ask(self, looking: Looking) -> Any:
        """Return the answer, by looking if nobody did yet. Raises Unverified, also at the deadline."""
        with self._lock:
            answer = self._answers.get(looking.question)
            is_first = answer is None
            if answer is None:
                answer = self._answers[looking.question] = _Answer()
        if is_first and getattr(self._workers, "inside", False):
            self._look(looking, answer)
        elif is_first:
            threading.Thread(target=self._look, args=(looking, answer), daemon=True).start()
        remaining = answer.began + looking.deadline_s - time.monotonic()
        try:
            return answer.future.result(timeout=max(remaining, 0.01))
        except TimeoutError:
            asked = f"{looking.question.probe} {looking.question.arguments}"
            raise Unverified(f"{asked} did not end within {looking.deadline_s:g} s") from None

    def forget(self, questions: Iterable[Question]) -> None:
        """Make the next asker look again."""
        with self._lock:
            for asked in questions:
                self._answers.pop(asked, None)

    def durations(self) -> dict[Question, float]:
        """Seconds that each answered question took."""
        with self._lock:
            return {asked: a.duration_s for asked, a in self._answers.items() if a.duration_s is not None}

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
            outcome: Future[object] = Future()
            _settle(outcome, task)

    def _look(self, looking: Looking, answer: _Answer) -> None:
        answer.began = time.monotonic()
        _settle(answer.future, looking.look)
        answer.duration_s = time.monotonic() - answer.began
        if self._record is not None:
            self._record.write(looking, answer.future, answer.duration_s)


def _settle(future: Future[Any], call: Callable[[], Any]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - carried to every thread that waits for it
        future.set_exception(error)


class Recording:
    """The folder that keeps a run's answers: one JSON file a question, redacted on writing."""

    def __init__(self, folder: Path, redact: Callable[[str], str]) -> None:
        self._folder = folder
        self._redact = redact
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, looking: Looking, future: Future[Any], duration_s: float) -> None:
        """Write one answer. Only evidence and Unverified are kept; any other exception is a defect."""
        kept: dict[str, Any] = {
            "probe": looking.question.probe,
            "arguments": json.loads(looking.question.arguments),
            "duration_s": round(duration_s, 4),
        }
        error = future.exception()
        if error is None:
            kept["evidence"] = TypeAdapter(looking.answer_type).dump_python(future.result(), mode="json")
        elif isinstance(error, Unverified):
            kept["unverified"] = {"message": str(error), "permission": error.permission}
        else:
            return
        text = self._redact(json.dumps(kept, indent=1, ensure_ascii=False))
        file = self._folder / looking.question.file_name
        temporary = file.with_suffix(f".{threading.get_ident()}.tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)


class RecordedAnswers:
    """Answers from a recorded run: no network, no credentials."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ask(self, looking: Looking) -> Any:
        """Return the recorded evidence. Raises Unverified if the run did not record it."""
        file = self._folder / looking.question.file_name
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise Unverified(f"The recorded run did not ask {looking.question.probe}.") from None
        if "unverified" in kept:
            raise Unverified(kept["unverified"]["message"], kept["unverified"]["permission"])
        return TypeAdapter(looking.answer_type).validate_python(kept["evidence"], strict=False)
