"""Certificates, as ACM and the listeners have them."""

from __future__ import annotations

from typing import Any

import pytest


def test_certificate_is_issued(declared_certificate: Any, certificate: Any) -> None:
    """ACM serves a certificate only once every name of it is validated."""
    owed = "; ".join(validation.words for validation in certificate.owed)
    assert certificate.is_issued, (
        f"certificate {declared_certificate.arn} is {certificate.status or 'absent'}, not ISSUED"
        f"{f'; still owed: {owed}' if owed else ''} {certificate.failure}"
    ).rstrip()


@pytest.mark.where("covers")
def test_certificate_covers_its_hosts(declared_certificate: Any, certificate: Any) -> None:
    """A browser refuses a host that the certificate does not name."""
    uncovered = certificate.uncovered(declared_certificate.covers)
    assert not uncovered, (
        f"certificate {declared_certificate.arn} does not cover {', '.join(uncovered)}; "
        f"it names {', '.join(certificate.names) or 'nothing'}"
    )


@pytest.mark.where("certificate")
def test_listener_uses_the_declared_certificate(
    declared_ingress: Any, listeners: Any, environment: Any
) -> None:
    """What browsers are shown is the listener's certificate, whatever the Ingress says."""
    declared = environment.certificates[declared_ingress.certificate].arn
    assert declared in listeners.certificates, (
        f"the listeners of Ingress {declared_ingress.namespace}/{declared_ingress.resource} serve "
        f"{', '.join(listeners.certificates) or 'no certificate'}, not {declared}"
    )
