"""SDKs that are imported while who we are is asked for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from selftests.environment_files import CACHE, MINIMAL, SERVER
from selftests.proofs.harness import ROOT, Sandbox

_IMPORTED = re.compile(r"\|\s+psycopg\b")
_IMPORT_AHEAD = """\
import sys, time
from pathlib import Path
from postflight.environment import load
from postflight.sdks import import_ahead

import_ahead(load(Path(sys.argv[1]), {}))
until = time.monotonic() + 20
# The last of them has been imported when its names can be used.
while not hasattr(sys.modules.get("cryptography.x509"), "load_pem_x509_certificate"):
    assert time.monotonic() < until
    time.sleep(0.01)
print(*sorted({"psycopg", "dns", "botocore", "boto3", "redis", "requests"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("declared", "imported"),
    [(MINIMAL, "dns"), (MINIMAL + SERVER, "dns psycopg"), (MINIMAL + CACHE, "dns redis")],
    ids=["nothing", "a database server", "a cache"],
)
def test_what_an_environment_needs_is_imported_ahead(tmp_path: Path, declared: str, imported: str) -> None:
    """The wait for the first three round trips is long enough for it; what nobody needs is left alone."""
    file = tmp_path / "some.yaml"
    file.write_text(declared, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_AHEAD, str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.stdout.strip() == imported, done.stderr


def test_a_run_imports_ahead_and_a_replay_does_not(sandbox: Sandbox) -> None:
    """NAT gateways need no database: what is imported for one was imported ahead."""
    shown = {"PYTHONPROFILEIMPORTTIME": "1"}
    nat = "tests_infra/test_nat.py"

    live = sandbox.run_suite(nat, environment=shown)
    again = sandbox.run_suite(nat, f"--replay={live.folder}", environment=shown)

    assert (live.exit_status, again.exit_status) == (0, 0)
    assert _IMPORTED.search(live.output)
    assert not _IMPORTED.search(again.output)
