"""`python -m selftests.denials`: denies each permission in turn, and counts what was green all the same."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from sandbox.aws.odd_answers import ODD_ANSWERS
from selftests.denials.denial import HOWS, Denial, Dependents, How, denied, dependents, worth_trying
from selftests.proofs.harness import running_sandbox

Job = tuple[str, How]


def main() -> int:
    """Deny the named permissions, or all; exit status 1 unless nothing was green that was not seen."""
    parser = argparse.ArgumentParser(prog="python -m selftests.denials", description=__doc__)
    parser.add_argument("permissions", nargs="*", metavar="PERMISSION", help="default: all")
    ways = (*HOWS, *ODD_ANSWERS)
    parser.add_argument("--how", choices=ways, default="denied", help="denied, or how its answer is withheld")
    parser.add_argument("--sandboxes", type=int, default=2, help="how many sandboxes work side by side")
    options = parser.parse_args()
    waiting: SimpleQueue[Job] = SimpleQueue()
    with ThreadPoolExecutor(options.sandboxes) as pool:
        resting = pool.submit(_dependents).result()
        for permission in options.permissions or worth_trying(resting, options.how):
            waiting.put((permission, options.how))
        workers = [pool.submit(_work, waiting, resting) for _ in range(options.sandboxes)]
        denials = [denial for worker in workers for denial in worker.result()]
    greens = sum(len(one.greens) for one in denials)
    print(f"{len(denials)} permissions {_WORDS.get(options.how, options.how)} in turn: {greens} false greens")
    return 0 if all(one.holds for one in denials) else 1


_WORDS = {
    "denied": "denied",
    "throttled": "throttled",
    "hang": "left without an answer",
    "empty": "answered with nothing",
}


def _dependents() -> Dependents:
    with running_sandbox() as sandbox:
        return dependents(sandbox.run_suite("-q"))


def _work(waiting: SimpleQueue[Job], resting: Dependents) -> list[Denial]:
    denials: list[Denial] = []
    with running_sandbox() as sandbox:
        while not waiting.empty():
            permission, how = waiting.get()
            denial = denied(sandbox, permission, how, resting[permission])
            denials.append(denial)
            print(denial.line(), flush=True)
    return denials


if __name__ == "__main__":
    sys.exit(main())
