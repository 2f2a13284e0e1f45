"""What most checks of tests_platform see: workloads, Ingresses, controllers."""

from __future__ import annotations

from postflight.environment import Controller, Environment, Service
from postflight.environment import Ingress as DeclaredIngress
from postflight.evidence import Evidence, Unverified
from postflight.probes.kubernetes import deployments, ingresses, pods, proxy, services
from postflight.probes.kubernetes.deployments import Deployment
from postflight.probes.kubernetes.ingresses import Ingress
from postflight.probes.kubernetes.pods import Pods
from postflight.probes.kubernetes.proxy import HealthAnswer
from postflight.probes.kubernetes.services import Endpoints, ServiceAccount
from postflight.subjects.nodes import cluster_room
from postflight.subjects.registry import Ask, about
from postflight.subjects.settings import readable_variables


class Words(Evidence):
    """What Kubernetes or a container says of its own trouble; empty where there is none."""

    text: str = ""


class PodAnswers(Evidence):
    """What pods that take no traffic answer on the health path, by pod.

    `answers`: when we ask those that run; `refusals`: when the kubelet asked, in its own words.
    """

    answers: dict[str, HealthAnswer]
    refusals: dict[str, str]

    def other_than(self, status: int) -> dict[str, str]:
        """Return what pods say that answer with another status, or not at all."""
        wrong = {pod: answer.words for pod, answer in self.answers.items() if answer.status != status}
        return {**self.refusals, **wrong}


def deployment_named(ask: Ask, environment: Environment, namespace: str, name: str) -> Deployment:
    """Return a Deployment, or its absence."""
    readable = readable_variables(environment, namespace)
    return ask(deployments.deployments, namespace, readable).named(name)


@about("service")
def deployment(ask: Ask, environment: Environment, declared: Service) -> Deployment:
    """Find the service's Deployment."""
    return deployment_named(ask, environment, declared.namespace, declared.workload)


@about("service")
def service_pods(ask: Ask, environment: Environment, declared: Service) -> Pods:
    """List the pods of the service's Deployment."""
    selector = deployment(ask, environment, declared).selector
    return ask(pods.pods, declared.namespace).selected(selector)


@about("service")
def free_room(ask: Ask, environment: Environment, declared: Service) -> Words:
    """Say what each node has left, if a pod of the service waits for a node."""
    if not service_pods(ask, environment, declared).unscheduled:
        return Words()
    try:
        rooms = cluster_room(ask, environment).items
    except Unverified as error:
        # What is free only explains; that the pod waits is known without it.
        return Words(text=f"what the nodes have left cannot be told: {error}")
    return Words(text="; ".join(room.free for room in rooms) or "no node takes pods")


@about("service")
def last_words(ask: Ask, environment: Environment, declared: Service) -> Words:
    """Read the log of the first container in trouble, if there is one."""
    troubled = service_pods(ask, environment, declared).crashing
    if troubled is None:
        return Words()
    pod, container = troubled
    previous = container.restarts > 0
    try:
        read = ask(pods.last_words, declared.namespace, pod.name, container.name, previous=previous)
    except Unverified as error:
        # The log only explains; that the container is in trouble is known without it.
        return Words(text=f"its log cannot be read: {error}")
    return Words(text=f'its log ends "{read.text}"' if read.text else "it has logged nothing")


@about("service")
def unready_pods(ask: Ask, environment: Environment, declared: Service) -> PodAnswers:
    """Ask each running pod that takes no traffic for the health path, and read what its probes met there."""
    found = service_pods(ask, environment, declared)
    unready = tuple(pod.name for pod in found.items if not pod.ready)
    if declared.health is None or not unready:
        return PodAnswers(answers={}, refusals={})
    path = declared.health.path
    running = found.running_but_unready
    answers = {pod.name: ask(proxy.pod_answer, declared.namespace, pod.name, path) for pod in running}
    if deployment(ask, environment, declared).readiness_path != path:
        return PodAnswers(answers=answers, refusals={})
    # A pod that its liveness probe kills again and again may not be running when we look.
    try:
        warnings = ask(ingresses.warnings, declared.namespace)
    except Unverified as error:
        # Where a pod has said enough itself, events would only tell of the others.
        if all(answer.status == declared.health.status for answer in answers.values()):
            raise
        untold = f"it does not run, and its events cannot be read: {error}"
        silent = (pod for pod in unready if pod not in answers)
        return PodAnswers(answers=answers, refusals=dict.fromkeys(silent, untold))
    refusals = {pod: words for pod in unready if (words := warnings.failed_probe(pod))}
    return PodAnswers(answers=answers, refusals=refusals)


@about("service")
def endpoints(ask: Ask, _: Environment, declared: Service) -> Endpoints:
    """Find the pods that take the service's traffic."""
    return ask(services.endpoint_slices, declared.namespace).of(declared.name)


@about("service")
def service_account(ask: Ask, _: Environment, declared: Service) -> ServiceAccount:
    """Find the ServiceAccount that the service's pods should run as."""
    return ask(services.service_accounts, declared.namespace).named(declared.service_account or "default")


@about("ingress")
def ingress(ask: Ask, _: Environment, declared: DeclaredIngress) -> Ingress:
    """Find the Ingress."""
    return ask(ingresses.ingresses, declared.namespace).named(declared.resource)


@about("ingress")
def ingress_events(ask: Ask, environment: Environment, declared: DeclaredIngress) -> Words:
    """Read the newest warnings about the Ingress, if it has no address."""
    if ingress(ask, environment, declared).addresses:
        return Words()
    try:
        return Words(text=ask(ingresses.warnings, declared.namespace).about("Ingress", declared.resource))
    except Unverified as error:
        # Events only explain; that the Ingress has no address is known without them.
        return Words(text=f"its events cannot be read: {error}")


@about("controller")
def controller_deployment(ask: Ask, environment: Environment, declared: Controller) -> Deployment:
    """Find the controller's Deployment."""
    return deployment_named(ask, environment, declared.namespace, declared.deployment)


@about("controller")
def controller_account(ask: Ask, _: Environment, declared: Controller) -> ServiceAccount:
    """Find the controller's ServiceAccount."""
    return ask(services.service_accounts, declared.namespace).named(declared.service_account)
