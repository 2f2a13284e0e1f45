"""GraphQL: the API answers what the storefront asks first, and in time."""

from __future__ import annotations

from typing import Any


def test_api_tells_the_shop_name(declared_api: Any, shop: Any) -> None:
    """The smallest query there is: it passes load balancer, application, settings and database."""
    name = shop.value("shop", "name")
    is_told = isinstance(name, str) and name != ""
    assert is_told, f"{declared_api.url} does not tell the shop's name: {shop.said}"


def test_products_answer_in_time(declared_api: Any, products: Any) -> None:
    """A products query that takes longer than the limit is an empty page to the customer."""
    edges = products.value("products", "edges")
    assert isinstance(edges, list), f"{declared_api.url} does not list products: {products.said}"
    taken = products.http.answer_s
    assert taken <= declared_api.limit_s, (
        f"{declared_api.url} took {taken:.1f} s for the products, the limit is {declared_api.limit_s:g} s"
    )
