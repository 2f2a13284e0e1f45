"""Ingresses, as the AWS Load Balancer Controller reads them."""

from __future__ import annotations

from typing import Any

import pytest

ANNOTATION = "alb.ingress.kubernetes.io"


def _absent(ingress: Any) -> str:
    return f"{ingress.title} does not exist"


def test_ingress_exists(ingress: Any) -> None:
    """Without its Ingress a system has no load balancer."""
    assert ingress.found, _absent(ingress)


def test_ingress_declares_its_scheme(declared_ingress: Any, ingress: Any) -> None:
    """Without the scheme annotation the controller makes an internal load balancer."""
    assert ingress.found, _absent(ingress)
    assert ingress.effective_scheme == declared_ingress.scheme, (
        f"{ingress.title} has {ANNOTATION}/scheme: {ingress.scheme or '(missing, which means internal)'}, "
        f"not {declared_ingress.scheme}"
    )


def test_ingress_declares_its_target_type(declared_ingress: Any, ingress: Any) -> None:
    """Without target type `ip` the controller looks for node ports, which these Services do not have."""
    assert ingress.found, _absent(ingress)
    assert ingress.effective_target_type == declared_ingress.target_type, (
        f"{ingress.title} has {ANNOTATION}/target-type: "
        f"{ingress.target_type or '(missing, which means instance)'}, not {declared_ingress.target_type}"
    )


@pytest.mark.where("certificate")
def test_ingress_names_the_declared_certificate(
    declared_ingress: Any, ingress: Any, environment: Any
) -> None:
    """The load balancer serves the certificate whose ARN the Ingress names."""
    assert ingress.found, _absent(ingress)
    wanted = environment.certificates[declared_ingress.certificate].arn
    named = ", ".join(ingress.certificates) or "(missing)"
    assert wanted in ingress.certificates, (
        f"{ingress.title} has {ANNOTATION}/certificate-arn: {named}, not {wanted}"
    )


def test_ingress_has_an_address(ingress: Any, ingress_events: Any) -> None:
    """The controller has published a load balancer for this Ingress."""
    assert ingress.found, _absent(ingress)
    assert ingress.addresses, f"{ingress.title} has no address ({ingress_events.text})"
