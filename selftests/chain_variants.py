"""Chains that are in order, and chains with one fault each."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from postflight.probes.addresses import a_label
from selftests.served_chains import CLIENT, HOST, Made, make, signed_by_sha1


@dataclass(frozen=True)
class Variant:
    """A served chain, leaf first, and the roots that are trusted."""

    chain: tuple[Made, ...]
    roots: tuple[Made, ...]
    host: str = HOST
    served: tuple[tuple[str, Any], ...] = ()


def variants() -> dict[str, tuple[Variant, set[str], str]]:
    """Return each chain by name, with the checks that must fail, and the words of the reason."""
    root, stranger = make("root"), make("stranger")
    middle = make("middle", root)
    leaf = make("leaf", middle, ca=False, hosts=(HOST,))
    long = [root]
    for number in range(19):
        long.append(make(f"middle {number}", long[-1]))
    key = ec.generate_private_key(ec.SECP256R1())
    old, new = make("old root", days=(-99, -1)), make("new root", key=key)
    crossed = make("new root", old, key=key)
    below = make("middle", new)
    below_new = make("leaf", below, ca=False, hosts=(HOST,))
    ended, ahead = make("ended", root, days=(-9, -1)), make("ahead", root, days=(2, 90))
    weak = make("weak", root, bits=1024)
    of_rsa = make("of RSA", root, bits=2048)
    limits = x509.NameConstraints(permitted_subtrees=[x509.DNSName("other.test")], excluded_subtrees=None)
    limited = make("limited", root, extra=(limits,))
    last = make("leaf", long[-1], ca=False, hosts=(HOST,))

    def of(issuer: Made, **changed: Any) -> Made:
        return make("leaf", issuer, ca=False, **{"hosts": (HOST,), **changed})

    def served(*chain: Made, **changed: Any) -> Variant:
        return Variant(chain, (root,), **changed)

    one_two, one_three = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    return {
        "plain": (served(leaf, middle), set(), ""),
        "TLS 1.2 only": (served(leaf, middle, served=(("newest", one_two),)), set(), ""),
        "TLS 1.3 only": (served(leaf, middle, served=(("oldest", one_three),)), set(), ""),
        "with its root": (served(leaf, middle, root), set(), ""),
        "in the wrong order": (served(leaf, root, middle), set(), ""),
        "the leaf twice": (served(leaf, leaf, middle), set(), ""),
        "with another root": (served(leaf, middle, stranger), set(), ""),
        "of twenty links": (served(last, *reversed(long)), set(), ""),
        "crossed, the old root ended": (Variant((below_new, below, crossed), (new, old)), set(), ""),
        "a wildcard": (served(of(middle, hosts=("*.name.test",)), middle, host="a.name.test"), set(), ""),
        "a punycode name": (
            served(of(middle, hosts=(a_label("상품.test"),)), middle, host="상품.test"), set(), "",
        ),
        "a name of IDNA 2008": (
            served(of(middle, hosts=("xn--fa-hia.test",)), middle, host="faß.test"), set(), "",
        ),
        "crossed, only the old root known": (
            Variant((below_new, below, crossed), (old,)), {"dates"}, "root certificate CN=old root",
        ),
        "no intermediate": (served(leaf), {"chain"}, "issuer CN=middle is neither served nor trusted"),
        "another intermediate": (
            served(leaf, weak), {"chain"}, "issuer CN=middle is neither served nor trusted",
        ),
        "another root": (
            Variant((leaf, middle, root), (stranger,)), {"chain"},
            "leads to CN=root, which is no trusted root",
        ),
        "self-signed": (
            Variant((make("leaf", ca=False, hosts=(HOST,)),), (root,)), {"chain"}, "is self-signed",
        ),
        "ended": (served(of(middle, days=(-9, -1)), middle), {"dates"}, "the certificate that"),
        "an intermediate that ended": (
            served(of(ended), ended), {"dates"}, "the intermediate certificate CN=ended that",
        ),
        "not begun": (served(of(middle, days=(2, 90)), middle), {"dates"}, "is not valid yet"),
        "an intermediate not begun": (
            served(of(ahead), ahead), {"dates"}, "the intermediate certificate CN=ahead that",
        ),
        "another name": (
            served(of(middle, hosts=("other.test",)), middle), {"name"}, "not made out for name.test",
        ),
        "no name": (served(of(middle, hosts=()), middle), {"name"}, "not made out for name.test"),
        "an address for a name": (
            served(leaf, middle, host="127.0.0.1"), {"name"}, "not made out for 127.0.0.1",
        ),
        "a small key": (served(of(middle, bits=1024), middle), {"chain"}, "CN=leaf has too small a key"),
        "a small key above": (served(of(weak), weak), {"chain"}, "CN=weak has too small a key"),
        "another use": (
            served(of(middle, extra=(CLIENT,)), middle), {"chain"}, "may not be used for a TLS server",
        ),
        "a signature by SHA-1": (
            served(signed_by_sha1(of(of_rsa), of_rsa), of_rsa), {"chain"}, "CN=leaf has too weak a signature",
        ),
        "constrained": (served(of(limited), limited), {"chain"}, "name constraints"),
    }  # fmt: skip
