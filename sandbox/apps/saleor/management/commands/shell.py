"""`manage.py shell` as Saleor's Django has it: nothing is imported, or said, beforehand."""

from django.core.management.commands import shell


class Command(shell.Command):  # type: ignore[misc]  # Django carries no types
    """The shell without automatic imports, whose announcement would mix with a script's output."""

    def get_auto_imports(self) -> None:
        """Import nothing."""
