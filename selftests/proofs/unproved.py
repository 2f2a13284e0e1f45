"""Checks that no fault of the sandbox makes fail yet, and faults that are proved elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# check -> why not
UNPROVED: Final[Mapping[str, str]] = {
    "tests_infra/test_vpc.py::test_cluster_is_in_the_declared_vpc": "the sandbox's cluster cannot be moved",
    "tests_platform/test_workloads.py::test_deployment_runs_its_current_generation": (
        "the faults replace the old pods at once, so no rollout is ever halfway"
    ),
    "tests_app/test_uploads.py::test_no_canary_is_left": "no fault lets a canary be written and not removed",
    "tests_network/test_dns.py::test_name_servers_answer": (
        "the sandbox's one DNS server is also the run's resolver"
    ),
}

# fault -> where it is proved
ELSEWHERE: Final[Mapping[str, str]] = {"answer-withheld": "selftests/test_never_green.py"}
