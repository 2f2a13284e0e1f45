"""`make faults`: breaks the sandbox in each way in turn, and says what the suite made of it."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from queue import Empty, SimpleQueue
from typing import TextIO

from postflight.environment_files import nearest
from selftests.proofs.expected import EVERY, EXPECTED
from selftests.proofs.harness import Sandbox, running_sandbox, sandbox_that_is_up
from selftests.proofs.pairs import pairs
from selftests.proofs.proof import Proof, prove, still_failing
from selftests.proofs.seen import record
from selftests.proofs.table import table

Work = SimpleQueue[tuple[str, ...]]


def main() -> int:
    """Prove the named faults, or all; exit status 1 unless each holds."""
    parser = _parser()
    options = parser.parse_args()
    if options.table:
        sys.stdout.write(table())
        return 0
    chosen = _chosen(options)
    unknown = sorted({name for names in chosen for name in names} - EVERY.keys())
    if unknown:
        parser.error(f"no fault {', '.join(unknown)}.{nearest(unknown[0], EVERY)} docs/faults.md has all.")
    waiting: Work = SimpleQueue()
    for names in chosen:
        waiting.put(names)
    sandboxes = 1 if options.here else min(options.sandboxes, waiting.qsize())
    with ThreadPoolExecutor(sandboxes) as pool:
        workers = [pool.submit(_work, waiting, options) for _ in range(sandboxes)]
        proofs = [proof for worker in workers for proof in worker.result()]
    if options.json:
        print(json.dumps([asdict(proof) for proof in proofs], indent=2))
    print(_total(proofs, "pairs" if options.pairs else "faults"), file=_told_on(options))
    return 0 if all(proof.holds for proof in proofs) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m selftests.proofs", description=__doc__)
    parser.add_argument(
        "faults",
        nargs="*",
        metavar="FAULT",
        help="default: all; in quotes: with parameters, several at once ('a + b')",
    )
    parser.add_argument("--variants", action="store_true", help="the faults' variants too")
    parser.add_argument("--pairs", type=int, default=0, metavar="N", help="in place of that, N pairs at once")
    parser.add_argument("--seed", type=int, default=1, help="which pairs")
    parser.add_argument("--table", action="store_true", help="print docs/faults.md and break nothing")
    parser.add_argument(
        "--quick", action="store_true", help="look at the mended sandbox once, at the end, not each time"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, and what is for people as errors")
    parser.add_argument("--sandboxes", type=int, default=2, help="how many sandboxes work side by side")
    parser.add_argument("--here", action="store_true", help="on the sandbox that is up, in place of new ones")
    return parser


def _chosen(options: argparse.Namespace) -> Sequence[tuple[str, ...]]:
    if options.pairs:
        return pairs(options.pairs, options.seed)
    return [tuple(name.split(" + ")) for name in options.faults or (EVERY if options.variants else EXPECTED)]


def _work(waiting: Work, options: argparse.Namespace) -> list[Proof]:
    proofs: list[Proof] = []
    with sandbox_that_is_up() if options.here else running_sandbox() as sandbox:
        for names in _drawn(waiting):
            proofs.append(_proof(sandbox, names, look_again=not options.quick))
            print(proofs[-1].line(), file=_told_on(options), flush=True)
            if len(names) == 1:
                record(proofs[-1:])
        if options.quick and proofs:
            proofs[-1] = replace(proofs[-1], still_failing=still_failing(sandbox))
            for one in proofs[-1].still_failing:
                print(f"  not mended: {one}", file=sys.stderr)
    return proofs


def _told_on(options: argparse.Namespace) -> TextIO:
    return sys.stderr if options.json else sys.stdout


def _drawn(waiting: Work) -> Iterator[tuple[str, ...]]:
    with suppress(Empty):
        while True:
            yield waiting.get_nowait()


def _proof(sandbox: Sandbox, names: tuple[str, ...], *, look_again: bool) -> Proof:
    try:
        return prove(sandbox, *names, look_again=look_again)
    except (RuntimeError, subprocess.SubprocessError) as error:
        # The sandbox or the run gave up: the fault is not proved, the others still can be.
        return Proof(" + ".join(names), False, False, 0, (str(error),), (), (), 0.0)


def _total(proofs: list[Proof], what: str) -> str:
    return (
        f"{len(proofs)} {what}: {sum(one.detected for one in proofs)} detected, "
        f"{sum(one.is_named for one in proofs)} causes right, "
        f"{sum(len(one.unexplained) for one in proofs)} unexplained failures, "
        f"{sum(len(one.still_failing) for one in proofs)} failures when healthy"
    )


if __name__ == "__main__":
    sys.exit(main())
