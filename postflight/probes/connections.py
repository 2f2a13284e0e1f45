"""How a run reaches things: one set of clients, made when first needed and shared by all threads."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING

from postflight.environment import Environment, Vantage
from postflight.probes.aws.canary_records import CanaryRecords
from postflight.redaction import Secrets
from postflight.redaction.process import secrets_of

if TYPE_CHECKING:
    from pathlib import Path

    from postflight.probes.addresses import Addresses
    from postflight.probes.aws.client import Aws
    from postflight.probes.kubernetes.client import Kubernetes


class Calls:
    """Counts what was sent, by protocol and name. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[str]] = {}
        self._throttled: set[str] = set()

    def count(self, protocol: str, name: str = "") -> None:
        """Count one call: `aws` / `ec2:DescribeSubnets`, `kubernetes` / `list pods`; `http`, `dns`, `sql`."""
        with self._lock:
            self._counts.setdefault(protocol, Counter())[name] += 1

    def throttle(self, name: str) -> None:
        """Remember that AWS throttles a call, `ec2:DescribeSubnets`."""
        with self._lock:
            self._throttled.add(name)

    def throttled(self, services: Collection[str]) -> list[str]:
        """Return the calls of these services (`ec2`) that AWS has throttled."""
        with self._lock:
            return sorted(one for one in self._throttled if one.partition(":")[0] in services)

    def add(self, counts: Mapping[str, Mapping[str, int] | int]) -> None:
        """Add what another process counted (its `by_protocol`)."""
        with self._lock:
            for protocol, count in counts.items():
                names = count if isinstance(count, Mapping) else {"": count}
                self._counts.setdefault(protocol, Counter()).update(names)

    def by_protocol(self) -> dict[str, dict[str, int] | int]:
        """Return the counts as `results.json` has them."""
        with self._lock:
            return {
                protocol: dict(sorted(counter.items())) if set(counter) != {""} else counter[""]
                for protocol, counter in sorted(self._counts.items())
            }


class Ending:
    """Whether the run is being ended; who waits for something else can wait for `begun` as well."""

    def __init__(self) -> None:
        self.begun: Future[None] = Future()

    def set(self) -> None:
        """End the run; that may be said more than once."""
        with suppress(InvalidStateError):
            self.begun.set_result(None)

    def is_set(self) -> bool:
        """Whether the run is being ended."""
        return self.begun.done()


class Connections:
    """Everything that a probe needs to reach the environment."""

    def __init__(
        self,
        environment: Environment,
        vantage: Vantage,
        process: Mapping[str, str],
        secrets: Secrets | None = None,
        run: Path | None = None,
    ) -> None:
        """Keep what clients are made of.

        `secrets`: those that this process knows already. `run`: the run's folder, where what it writes is
        recorded until it is removed.
        """
        self.environment = environment
        self.vantage = vantage
        # A snapshot: pytest writes into os.environ while threads read it.
        self.process: Mapping[str, str] = dict(process)
        self.calls = Calls()
        self.secrets = secrets if secrets is not None else Secrets()
        self.secrets.update(secrets_of(self.process))
        # Set when the run ends early: what was written is removed, and nothing is written any more.
        self.ending = Ending()
        self.canaries = CanaryRecords(run, self.secrets.redact)
        self._making = threading.RLock()
        self._aws: Aws | None = None
        self._kubernetes: Kubernetes | None = None
        self._addresses: Addresses | None = None

    @property
    def aws(self) -> Aws:
        """AWS clients of the environment's account and region."""
        with self._making:
            if self._aws is None:
                from postflight.probes.aws.client import Aws

                self._aws = Aws(self)
            return self._aws

    @property
    def kubernetes(self) -> Kubernetes:
        """The Kubernetes API of the environment's cluster."""
        with self._making:
            if self._kubernetes is None:
                from postflight.probes.kubernetes.client import Kubernetes

                self._kubernetes = Kubernetes(self)
            return self._kubernetes

    @property
    def addresses(self) -> Addresses:
        """Host names to addresses, through the environment's resolver."""
        with self._making:
            if self._addresses is None:
                from postflight.probes.addresses import Addresses

                self._addresses = Addresses(self)
            return self._addresses
