"""What an ExternalDNS may write is read as ExternalDNS reads it, however its flags are written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postflight.environment import Controller, Environment
from postflight.evidence import Unverified
from postflight.subjects.external_dns import DomainFilter, record_owner, uncovered_domains
from selftests.kube_api_server import Served, deployment_manifest
from selftests.kubernetes_runs import ENVIRONMENT, asking, post, serving_shop

SHOP = Environment.model_validate(ENVIRONMENT)
DECLARED = Controller.model_validate(
    {
        "name": "dns", "kind": "external-dns", "namespace": "shop", "deployment": "dns",
        "service_account": "dns", "role": "dns", "policy": "dns", "owner_id": "shop",
        "domain_filters": ["shop.com"],
    }
)  # fmt: skip


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Give a server with the namespace `shop`."""
    with serving_shop(tmp_path) as server:
        yield server


def deploy(served: Served, **container: Any) -> None:
    """Deploy an ExternalDNS whose container has these fields."""
    manifest = deployment_manifest("dns")
    manifest["spec"]["template"]["spec"]["containers"][0].update(container)
    post(served, "/apis/apps/v1/namespaces/shop/deployments", manifest)


def variable(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


@pytest.mark.parametrize(
    "container",
    [
        {"args": ["--provider=aws", "--domain-filter=other.com"]},
        {"args": ["--domain-filter", "other.com", "--provider", "aws"]},
        {"command": ["external-dns", "--domain-filter", "other.com"]},
        {"args": ["--domain-filter=$(ZONE)"], "env": [variable("ZONE", "other.com")]},
        {"env": [variable("EXTERNAL_DNS_DOMAIN_FILTER", "other.com\nanother.com")]},
        {"args": [r"--regex-domain-filter=^other\.com$"]},
        {"args": ["--exclude-domains=shop.com"]},
        {"env": [variable("EXTERNAL_DNS_EXCLUDE_DOMAINS", "shop.com")]},
        {"args": [r"--domain-filter=shop.com", r"--regex-domain-filter=other\.com$"]},
        {
            "args": ["--domain-filter=other.com"],
            "env": [variable("EXTERNAL_DNS_DOMAIN_FILTER", "shop.com")],
        },
    ],
)
def test_a_domain_that_is_left_out_is_named(served: Served, tmp_path: Path, container: Any) -> None:
    """However a filter is written, ExternalDNS heeds it: hosts get no record, and no check would say so."""
    deploy(served, **container)
    seen = uncovered_domains(asking(served, tmp_path), SHOP, DECLARED)
    assert seen.domains == ("shop.com",)


@pytest.mark.parametrize(
    "container",
    [
        {},
        {"args": ["--domain-filter", "shop.com", "--domain-filter", "other.com"]},
        {"args": ["--domain-filter=Shop.com.", "--exclude-domains=intern.shop.com"]},
        {"args": ["--domain-filter="]},
        {"env": [variable("EXTERNAL_DNS_DOMAIN_FILTER", "other.com\nshop.com\n")]},
        {"args": [r"--regex-domain-filter=(^|\.)(?:shop|other)\.com$"]},
        {
            "args": ["--domain-filter=shop.com"],
            "env": [variable("EXTERNAL_DNS_DOMAIN_FILTER", "other.com")],
        },
    ],
)
def test_a_domain_that_is_covered_is_not_red(served: Served, tmp_path: Path, container: Any) -> None:
    """A check that is red on a controller that works is switched off by those who run it."""
    deploy(served, **container)
    assert uncovered_domains(asking(served, tmp_path), SHOP, DECLARED).domains == ()


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"args": [r"--regex-domain-filter=^(?P<zone>shop)\.com$"]}, "cannot be told from --regex-domain-"),
        ({"args": ["--regex-domain-filter=(shop"]}, "cannot be told"),
        ({"args": ["--domain-filter=other.com", "--regex-domain-exclusion=intern"]}, "cannot be told"),
        ({"args": ["--domain-filter=$(ZONE)"]}, "would come from another variable"),
        ({"envFrom": [{"configMapRef": {"name": "zones"}}]}, "would come from ConfigMap zones"),
        (
            {
                "env": [
                    {
                        "name": "EXTERNAL_DNS_DOMAIN_FILTER",
                        "valueFrom": {"secretKeyRef": {"name": "zones", "key": "a"}},
                    }
                ]
            },
            "would come from Secret zones",
        ),
    ],
)
def test_a_filter_that_cannot_be_judged_is_unverified(
    served: Served, tmp_path: Path, container: Any, words: str
) -> None:
    """A filter whose value or meaning is not known here may leave out everything."""
    deploy(served, **container)
    with pytest.raises(Unverified, match=words):
        uncovered_domains(asking(served, tmp_path), SHOP, DECLARED)


@pytest.mark.parametrize(
    "container",
    [
        {"args": ["--txt-owner-id", "shop"]},
        {"args": ["--txt-owner-id=$(OWNER)"], "env": [variable("OWNER", "shop")]},
        {"env": [variable("EXTERNAL_DNS_TXT_OWNER_ID", "shop")]},
    ],
)
def test_an_owner_id_is_seen_in_every_spelling(served: Served, tmp_path: Path, container: Any) -> None:
    """An owner id in two words was taken for none at all, which is red on a healthy controller."""
    deploy(served, **container)
    assert record_owner(asking(served, tmp_path), SHOP, DECLARED).ids == ("shop",)


@pytest.mark.parametrize(
    ("filters", "expression", "exclusion", "covered"),
    [
        ((), "", r"\.intern$", True),
        ((), "", "^shop", None),
        (("shop.org",), "", "^shop", False),
        ((), "shop", "^other", True),
        ((), "other", "^shop", False),
        ((), "other", "^other", None),
    ],
)
def test_an_excluding_expression_is_judged_where_all_releases_agree(
    filters: tuple[str, ...], expression: str, exclusion: str, covered: bool | None
) -> None:
    """Which of two expressions counts has changed between releases: a guess is wrong for half of them."""
    seen = DomainFilter(filters=filters, expression=expression, exclusion=exclusion)
    assert seen.covers("shop.com") is covered
