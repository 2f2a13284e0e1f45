"""Start-up: what is waited for before anything can be looked at, in seconds of CPU."""

import os
import sys
from collections.abc import Iterator

from bench.measurement import Measurement, Options
from bench.processes import PYTEST, cheapest
from bench.sandboxes import ROOT

HELP_LIMIT_S = 0.6
COLLECTION_LIMIT_S = 1.5
COMMANDS = (
    ("pytest --help", (*PYTEST, "--help"), 0, HELP_LIMIT_S),
    ("pytest, without --env", PYTEST, 4, HELP_LIMIT_S),
    ("pytest --env nosuch", (*PYTEST, "--env", "nosuch"), 4, HELP_LIMIT_S),
    ("postflight --help", (sys.executable, "-m", "postflight", "--help"), 0, HELP_LIMIT_S),
    (
        "pytest --env sandbox --collect-only",
        (*PYTEST, "--env", "sandbox", "--collect-only", "-q"),
        0,
        COLLECTION_LIMIT_S,
    ),
)
ROWS = tuple(name for name, *_ in COMMANDS)


def measure(options: Options) -> Iterator[Measurement]:
    """Yield the CPU of each command that looks at nothing."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for name, command, status, limit_s in COMMANDS:
        # One more, and first: it may have bytecode to write.
        cost = cheapest(command, variables, ROOT, options.rounds + 1)
        if cost.status != status:
            raise RuntimeError(f"{name} ended with {cost.status}, not {status}: {cost.last_words}")
        yield Measurement(
            name, round(cost.cpu_s, 3), "s of CPU", peer="limit", peer_value=limit_s, budget=1.0
        )
