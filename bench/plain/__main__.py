"""`python -m bench.plain [pytest's options]`: the plain tests against the sandbox that is running."""

import os
import subprocess
import sys
from pathlib import Path

from bench.sandboxes import running_variables

if __name__ == "__main__":
    here = Path(__file__).parent
    command = [sys.executable, "-m", "pytest", "-c", str(here / "pytest.ini"), str(here), *sys.argv[1:]]
    sys.exit(subprocess.run(command, env={**os.environ, **running_variables()}, check=False).returncode)
