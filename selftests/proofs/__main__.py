"""`make faults`: breaks the sandbox in each way in turn, and says what the suite made of it."""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from queue import SimpleQueue

from selftests.proofs.expected import EXPECTED
from selftests.proofs.harness import running_sandbox
from selftests.proofs.proof import Proof, prove


def main() -> int:
    """Prove the named faults, or all; exit status 1 unless each holds."""
    parser = argparse.ArgumentParser(prog="python -m selftests.proofs", description=__doc__)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="default: all")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--sandboxes", type=int, default=2, help="how many sandboxes work side by side")
    options = parser.parse_args()
    waiting: SimpleQueue[str] = SimpleQueue()
    for fault in options.faults or EXPECTED:
        waiting.put(fault)
    with ThreadPoolExecutor(options.sandboxes) as pool:
        workers = [pool.submit(_work, waiting, options.json) for _ in range(options.sandboxes)]
        proofs = [proof for worker in workers for proof in worker.result()]
    if options.json:
        print(json.dumps([asdict(proof) for proof in proofs], indent=2))
    else:
        print(_total(proofs))
    return 0 if all(proof.holds for proof in proofs) else 1


def _work(waiting: SimpleQueue[str], quiet: bool) -> list[Proof]:
    proofs: list[Proof] = []
    with running_sandbox() as sandbox:
        while not waiting.empty():
            proof = prove(sandbox, waiting.get())
            proofs.append(proof)
            if not quiet:
                print(proof.line(), flush=True)
    return proofs


def _total(proofs: list[Proof]) -> str:
    return (
        f"{len(proofs)} faults: {sum(one.detected for one in proofs)} detected, "
        f"{sum(one.is_named for one in proofs)} causes right, "
        f"{sum(len(one.unexplained) for one in proofs)} unexplained failures, "
        f"{sum(len(one.still_failing) for one in proofs)} failures when healthy"
    )


if __name__ == "__main__":
    sys.exit(main())
