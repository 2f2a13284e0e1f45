"""What the checks see of what was delivered: Argo CD's Applications and Jobs."""

from __future__ import annotations

from postflight.concern import Resources
from postflight.environment import Application as DeclaredApplication
from postflight.environment import Environment
from postflight.environment import Job as DeclaredJob
from postflight.evidence import Evidence, Unverified
from postflight.probes.kubernetes import delivery, pods
from postflight.probes.kubernetes.delivery import Application, Job
from postflight.probes.kubernetes.pods import Pods
from postflight.subjects.platform import deployment_named
from postflight.subjects.registry import Ask, about


@about("application")
def application(ask: Ask, _: Environment, declared: DeclaredApplication) -> Application:
    """Find the Argo CD Application."""
    return ask(delivery.applications, declared.namespace).named(declared.name)


@about("application")
def differing_resources(ask: Ask, environment: Environment, declared: DeclaredApplication) -> Resources:
    """Tell what an Application finds OutOfSync."""
    found = application(ask, environment, declared)
    return Resources(titles=_current(found, declared, well=found.sync == "Synced").out_of_sync)


@about("application")
def unhealthy_resources(ask: Ask, environment: Environment, declared: DeclaredApplication) -> Resources:
    """Tell what an Application finds unhealthy."""
    found = application(ask, environment, declared)
    return Resources(titles=_current(found, declared, well=found.health == "Healthy").unhealthy)


def _current(found: Application, declared: DeclaredApplication, *, well: bool) -> Application:
    """Refuse to believe that all is well where Argo CD has not looked for long."""
    if well and found.is_older_than(declared.status_limit_s):
        raise Unverified(f"What {found.title} says is old: it was last compared {found.last_compared}.")
    return found


class Drift(Evidence):
    """Variables that somebody changed in the Deployments which an Application finds OutOfSync.

    `changes`: one clause each. `untold`: Deployments that do not remember what was applied to them.
    """

    changes: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()


@about("application")
def application_drift(ask: Ask, environment: Environment, declared: DeclaredApplication) -> Drift:
    """Compare the Deployments that are OutOfSync with what was last applied to them."""
    kind = "Deployment "
    found = application(ask, environment, declared)
    differing = _current(found, declared, well=found.sync == "Synced").out_of_sync
    names = [title.removeprefix(kind) for title in differing if title.startswith(kind)]
    if not names or declared.destination is None:
        return Drift()
    changed = [deployment_named(ask, environment, declared.destination, name) for name in names]
    changes = (f"{one.title}: {each.words}" for one in changed for each in one.changed or ())
    untold = (one.title for one in changed if one.found and one.changed is None)
    return Drift(changes=tuple(changes), untold=tuple(untold))


@about("job")
def job(ask: Ask, _: Environment, declared: DeclaredJob) -> Job:
    """Find the Job."""
    return ask(delivery.jobs, declared.namespace).named(declared.name)


@about("job")
def job_pods(ask: Ask, environment: Environment, declared: DeclaredJob) -> Pods | None:
    """List the pods of the Job, if it has not completed."""
    found = job(ask, environment, declared)
    if found.is_complete or not found.found:
        return None
    return ask(pods.pods, declared.namespace).selected(found.selector)
