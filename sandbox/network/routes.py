"""Where the edge sends requests: load balancers and CDN distributions as plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One registered target.

    `address` is None when nothing can be reached there any more; `admitted` is whether the security groups
    let the load balancer in.
    """

    address: tuple[str, int] | None
    healthy: bool = True
    admitted: bool = True


@dataclass(frozen=True)
class Rule:
    """A host and a path (Ingress semantics: whole elements of a prefix, or exact) with its targets."""

    host: str
    path: str
    targets: tuple[Target, ...]
    exact: bool = False

    def matches(self, path: str) -> bool:
        """Whether a request for `path` falls under this rule."""
        if self.exact:
            return path == self.path
        stem = self.path.rstrip("/")
        return path == stem or path.startswith(f"{stem}/")

    @property
    def eligible(self) -> tuple[Target, ...]:
        """Those a request may go to: with no healthy target, a load balancer tries all it has."""
        return tuple(target for target in self.targets if target.healthy) or self.targets


@dataclass(frozen=True)
class LoadBalancer:
    """An ALB's listener on 443. Who is not admitted gets no answer at all."""

    name: str
    rules: tuple[Rule, ...]
    admits_clients: bool = True
    admits_cdn: bool = True

    def rule_for(self, host: str, path: str) -> Rule | None:
        """Return the most specific rule for a request, or None for the listener's default action."""
        fitting = [rule for rule in self.rules if rule.host == host and rule.matches(path)]
        return max(fitting, key=lambda rule: (rule.exact, len(rule.path)), default=None)


@dataclass(frozen=True)
class Distribution:
    """A CDN distribution: the hosts it serves, and the host it asks."""

    hosts: tuple[str, ...]
    origin: str
    enabled: bool = True


@dataclass(frozen=True)
class Routes:
    """Everything the edge routes; replaced as a whole."""

    load_balancers: tuple[LoadBalancer, ...] = ()
    distributions: tuple[Distribution, ...] = ()

    def distribution_for(self, host: str) -> Distribution | None:
        """Return the distribution that serves `host`."""
        return next((found for found in self.distributions if host in found.hosts and found.enabled), None)

    def load_balancer_for(self, host: str) -> LoadBalancer | None:
        """Return the load balancer with a rule for `host`."""
        return next(
            (found for found in self.load_balancers if any(rule.host == host for rule in found.rules)), None
        )
