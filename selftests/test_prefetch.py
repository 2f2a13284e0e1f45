"""Asking ahead: many tasks, few looks at a time, and nobody who only waits keeps another from looking."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from postflight.crew import Crew, crew_of_this_thread
from postflight.evidence import LiveAnswers, Looking, Question

DEADLINE_S = 10.0


def _looking(name: str, look: Callable[[], object]) -> Looking:
    return Looking(Question(name, "{}"), look, object, DEADLINE_S)


def test_task_that_waits_for_anothers_look_lends_out_its_place() -> None:
    """Six checks that read one slow listing must not keep the slowest chain of looks from beginning."""
    answers = LiveAnswers()
    listed, other_began = threading.Event(), threading.Event()
    listing = _looking("listing", partial(listed.wait, DEADLINE_S))
    other = _looking("other", other_began.set)
    readers = [partial(answers.ask, listing)] * 6
    answers.prefetch([*readers, partial(answers.ask, other)], 2)
    began_meanwhile = other_began.wait(DEADLINE_S)
    listed.set()
    assert began_meanwhile
    assert answers.ask(listing) is True


def test_no_more_looks_than_places_are_under_way() -> None:
    """Sockets, file descriptors and the other side's limits are what the number of places is for."""
    answers = LiveAnswers()
    lock, under_way, most = threading.Lock(), set[int](), 0

    def look(number: int) -> int:
        nonlocal most
        with lock:
            under_way.add(number)
            most = max(most, len(under_way))
        time.sleep(0.01)
        with lock:
            under_way.remove(number)
        return number

    lookings = [_looking(f"look-{number}", partial(look, number)) for number in range(24)]
    answers.prefetch([partial(answers.ask, one) for one in lookings for _ in range(2)], 3)
    assert [answers.ask(one) for one in lookings] == list(range(24))
    assert most <= 4  # three places, and the test itself, which asks for what nobody has begun


def test_task_that_has_waited_goes_on_before_others_begin() -> None:
    """The longest chain of looks ends the run: it must not queue behind what has not begun."""
    order: list[str] = []
    is_listed, is_over = threading.Event(), threading.Event()

    def chain() -> None:
        crew = crew_of_this_thread()
        assert crew is not None
        with crew.place_lent():
            is_listed.wait(DEADLINE_S)
        order.append("chain")

    def listing() -> None:
        is_listed.set()
        time.sleep(0.1)
        order.append("listing")

    others = [partial(order.append, f"other {number}") for number in range(5)]
    Crew([chain, listing, *others, is_over.set], places=1).begin()
    assert is_over.wait(DEADLINE_S)
    assert order[:2] == ["listing", "chain"]
    assert sorted(order[2:]) == [f"other {number}" for number in range(5)]


def test_all_tasks_are_done_however_many_wait_for_each_other() -> None:
    """A place that is lent and not given on would leave checks without evidence until their deadline."""
    answers = LiveAnswers()
    done = threading.Semaphore(0)

    def read(number: int) -> None:
        for depth in range(3):
            answers.ask(_looking(f"listing-{depth}-{number % 4}", partial(time.sleep, 0.002)))
        done.release()

    for _ in range(5):
        answers.prefetch([partial(read, number) for number in range(120)], 4)
        assert all(done.acquire(timeout=DEADLINE_S) for _ in range(120))
        answers = LiveAnswers()


_FEW_THREADS = """\
import resource
import sys
import threading
import time
from functools import partial

from postflight.evidence import LiveAnswers, Looking, Question
from postflight.probes.deadlines import alarm


def look(number):
    ends = alarm(10, print)
    time.sleep(0.05)
    ends.cancel()
    return number


threads = int(sys.argv[1])
stack = 256 << 20
threading.stack_size(stack)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + threads * stack + (64 << 20),) * 2)
answers = LiveAnswers()
lookings = [Looking(Question(f"look-{n}", "{}"), partial(look, n), object, 10.0) for n in range(40)]
answers.prefetch([partial(answers.ask, one) for one in lookings[:20]], 8)
print([answers.ask(one) for one in lookings] == list(range(40)))
"""


@pytest.mark.parametrize("threads", ["0", "2"])
def test_run_goes_on_with_the_threads_that_it_gets(threads: str) -> None:
    """A container's limit of processes makes a run slower; it must neither end nor hang it."""
    done = subprocess.run(
        [sys.executable, "-c", _FEW_THREADS, threads],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
