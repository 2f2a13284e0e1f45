"""`python bench/preloaded.py NAMES [pytest's options]`: import what a run imports, then run pytest.

Without options it ends there: what that takes is the start of a process and its imports. With options, the
looks of that pytest are not slowed by imports any more.
"""

import contextlib
import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    for name in Path(sys.argv[1]).read_text(encoding="utf-8").split():
        # A plugin that may be imported by pytest only, or a private part of a package: cheap to leave out.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    if sys.argv[2:]:
        import pytest

        sys.exit(pytest.main(sys.argv[2:]))
