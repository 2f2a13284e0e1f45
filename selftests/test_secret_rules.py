"""Every rule of `rules.toml` finds what it is for, and leaves alone what operators read."""

from __future__ import annotations

import pytest

from postflight.redaction import REDACTED, masked
from postflight.redaction.rules import Rule, rules

SECRET = [(rule, said) for rule in rules() for said in rule.secret]
HARMLESS = [(rule, said) for rule in rules() for said in rule.harmless]
# What messages, evidence and runbooks are full of.
NEEDED = (
    "arn:aws:iam::123456789012:role/min-kyeol-stage-saleor-api-role",
    "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:shop/db-AbCdEf",
    "arn:aws:kms:ap-northeast-2:123456789012:key/54bd6adb-59a3-4673-9fa7-a557ec02be6f",
    "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/shop/cart@sha256:" + "0123456789abcdef" * 4,
    "shop.cluster-abc123.ap-northeast-2.rds.amazonaws.com:5432",
    "sha1 fingerprint 9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B",
    "54bd6adb-59a3-4673-9fa7-a557ec02be6f",
    "SecretKey(secret='db', key='word', namespace='shop')",
    "tests_app/test_caches.py::test_cache_token_is_accepted[shop]",
    "system:serviceaccount:kube-system:external-dns",
    "oidc.eks.ap-northeast-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub",
    "https://shop.example.com/graphql/?page=2",
    "cart-service-7d9f8b6c5d-x2x4q in doa-market-prod",
    "Secret saleor/saleor-db-secret has no key DATABASE_URL; it has password, username",
    "redis://master.shop.abc123.apn2.cache.amazonaws.com:6379/0",
    "kubectl get secret saleor-db-secret -n saleor -o jsonpath='{.data.DATABASE_URL}' | base64 -d",
    "2026-12-01T01:48:11Z",
    "2001:db8::1",
)


@pytest.mark.parametrize(("rule", "said"), SECRET, ids=[f"{rule.id}-{said}" for rule, said in SECRET])
def test_a_rule_finds_its_examples(rule: Rule, said: str) -> None:
    """The secret part alone is replaced, by the rule itself and by all together."""
    before, _, rest = said.partition("«")
    _, _, after = rest.partition("»")
    plain = said.replace("«", "").replace("»", "")

    found: list[str] = []

    assert rule.applied(plain, REDACTED, found.append) == f"{before}{REDACTED}{after}"
    assert len(found) == 1
    assert any(word in plain.lower() for word in rule.keywords)
    assert rest.partition("»")[0] not in masked(plain)
    assert masked(masked(plain)) == masked(plain)


@pytest.mark.parametrize(("rule", "said"), HARMLESS, ids=[f"{rule.id}-{said}" for rule, said in HARMLESS])
def test_a_rule_leaves_the_harmless_alone(rule: Rule, said: str) -> None:
    """A message from which too much is taken helps no operator."""
    found: list[str] = []

    assert rule.applied(said, REDACTED, found.append) == said
    assert not found


@pytest.mark.parametrize("said", NEEDED)
def test_what_operators_need_stays(said: str) -> None:
    """ARNs, hosts, digests, names and fingerprints are no secrets, alone or in a sentence."""
    assert masked(said) == said
    assert masked(f'it is {said}, and "{said}"') == f'it is {said}, and "{said}"'
