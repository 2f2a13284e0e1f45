"""Whose variables a workload's are: those of its own container, and what any of its containers lacks."""

from __future__ import annotations

from postflight.environment import ConfigurationValue
from postflight.probes.kubernetes.containers import Container, Reference, Variable
from postflight.probes.kubernetes.deployments import Deployment
from postflight.probes.kubernetes.settings import Settings
from postflight.subjects.settings import Configuration, configuration_of, own_container

MISSING = Reference(kind="Secret", name="lost", key="URL")


def container(name: str, *variables: Variable) -> Container:
    return Container(
        name=name, image=f"registry.example/{name}:1", arguments=(), variables=variables, sources=(),
        readiness_path=None, requests={},
    )  # fmt: skip


def variable(name: str, value: str) -> Variable:
    return Variable(name=name, value=value)


def configured(deployment: Deployment) -> Configuration:
    """Return the configuration where no ConfigMap and no Secret exists."""
    return configuration_of(
        deployment, lambda one: Settings(namespace="shop", kind=one.kind, name=one.name, found=False)
    )


APP = container("cart", variable("DB_HOST", "db.example"))
PROXY = container("proxy", variable("DB_HOST", "127.0.0.1"), variable("LEVEL", "info"))


def test_a_sidecar_s_variables_are_not_the_application_s() -> None:
    """A proxy's DB_HOST must neither stand for the application's nor hide it."""
    for order in ((APP, PROXY), (PROXY, APP)):
        seen = configured(Deployment(namespace="shop", name="cart", containers=order))
        assert [(one.name, one.value) for one in seen.variables] == [("DB_HOST", "db.example")]
    wanted = {"LEVEL": ConfigurationValue(value="info")}
    assert seen.differences(wanted) == ("LEVEL is not set; it has its own variables",)


def test_the_own_container_is_the_one_that_kubectl_chooses() -> None:
    """Where the annotation names one, whoever wrote the manifest has said which it is."""
    named = Deployment(namespace="shop", name="cart", containers=(APP, PROXY), default_container="proxy")
    unnamed = Deployment(namespace="shop", name="other", containers=(PROXY, APP))
    assert (own_container(named, "shop/cart"), own_container(unnamed)) == (PROXY, PROXY)
    assert own_container(Deployment(namespace="shop", name="none")) is None


def test_the_declared_repository_tells_the_application_from_its_proxy() -> None:
    """Nginx often stands first, and neither is called like the Deployment."""
    deployment = Deployment(namespace="shop", name="cart-prod", containers=(PROXY, APP))
    assert own_container(deployment, "cart") == APP
    assert own_container(deployment, "art") == PROXY


def test_what_an_init_container_lacks_is_told() -> None:
    """The pod waits for it just the same, and no variable of the application shows it."""
    migrate = container("migrate", Variable(name="DATABASE_URL", reference=MISSING))
    seen = configured(
        Deployment(namespace="shop", name="cart", containers=(APP,), init_containers=(migrate,))
    )
    assert seen.variable("DATABASE_URL") is None
    assert seen.broken == ("Secret shop/lost, which DATABASE_URL of container migrate needs, does not exist",)
