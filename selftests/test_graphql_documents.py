"""A GraphQL document is sent where it reads only: what is in it decides, not how it begins."""

from __future__ import annotations

import pytest

from postflight.probes.graphql_documents import is_one_query
from postflight.subjects.app import PRODUCTS, SHOP


@pytest.mark.parametrize(
    "document",
    [
        SHOP,
        PRODUCTS,
        "query { shop { name } }",
        "\ufeff# mutation { x }\nquery Shop { shop { name } }",
        'query Q($a: In = {b: "}"}) @on(if: {c: [1]}) { mutation: shop(filter: {a: "{"}) { name } }',
        'query { a(text: """ } mutation { x } \\""" """) }',
        "fragment F on Shop { name } query { shop { ...F } }",
        '{ a(b: "") c(d: """""") }',
        "{ subscription mutation }",
    ],
)
def test_a_query_is_sent(document: str) -> None:
    """Fields may be called mutation, and braces may lie in strings and comments."""
    assert is_one_query(document)


@pytest.mark.parametrize(
    "document",
    [
        "mutation { x }",
        "subscription { x }",
        "# a comment\nmutation { x }",
        "\ufeffmutation { x }",
        ", ,mutation { x }",
        "query { a } mutation { b }",
        "{ a }mutation{ b }",
        "fragment F on X { a } mutation { b }",
        "query A { a } query B { b }",
        '{ a(b: "\\"") } mutation { c }',
        '{ a(b: """\\""" """) } mutation { c }',
        "{ a } # }\rmutation { b }",
        "query A mutation { b }\n}",
        "extend type X { a }",
        "fragment F on X { a }",
        "{ a",
        "{ a }}",
        '{ a(b: "open) }',
        "",
        "{ a } ;",
    ],
)
def test_what_is_not_just_one_query_is_refused(document: str) -> None:
    """A change hidden behind a comment, a string or another operation stays one."""
    assert not is_one_query(document)
