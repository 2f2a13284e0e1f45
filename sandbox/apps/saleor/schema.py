"""The part of Saleor's GraphQL schema that storefronts ask first."""

import base64
import logging
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from graphql import GraphQLResolveInfo, GraphQLSchema, build_schema, graphql_sync

logger = logging.getLogger("saleor.graphql")

DEFINITION = """
type Query { shop: Shop! products(first: Int = 20, channel: String): ProductConnection }
type Shop { name: String! version: String! }
type ProductConnection { edges: [ProductEdge!]! totalCount: Int! pageInfo: PageInfo! }
type PageInfo { hasNextPage: Boolean! }
type ProductEdge { node: Product! cursor: String! }
type Product { id: ID! name: String! slug: String! }
"""
LARGEST_PAGE = 100


class Root:
    """Resolves the fields of Query."""

    def shop(self, _info: GraphQLResolveInfo[Any]) -> dict[str, str]:
        """Describe the shop."""
        return {"name": "KYEOL", "version": "3.20.0"}

    def products(
        self, _info: GraphQLResolveInfo[Any], *, first: int = 20, channel: str | None = None
    ) -> dict[str, Any]:
        """List products out of the database."""
        from sandbox.apps.saleor.models import Product  # needs Django's setup

        began = time.monotonic()
        time.sleep(settings.PRODUCTS_DELAY_SECONDS)
        first = max(0, min(first, LARGEST_PAGE))
        total = Product.objects.count()
        edges = [_edge(product) for product in Product.objects.order_by("name")[:first]]
        logger.info(
            "products first=%d channel=%s duration=%dms", first, channel, 1000 * (time.monotonic() - began)
        )
        return {"edges": edges, "totalCount": total, "pageInfo": {"hasNextPage": total > first}}


def _edge(product: Any) -> dict[str, Any]:
    identity = base64.b64encode(f"Product:{product.pk}".encode()).decode()
    return {"node": {"id": identity, "name": product.name, "slug": product.slug}, "cursor": identity}


def make_schema() -> GraphQLSchema:
    """Build the schema; it takes some milliseconds, so do it once."""
    return build_schema(DEFINITION)


def execute(schema: GraphQLSchema, request: Mapping[str, Any]) -> dict[str, Any]:
    """Run a GraphQL request; returns the response's `data` and `errors`."""
    result = graphql_sync(
        schema, request["query"], root_value=Root(), variable_values=request.get("variables")
    )
    for error in result.errors or ():
        logger.error("%s", error.message, exc_info=error.original_error)
    return dict(result.formatted)
