"""The knobs of the sandbox's AWS: what is denied, what is throttled, how it misbehaves, what was called."""

from __future__ import annotations

import threading
from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, get_args

from sandbox.aws.odd_answers import ODD_ANSWERS, ODD_CONNECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.aws.operations import Operation

Mode = Literal["", "hang", "reset", "garbage", "500"]
# How an answer is withheld: `hang`, `empty` (as an account without anything answers), or an odd one.
WITHHELD = ("hang", "empty", *ODD_CONNECTIONS, *ODD_ANSWERS)


class Controls:
    """State shared by the request threads; every method is thread safe."""

    def __init__(self, latency: float = 0.0) -> None:
        self.latency = latency
        # moto's stores are plain dictionaries: who reads or writes them holds this.
        self.stores = threading.RLock()
        self._changed = threading.Condition()
        self._version = 1
        self._calls: Counter[str] = Counter()
        self._denied: tuple[str, ...] = ()
        self._throttled: tuple[str, ...] = ()
        self._mode: Mode = ""
        self._withheld: dict[str, str] = {}
        self._adopted: dict[str, str] = {}

    @property
    def mode(self) -> Mode:
        """How every call misbehaves; empty when none does."""
        return self._mode

    def set_mode(self, text: str) -> None:
        """Choose a misbehaviour by name. An unknown name is a ValueError."""
        if text not in get_args(Mode):
            raise ValueError(f"unknown mode {text!r}, known are {get_args(Mode)}")
        self._mode = text  # type: ignore[assignment]  # narrowed by the line above

    def adopt(self, access_key: str, account: str | None) -> None:
        """Let an access key belong to another account; None gives it back to its own."""
        if account is None:
            self._adopted.pop(access_key, None)
        else:
            self._adopted[access_key] = account

    def account_of(self, access_key: str | None) -> str | None:
        """Give the account that a key was moved to, if it was."""
        return self._adopted.get(access_key or "")

    def deny(self, actions: Iterable[str]) -> None:
        """Deny these actions (`s3:*` and `*` match many) to everybody but the admin key; none ends it."""
        self._denied = tuple(action.lower() for action in actions)

    def throttle(self, actions: Iterable[str]) -> None:
        """Throttle these actions."""
        self._throttled = tuple(action.lower() for action in actions)

    def withhold(self, action: str, how: str) -> None:
        """Let an action `hang`, answer as an `empty` account does, or oddly; no `how` ends it."""
        if not how:
            self._withheld.pop(action.lower(), None)
        elif how in WITHHELD:
            self._withheld[action.lower()] = how
        else:
            raise ValueError(f"unknown way to withhold {how!r}, known are {WITHHELD}")

    def withheld(self, operation: Operation) -> str | None:
        """Give how the action's answer is withheld, if it is."""
        return next((how for action, how in self._withheld.items() if _listed(operation, [action])), None)

    def denies(self, operation: Operation) -> bool:
        """Whether the action is on the denied list. Only by its full name can GetCallerIdentity be."""
        if operation.name == "sts:GetCallerIdentity":
            return operation.name.lower() in self._denied
        return _listed(operation, self._denied)

    def throttles(self, operation: Operation) -> bool:
        """Whether the action is on the throttled list."""
        return _listed(operation, self._throttled)

    def count(self, operation: Operation) -> None:
        """Remember that a call was made."""
        with self._changed:
            self._calls[operation.name] += 1

    def calls(self) -> dict[str, int]:
        """Give the calls made so far, by name."""
        with self._changed:
            return dict(sorted(self._calls.items()))

    def touch(self) -> int:
        """Note a change of state and wake whoever waits for one."""
        with self._changed:
            self._version += 1
            self._changed.notify_all()
            return self._version

    def version_after(self, since: int, timeout: float) -> int:
        """Wait until the version exceeds `since`, at most `timeout` seconds; give the version then."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > since, timeout)
            return self._version


def _listed(operation: Operation, patterns: Iterable[str]) -> bool:
    names = (operation.name.lower(), operation.permission.lower())
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
