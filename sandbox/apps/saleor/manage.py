"""Django's commands for the stand-in: `python -m sandbox.apps.saleor.manage shell -c …`."""

import os
import sys
from collections.abc import Sequence


def main(words: Sequence[str]) -> int:
    """Run one command; Django exits by itself when it fails."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sandbox.apps.saleor.settings")
    from django.core.management import execute_from_command_line  # after the environment

    execute_from_command_line(["manage.py", *words])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
