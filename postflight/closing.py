"""How a run stops looking: what it has written is removed, whatever else is under way."""

from __future__ import annotations

from typing import Final

from postflight.evidence import LiveAnswers
from postflight.probes.aws.canary import remove_abandoned
from postflight.probes.aws.canary_upload import REMOVAL_S
from postflight.run import Run

_LONGEST_LOOK_S: Final = 30.0
# What was written is removed within this time; most often in a moment.
_REMOVED_WITHIN_S: Final = REMOVAL_S + 0.5


def give_up(run: Run) -> None:
    """Begin nothing any more, and wait for nothing yet: the run is being interrupted."""
    if isinstance(run.answers, LiveAnswers):
        run.connections.ending.set()
        run.answers.close(0.0, only_writes=True)


def close(run: Run, *, hurries: bool, is_worker: bool) -> None:
    """Let looks end that are under way: another worker may wait for them, and a canary must be removed.

    `hurries`: after Ctrl-C, -x and --deadline only what writes is waited for, and not for long. What a worker
    could not remove before it was killed, the controller removes.
    """
    if not isinstance(run.answers, LiveAnswers):
        return
    if hurries:
        run.connections.ending.set()
    run.answers.close(_REMOVED_WITHIN_S if hurries else _LONGEST_LOOK_S, only_writes=hurries)
    if not is_worker:
        remove_abandoned(run.connections)
        run.connections.canaries.tidy()


def is_removing(run: Run | None) -> bool:
    """Whether a process of this run is still to remove something that it has written, for some seconds.

    A controller writes nothing itself: it must not leave its workers while they remove what they wrote.
    """
    if run is None:
        return False
    canaries = run.connections.canaries
    try:
        return canaries.is_any_pending or any(one.is_of_a_live_process for one in canaries.of_this_run())
    except OSError:
        # No lock can be opened (a full disk, too many open files): the signal ends the run as ever.
        return False
