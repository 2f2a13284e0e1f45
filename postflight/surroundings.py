"""What a run's questions depend on besides the environment's file, kept so that it can be replayed."""

from __future__ import annotations

import hashlib
import re
import secrets as secrets_module
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from postflight.environment import Environment, Vantage
from postflight.redaction import Secrets
from postflight.redaction.names import is_secret_name
from postflight.writing import write_json

FILE = "surroundings.json"

# The fields whose values say what a thing is called, where it lies or how many there are. What fills any
# other (a description, a body, a header, the value of a setting) may be anything, and is not kept.
_NAMES: Final = (
    "account aliases applications arn assume_role authoritative bucket bucket_policy buckets ca cache "
    "caches canary canary_prefix certificate certificates context controllers covers database "
    "database_servers databases days_left deployment destination distribution distributions "
    "domain_filters engine_version exec follows_release gateway hosted_zone hosted_zones hosts id "
    "identifier image_repository ingress ingresses jobs key kind limit_s lock_table login_database "
    "methods name namespace nat_gateway_per_zone nat_gateways node_security_group operation_limit_s "
    "origin owner_id parameter_group patience policy port production public_access_block reachable_from "
    "region replicas replication_group required requires_subnet_tag resolver resources role role_policy "
    "scheme secret secrets security_group service service_account services status status_limit_s subnet "
    "subnet_group subnets superusers table tag_policy target_type terraform tier timeout_s tls user vpc "
    "zone "
)
_PLAIN: Final = frozenset(_NAMES.split())
# Of an address, in whichever field, only what is within the host: a login, a path or a query may be secret.
_HOST: Final = re.compile(r"https?://(?P<host>[a-z0-9.:-]+)(?:[/?#]|$)")


class UsedVariables(Mapping[str, str]):
    """Process variables, and which of them were looked at."""

    def __init__(self, process: Mapping[str, str]) -> None:
        self._process = process
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> str:
        value = self._process[name]
        self.used.add(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._process)

    def __len__(self) -> int:
        return len(self._process)


@dataclass(frozen=True)
class Replayed:
    """The run whose evidence a replay judges again: its folder, and what its results say of it.

    A run that was killed left no results, and so neither its environment nor its time.
    """

    folder: Path
    environment: str | None = None
    seen: str | None = None

    @property
    def evidence(self) -> Path:
        """Where its answers are."""
        return self.folder / "evidence"

    def __str__(self) -> str:
        when = f", seen at {self.seen}" if self.seen else ""
        return f"REPLAY of {self.folder.name}{when}: nothing was looked at now"


@dataclass(frozen=True)
class Surroundings:
    """The process variables that filled in an environment's file, and where the run stood.

    `withheld`: of the variables whose values are not kept, what tells another value from the same one.
    """

    vantage: Vantage
    variables: Mapping[str, str] = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)

    def write(self, run: Path, environment: Environment, secrets: Secrets) -> None:
        """Keep in a run's folder what a replay needs; of a value that may be secret only a check."""
        kept = {
            name: value
            for name, value in self.variables.items()
            if _is_plain(name, value, environment) and secrets.redact(value) == value
        }
        withheld = {name: _check(value) for name, value in self.variables.items() if name not in kept}
        content = {
            "vantage": self.vantage,
            "variables": dict(sorted(kept.items())),
            "withheld": dict(sorted(withheld.items())),
        }
        write_json(run / FILE, content, secrets.redact)

    def missing(self, process: Mapping[str, str]) -> Iterator[str]:
        """Say of each withheld variable that this process has not, or with another value, what to do."""
        for name, check in self.withheld.items():
            if name not in process:
                yield f"it read ${name}, whose value is not kept: export {name} with the value that it had"
            elif _check(process[name], check.partition(":")[0]) != check:
                yield f"${name} has another value than in the run: export {name} with the value that it had"


def recorded(run: Path) -> Surroundings:
    """Read what a run kept. Raises OSError, and ValueError where it is not what a run writes."""
    return TypeAdapter(Surroundings).validate_json(_content(run / FILE))


def _is_plain(name: str, value: str, environment: Environment) -> bool:
    """Whether a variable fills plain fields only, and is not named like a secret."""
    if is_secret_name(name):
        return False
    filled = [one for one in _leaves(environment, "") if _holds(one[1], value)]
    return bool(filled) and all(
        field in _PLAIN or _is_within_the_host(value, str(held)) for field, held in filled
    )


def _leaves(declared: Any, field: str) -> Iterator[tuple[str, object]]:
    """Yield every value of an environment with the name of its field; keys of entries are names."""
    if isinstance(declared, BaseModel):
        for name, item in declared:
            yield from _leaves(item, name)
    elif isinstance(declared, Mapping):
        for key, item in declared.items():
            yield "name", key
            yield from _leaves(item, field)
    elif isinstance(declared, tuple | list):
        for item in declared:
            yield from _leaves(item, field)
    elif declared is not None:
        yield field, declared


def _holds(leaf: object, value: str) -> bool:
    """Whether a field can have been filled by a value: text holds it, a number or a switch is it."""
    if isinstance(leaf, str):
        return bool(value) and value in leaf
    if isinstance(leaf, bool):
        return value.strip().lower() in {str(leaf).lower(), "on" if leaf else "off", "yes" if leaf else "no"}
    try:
        return isinstance(leaf, int | float) and float(value) == leaf
    except ValueError:
        return False


def _is_within_the_host(value: str, address: str) -> bool:
    found = _HOST.match(address)
    return found is not None and found["host"].count(value) == address.count(value)


def _check(value: str, salt: str = "") -> str:
    """Return 16 bits that another value hardly has too, and that tell next to nothing of this one."""
    salt = salt or secrets_module.token_hex(8)
    return f"{salt}:{hashlib.sha256(f'{salt}:{value}'.encode(errors='surrogateescape')).hexdigest()[:4]}"


def replayed(run: Path) -> Replayed:
    """Find the run that a replay of this folder judges: `latest` is a link, and a replay may be replayed.

    Raises OSError and ValueError.
    """
    folder = run.resolve(strict=True)
    told = _told(folder)
    if told and told.replayed and not (folder / "evidence").is_dir():
        # A replay has no evidence of its own; it says whose it judged.
        folder = Path(told.replayed).resolve(strict=True)
        told = _told(folder)
    if told:
        if not told.env or Path(told.env).name != told.env:
            raise ValueError(f"results.json names no environment: {told.env!r}")
        return Replayed(folder, told.env, told.started)
    # A run that was killed has kept where it stood at least.
    recorded(folder)
    return Replayed(folder)


@dataclass(frozen=True)
class _Run:
    """What is read of the run in its results."""

    env: str
    started: str
    replayed: str | None = None


@dataclass(frozen=True)
class _Results:
    run: _Run


def _told(run: Path) -> _Run | None:
    """Return what a run's results say of the run itself; None where a run was killed before."""
    file = run / "results.json"
    return TypeAdapter(_Results).validate_json(_content(file)).run if file.exists() else None


def _content(file: Path) -> bytes:
    """Return what a file holds. Raises OSError, and ValueError for a pipe, which may never end."""
    if file.exists() and not file.is_file():
        raise ValueError(f"{file.name} is not a regular file")
    return file.read_bytes()
