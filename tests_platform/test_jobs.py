"""Jobs that must have run to their end."""

from __future__ import annotations

from typing import Any


def test_job_has_completed(job: Any, job_pods: Any) -> None:
    """What a Job sets up (databases, migrations) is not there until it has run to its end."""
    assert job.found, f"{job.title} does not exist"
    pending = [
        f"pod {pod.name} is Pending: {pod.scheduling_message}"
        for pod in (job_pods.unscheduled if job_pods else ())
    ]
    failing = [
        f"pod {pod.name}: container {container.name} is {container.trouble}"
        for pod, container in (job_pods.troubled if job_pods else ())
    ]
    why = "; ".join([*pending, *failing]) or job.failure or f"{job.active} active, {job.failed} failed"
    assert job.is_complete, f"{job.title} has not completed: {why}"
