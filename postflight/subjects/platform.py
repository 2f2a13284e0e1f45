"""What the checks of tests_platform see: nodes, workloads, Ingresses, controllers, deliveries."""

from __future__ import annotations

from postflight.concern import Resources
from postflight.environment import Application as DeclaredApplication
from postflight.environment import Controller, Environment, Service
from postflight.environment import Ingress as DeclaredIngress
from postflight.environment import Job as DeclaredJob
from postflight.evidence import Evidence, Unverified
from postflight.probes.kubernetes import delivery, deployments, ingresses, nodes, pods, proxy, services, usage
from postflight.probes.kubernetes.delivery import Application, Job
from postflight.probes.kubernetes.deployments import Deployment
from postflight.probes.kubernetes.ingresses import Ingress
from postflight.probes.kubernetes.nodes import Node, Nodes
from postflight.probes.kubernetes.pods import Pods
from postflight.probes.kubernetes.proxy import HealthAnswer
from postflight.probes.kubernetes.services import Endpoints, ServiceAccount
from postflight.subjects.registry import Ask, about
from postflight.subjects.settings import readable_variables

# Of a node's CPU or memory; what is left beyond this is room for no pod.
_FULL = 0.99


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


@about()
def worker_nodes(ask: Ask, _: Environment) -> Nodes:
    """List the worker nodes."""
    return ask(nodes.nodes)


class NodeRoom(Evidence):
    """How full one node is."""

    node: str
    pods: int
    pods_allowed: int
    cpu_share: float
    memory_share: float
    cpu_free: float
    memory_free: float

    @property
    def is_full(self) -> bool:
        """Whether it takes no further pod that asks for anything."""
        return self.pods >= self.pods_allowed or max(self.cpu_share, self.memory_share) >= _FULL

    @property
    def words(self) -> str:
        """`node ip-10-0-10-10: 29 of 29 pods, CPU requested 40%, memory 99%`."""
        pods = f"{self.pods} of {self.pods_allowed} pods"
        return f"node {self.node}: {pods}, CPU requested {self.cpu_share:.0%}, memory {self.memory_share:.0%}"

    @property
    def free(self) -> str:
        """`ip-10-0-10-10 has cpu 830m, memory 1200Mi and room for 9 pods free`."""
        cpu, memory = int(self.cpu_free * 1000), int(self.memory_free / 2**20)
        room = self.pods_allowed - self.pods
        return (
            f"{self.node.partition('.')[0]} has cpu {cpu}m, memory {memory}Mi and room for {room} pods free"
        )


class ClusterRoom(Evidence):
    """How full each node is that takes pods.

    `is_fargate`: EKS makes a node for each pod, and there are no others.
    """

    items: tuple[NodeRoom, ...]
    is_fargate: bool = False


@about()
def cluster_room(ask: Ask, _: Environment) -> ClusterRoom:
    """Compare what all pods ask for with what each ready node has to give."""
    used = ask(usage.usage)
    if not used.nodes:
        raise Unverified("The cluster lists no pod on any node, so how full its nodes are is not known.")
    shared = [node for node in ask(nodes.nodes).items if not node.is_fargate]
    takers = (node for node in shared if node.is_ready and not node.unschedulable)
    return ClusterRoom(items=tuple(_room(node, used.of(node.name)) for node in takers), is_fargate=not shared)


def _room(node: Node, used: usage.Usage) -> NodeRoom:
    cpu, memory, pods_allowed = (
        usage.quantity(node.allocatable.get(kind, "0")) for kind in ("cpu", "memory", "pods")
    )
    return NodeRoom(
        node=node.name,
        pods=used.pods,
        pods_allowed=int(pods_allowed),
        cpu_share=used.cpu / (cpu or 1.0),
        memory_share=used.memory / (memory or 1.0),
        cpu_free=cpu - used.cpu,
        memory_free=memory - used.memory,
    )


def deployment_named(ask: Ask, environment: Environment, namespace: str, name: str) -> Deployment:
    """Return a Deployment, or its absence."""
    readable = readable_variables(environment, namespace)
    return ask(deployments.deployments, namespace, readable).named(name)


@about("service")
def deployment(ask: Ask, environment: Environment, declared: Service) -> Deployment:
    """Find the service's Deployment."""
    return deployment_named(ask, environment, declared.namespace, declared.workload)


@about("service")
def cluster_labels(ask: Ask, _: Environment, __: Service) -> Nodes:
    """List the worker nodes, for the labels that they carry."""
    return ask(nodes.nodes)


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
