"""What services are told, and their health."""

import base64
import time
from typing import Any

import kubernetes
import pytest

from bench.plain.expected import SERVICES, Service

HEALTHY = tuple(service for service in SERVICES if service.body)
CONFIGURED = tuple(service for service in SERVICES if service.required)
WITH_DATABASE = tuple(service for service in SERVICES if service.database)


def values_of(core: Any, kind: str, name: str, namespace: str) -> dict[str, str]:
    if kind == "config_map":
        return dict(core.read_namespaced_config_map(name, namespace).data or {})
    data = core.read_namespaced_secret(name, namespace).data or {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def variables_of(apps: Any, core: Any, service: Service) -> dict[str, str]:
    found: dict[str, str] = {}
    deployment = apps.read_namespaced_deployment(service.name, service.namespace)
    for container in deployment.spec.template.spec.containers:
        for source in container.env_from or []:
            reference = source.config_map_ref or source.secret_ref
            kind = "config_map" if source.config_map_ref else "secret"
            found |= values_of(core, kind, reference.name, service.namespace)
        for variable in container.env or []:
            origin = variable.value_from
            if origin is None:
                found[variable.name] = variable.value or ""
                continue
            reference = origin.config_map_key_ref or origin.secret_key_ref
            kind = "config_map" if origin.config_map_key_ref else "secret"
            found[variable.name] = values_of(core, kind, reference.name, service.namespace)[reference.key]
    return found


def test_references_of_the_service_exist(apps: Any, core: Any, service: Service) -> None:
    variables_of(apps, core, service)


@pytest.mark.parametrize("service", CONFIGURED, ids=lambda service: service.name)
def test_service_is_configured(apps: Any, core: Any, service: Service) -> None:
    found = variables_of(apps, core, service)
    for name, value in service.required.items():
        assert found.get(name), name
        assert value is None or found[name] == value, name


@pytest.mark.parametrize("service", WITH_DATABASE, ids=lambda service: service.name)
def test_database_login_comes_from_its_secret(apps: Any, service: Service) -> None:
    deployment = apps.read_namespaced_deployment(service.name, service.namespace)
    for container in deployment.spec.template.spec.containers:
        written = [
            one.name for one in container.env or [] if one.name in ("DB_USER", "DATABASE_URL") and one.value
        ]
        assert not written


def health_of(core: Any, service: Service) -> str:
    return str(
        core.connect_get_namespaced_service_proxy_with_path(
            f"{service.name}:{service.port}", service.namespace, service.path.lstrip("/")
        )
    )


def test_service_answers_its_health_path(core: Any, service: Service) -> None:
    try:
        health_of(core, service)
    except kubernetes.client.ApiException as error:
        pytest.fail(f"{service.name} answers {service.path} with {error.status}")


@pytest.mark.parametrize("service", HEALTHY, ids=lambda service: service.name)
def test_health_body_says_ok(core: Any, service: Service) -> None:
    assert str(service.body) in health_of(core, service)


def test_health_is_quick(core: Any, service: Service) -> None:
    began = time.monotonic()
    health_of(core, service)
    assert time.monotonic() - began < 5
