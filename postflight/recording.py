"""A run's answers on disk: one JSON file a question, redacted on writing, shared by worker processes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from postflight.evidence import Looking, Unverified
from postflight.redaction import redacted


class NotRecordedError(Exception):
    """The folder holds no answer to a question."""


class Recording:
    """The folder `evidence/` of a run."""

    def __init__(self, folder: Path, redact: Callable[[str], str] = str) -> None:
        self._folder = folder
        self._redact = redact

    def read(self, looking: Looking, since: float = 0.0) -> Any:
        """Return evidence recorded `since` then (seconds since the epoch).

        Raises NotRecordedError, and Unverified where the run could not look.
        """
        file = self._folder / looking.question.file_name
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotRecordedError(f"{file} is not there") from None
        if kept["began"] < since:
            raise NotRecordedError(f"{file} is older")
        if "unverified" in kept:
            raise Unverified(kept["unverified"]["message"], kept["unverified"]["permission"])
        try:
            return TypeAdapter(looking.answer_type).validate_python(kept["evidence"])
        except ValidationError:
            raise NotRecordedError(f"{file} was written by another version of this probe") from None

    def write(self, looking: Looking, outcome: Any, began: float) -> None:
        """Write one answer: evidence, or the Unverified that stood in its way."""
        kept: dict[str, Any] = {
            "probe": looking.question.probe,
            "arguments": json.loads(looking.question.arguments),
            "began": began,
            "duration_s": round(time.time() - began, 4),
        }
        if isinstance(outcome, Unverified):
            kept["unverified"] = {"message": str(outcome), "permission": outcome.permission}
        else:
            kept["evidence"] = TypeAdapter(looking.answer_type).dump_python(outcome, mode="json")
        text = json.dumps(redacted(kept, self._redact), indent=1, ensure_ascii=False)
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / looking.question.file_name
        temporary = file.with_name(f".{file.name}.{threading.get_native_id()}")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)

    def once(self, looking: Looking, since: float, look: Callable[[], Any]) -> Any:
        """Return the answer that another process recorded since then, or look while it waits.

        Raises Unverified.
        """
        from filelock import FileLock, Timeout

        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(
            self._folder / f".{looking.question.file_name}.lock",
            timeout=looking.deadline_s,
            thread_local=False,
        )
        try:
            with lock:
                try:
                    return self.read(looking, since)
                except NotRecordedError:
                    return look()
        except Timeout:
            waited = f"another process looked for {looking.deadline_s:g} s without an answer"
            raise Unverified(f"{looking.question.probe}: {waited}") from None


def redact_again(folder: Path, redact: Callable[[str], str]) -> None:
    """Replace in recorded answers the secrets that were not known yet when they were written."""
    for file in folder.glob("*.json"):
        kept = json.loads(file.read_text(encoding="utf-8"))
        clean = redacted(kept, redact)
        if clean != kept:
            file.write_text(json.dumps(clean, indent=1, ensure_ascii=False), encoding="utf-8")


class RecordedAnswers:
    """Answers from a recorded run: no network, no credentials."""

    def __init__(self, folder: Path) -> None:
        self._recording = Recording(folder)

    def ask(self, looking: Looking, since: float = 0.0) -> Any:
        """Return the recorded evidence, however old. Raises Unverified if the run did not record it."""
        del since
        try:
            return self._recording.read(looking)
        except NotRecordedError:
            asked = looking.question.probe
            raise Unverified(f"the recorded run did not ask {asked}, or not as this version does") from None
