"""What is seen of chains of certificates, served by real TLS servers."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from postflight.environment import Host
from postflight.probes import http, tls
from postflight.probes.addresses import a_label
from postflight.probes.certificates import covers
from postflight.probes.tls import Tls
from selftests.chain_variants import variants
from selftests.rude_servers import Street, street
from selftests.rude_town import connections, looking, resolving
from selftests.served_chains import CLIENT, HOST, Made, make, serve
from selftests.test_assertions import function


@pytest.fixture
def opened() -> Iterator[Street]:
    """Open a street for one test."""
    with street() as made:
        yield made


@pytest.fixture
def look(opened: Street, tmp_path: Path) -> Callable[..., Tls]:
    """Return how to look at a chain, with roots that are trusted."""

    def handshake(*chain: Made, roots: tuple[Made, ...], host: str = HOST, **served: Any) -> Tls:
        ca = tmp_path / "ca.pem"
        ca.write_text("".join(root.pem for root in roots))
        reached = connections(opened.name_server(resolving))
        port = serve(opened, *chain, **served)
        seen = looking(reached, tls.handshake, host, port, str(ca))()
        assert isinstance(seen, Tls)
        return seen

    return handshake


def verdicts(seen: Tls) -> tuple[bool, bool, bool, bool]:
    """Return what the checks say: chain, name, begun, 21 days left."""
    return seen.is_trusted, seen.names_the_host, seen.is_begun, seen.days_left >= 21


@pytest.mark.parametrize("newest", [None, ssl.TLSVersion.TLSv1_2])
@pytest.mark.parametrize(
    ("which", "days", "kind", "words"),
    [
        ("leaf", (-9, -1), "expired", "the certificate that"),
        ("middle", (-9, -1), "expired", "the intermediate certificate CN=middle that"),
        ("root", (-9, -1), "expired", "the root certificate CN=root that"),
        ("leaf", (2, 90), "not yet valid", "this machine's clock says"),
        ("middle", (2, 90), "not yet valid", "the intermediate certificate CN=middle that"),
    ],
)
def test_a_link_outside_its_dates_fails_the_check_of_dates_alone(  # noqa: PLR0913, PLR0917
    look: Callable[..., Tls], which: str, days: tuple[float, float], kind: str, words: str,
    newest: ssl.TLSVersion | None,
) -> None:  # fmt: skip
    """A chain is as valid as each of its links, under TLS 1.3 as well."""
    dates = {"leaf": (-10, 90), "middle": (-10, 90), "root": (-10, 90), which: days}
    root = make("root", days=dates["root"])
    middle = make("middle", root, days=dates["middle"])
    leaf = make("leaf", middle, ca=False, hosts=(HOST,), days=dates["leaf"])
    seen = look(leaf, middle, roots=(root,), newest=newest)
    assert (seen.kind, words in str(seen.problem)) == (kind, True), seen.problem
    assert verdicts(seen)[:2] == (True, True)
    assert not all(verdicts(seen)[2:])
    assert [link.subject for link in seen.chain] == ["CN=leaf", "CN=middle", "CN=root"]


def test_the_first_link_to_end_counts(look: Callable[..., Tls]) -> None:
    """An intermediate that ends next week ends every certificate below it."""
    root = make("root")
    middle = make("middle", root, days=(-10, 5))
    seen = look(make("leaf", middle, ca=False, hosts=(HOST,)), middle, roots=(root,))
    assert seen.is_verified
    assert seen.first_to_end is not None
    assert (seen.first_to_end.said, round(seen.days_left)) == ("intermediate certificate CN=middle", 5)


def test_an_expired_certificate_beside_the_path_harms_nobody(look: Callable[..., Tls]) -> None:
    """Cross-signed roots are served long after the old root has ended (ISRG Root X1 and DST Root CA X3)."""
    key = ec.generate_private_key(ec.SECP256R1())
    old, new = make("old root", days=(-99, -1)), make("new root", key=key)
    crossed = make("new root", old, days=(-99, -1), key=key)
    middle = make("middle", new)
    leaf = make("leaf", middle, ca=False, hosts=(HOST,))
    seen = look(leaf, crossed, middle, roots=(new, old))
    assert (seen.problem, verdicts(seen)) == (None, (True, True, True, True))
    assert [(link.subject, link.is_on_path) for link in seen.chain][1] == ("CN=new root", False)


def test_a_missing_intermediate_is_named(look: Callable[..., Tls]) -> None:
    """Browsers fetch it and hide the fault; every other client fails."""
    root = make("root")
    middle = make("middle", root)
    at = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(
                x509.oid.AuthorityInformationAccessOID.CA_ISSUERS,
                x509.UniformResourceIdentifier("http://ca.test/middle.crt"),
            )
        ]
    )
    seen = look(make("leaf", middle, ca=False, hosts=(HOST,), extra=(at,)), roots=(root,))
    assert "issuer CN=middle is neither served nor trusted" in str(seen.problem)
    assert "http://ca.test/middle.crt" in str(seen.problem)
    assert verdicts(seen) == (False, True, True, True)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"extra": (CLIENT,)}, "CN=leaf may not be used for a TLS server"),
        ({"bits": 1024}, "CN=leaf has too small a key"),
    ],
)
def test_a_chain_to_a_trusted_root_is_refused_for_its_own_reason(
    look: Callable[..., Tls], changed: dict[str, Any], words: str
) -> None:
    """Only a chain without a trusted root may be called one."""
    root = make("root")
    seen = look(make("leaf", root, ca=False, hosts=(HOST,), **changed), roots=(root,))
    assert words in str(seen.problem)
    assert "no trusted root" not in str(seen.problem)
    assert verdicts(seen) == (False, True, True, True)


def test_an_issuer_that_is_no_authority_is_named(look: Callable[..., Tls]) -> None:
    """A leaf that signs another leaf is the oldest forgery there is."""
    root = make("root")
    false = make("false", root, ca=False)
    seen = look(make("leaf", false, ca=False, hosts=(HOST,)), false, roots=(root,))
    assert "CN=false is no certificate authority" in str(seen.problem)


def test_a_name_outside_its_authoritys_is_refused_as_that(look: Callable[..., Tls]) -> None:
    """Name constraints are no matter of trust in the root."""
    limits = x509.NameConstraints(permitted_subtrees=[x509.DNSName("other.test")], excluded_subtrees=None)
    root = make("root", extra=(limits,))
    seen = look(make("leaf", root, ca=False, hosts=(HOST,)), roots=(root,))
    assert "name constraints" in str(seen.problem)
    assert not seen.is_trusted


def test_a_forged_issuer_is_not_trusted_whatever_else_is_wrong(look: Callable[..., Tls]) -> None:
    """OpenSSL looks at names before signatures: a wrong name must not hide that the chain is forged."""
    root, forged = make("root"), make("root")
    seen = look(make("leaf", forged, ca=False, hosts=("other.test",)), roots=(root,))
    assert seen.kind == "wrong name"
    assert verdicts(seen)[:2] == (False, False)


@pytest.mark.parametrize(
    ("name", "host", "is_named"),
    [
        ("NAME.test", "name.test", True),
        ("name.test", "NAME.test.", True),
        ("*.name.test", "a.name.test", True),
        ("*.name.test", "a.b.name.test", False),
        ("*.test", "name.test", False),
        ("n*.name.test", "na.name.test", False),
        ("xn--o39a0q.test", "상품.test", None),
    ],
)
def test_openssl_and_the_check_agree_on_names(
    look: Callable[..., Tls], name: str, host: str, is_named: bool | None
) -> None:
    """What is green for a trusted chain is green for an untrusted one as well."""
    name = a_label(host) if is_named is None else name
    root = make("root")
    leaf = make("leaf", root, ca=False, hosts=(name,))
    seen = look(leaf, roots=(root,), host=host)
    assert (seen.names_the_host, seen.is_verified) == (is_named is not False,) * 2
    assert covers((name,), host) == (is_named is not False)


def test_the_common_name_names_no_host(look: Callable[..., Tls]) -> None:
    """Browsers have ignored it since 2017 (RFC 9525)."""
    root = make("root")
    seen = look(make(HOST, root, ca=False), roots=(root,))
    assert (seen.kind, seen.names_the_host) == ("wrong name", False)


def test_addresses_are_compared_as_addresses() -> None:
    """An IPv6 address has many spellings, and no wildcard covers an address."""
    assert covers(("::1",), "0:0:0:0:0:0:0:1")
    assert not covers(("*.0.0.1",), "127.0.0.1")


CHECKS = {
    "chain": "test_certificate_chain_is_trusted",
    "name": "test_certificate_names_the_host",
    "dates": "test_certificate_lasts_long_enough",
    "serves": "test_host_serves_tls",
}


def failing(seen: Tls) -> dict[str, str]:
    """Return the checks that fail, and what they say."""
    host = Host(name=seen.host, hosted_zone="test")
    found = {}
    for word, check in CHECKS.items():
        try:
            function(f"tests_network/test_tls.py::{check}")(host, seen)
        except AssertionError as error:
            found[word] = str(error)
    return found


VARIANTS = variants()


@pytest.mark.parametrize("name", VARIANTS)
def test_each_chain_fails_the_check_of_its_own_fault_and_http_says_the_same(
    look: Callable[..., Tls], opened: Street, tmp_path: Path, name: str
) -> None:
    """One fact has one reason, in one check: a healthy chain passes all, and pages give the same reason."""
    variant, wanted, words = VARIANTS[name]
    seen = look(*variant.chain, roots=variant.roots, host=variant.host, **dict(variant.served))
    found = failing(seen)
    assert set(found) == wanted, found or seen.problem
    assert seen.is_verified == (not wanted)
    assert ("no trusted root" in str(seen.problem)) == (words.startswith(("issuer", "leads to")))
    assert words in str(seen.problem or "")
    reached = connections(opened.name_server(resolving))
    url = f"https://{variant.host}:{seen.port}/"
    page = looking(reached, http.get, url, str(tmp_path / "ca.pem"))()
    assert (page.kind, page.problem) == (seen.kind, seen.problem)
