"""TLS: what each public host really serves."""

from __future__ import annotations

from typing import Any


def test_host_serves_tls(declared_host: Any, served_tls: Any) -> None:
    """Without TLS 1.2 or newer on its port no browser shows the page, whatever the certificate."""
    assert served_tls.is_spoken, f"{declared_host.name} serves no TLS: {served_tls.problem}"


def test_certificate_chain_is_trusted(declared_host: Any, served_tls: Any) -> None:
    """A certificate that leads to no trusted root is a warning page for every visitor."""
    assert served_tls.is_trusted, f"{declared_host.name}: {served_tls.problem}"


def test_certificate_names_the_host(declared_host: Any, served_tls: Any) -> None:
    """A certificate made out for other names is a warning page as well."""
    names = ", ".join(served_tls.certificate.names) if served_tls.certificate else "unknown names"
    assert served_tls.names_the_host, (
        f"{declared_host.name} serves a certificate for {names}"
        if served_tls.is_spoken
        else f"{declared_host.name}: {served_tls.problem}"
    )


def test_certificate_lasts_long_enough(declared_host: Any, served_tls: Any) -> None:
    """ACM renews 60 days before the end; a link of the chain this near its end is not being renewed."""
    first = served_tls.first_to_end
    ends = f"{first.said} that ends on {first.not_after:%Y-%m-%d}" if first else "certificate that is unknown"
    assert served_tls.is_begun, (
        f"{declared_host.name}: {served_tls.problem or 'its certificates are unknown'}"
    )
    assert served_tls.days_left >= declared_host.days_left, (
        f"{declared_host.name} serves a {ends}: {served_tls.days_left:.0f} days left, "
        f"at least {declared_host.days_left} are wanted"
        + (f" ({served_tls.problem})" if served_tls.problem else "")
    )


def test_old_tls_is_refused(declared_host: Any, old_tls: Any) -> None:
    """TLS 1.0 and 1.1 can be attacked; the load balancer's security policy must not offer them."""
    assert old_tls.problem is None, f"{declared_host.name} could not be offered old TLS: {old_tls.problem}"
    assert not old_tls.accepted, f"{declared_host.name} still speaks {' and '.join(old_tls.accepted)}"
