"""Saleor's stand-in as a Django application."""

from django.apps import AppConfig


class SaleorConfig(AppConfig):  # type: ignore[misc]  # Django carries no types
    """Names the application as `saleor`, so that its user model is `saleor.User`."""

    name = "sandbox.apps.saleor"
    label = "saleor"
