"""Images: in the registry, to be pulled from it, and what really runs of them."""

from __future__ import annotations

from typing import Any

import pytest


def _nothing_runs(running_images: Any) -> str:
    return (
        f"{running_images.title} has no pod that runs an image of ECR repository {running_images.repository}"
    )


@pytest.mark.where("image_repository")
def test_image_is_in_its_repository(workload_images: Any) -> None:
    """A tag that was never pushed, or that a lifecycle policy has deleted, lets no new pod start."""
    repository, title = workload_images.repository, workload_images.title
    assert repository.found, f"there is no ECR repository {repository.name}, from which {title} has its image"
    assert workload_images.items, (
        f"{title} uses {', '.join(workload_images.all) or 'no image'}, nothing of ECR repository "
        f"{repository.name}"
    )
    newest = ", ".join(repository.newest_tags()) or "none"
    assert not workload_images.missing, (
        f"{title} uses {', '.join(workload_images.missing)}, which ECR repository {repository.name} does not "
        f"have; its newest tags: {newest}"
    )


@pytest.mark.where("image_repository")
def test_repository_lets_the_nodes_pull(pull_rights: Any) -> None:
    """A repository whose policy denies the nodes' role starts no pod on a node that lacks the image."""
    denied = [f"{' and '.join(each.actions)} to role {each.role}" for each in pull_rights.denials]
    assert not denied, (
        f"the policy of ECR repository {pull_rights.repository} denies {'; '.join(denied)}, as which "
        "the nodes pull"
    )


@pytest.mark.needs("cluster")
def test_node_role_may_pull_images(node_roles: Any) -> None:
    """Nodes pull as their own role, whatever ServiceAccount the pod has."""
    refused = [
        f"role {role.name} of the nodes may not pull images: {_some(role.refused)} is not allowed by "
        f"{' and '.join(role.policies) or 'anything, for it has no policies'}"
        for role in node_roles.items
        if role.refused
    ]
    assert not refused, "; ".join(refused)


def _some(refused: Any) -> str:
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    return f"{refused[0]}{more}"


@pytest.mark.where("image_repository")
def test_pods_run_what_their_tag_stands_for(running_images: Any) -> None:
    """A tag that was pushed again runs as the old image wherever a node has kept it."""
    assert running_images.items, _nothing_runs(running_images)
    stale = [
        f"pod {image.pod} runs {image.digest} of {image.reference}, whose tag is {image.current} in ECR now"
        for image in running_images.items
        if not image.is_current
    ]
    assert not stale, "; ".join(stale)


@pytest.mark.where("image_repository", "follows_release")
def test_release_is_live(workload_images: Any, running_images: Any, release: Any) -> None:
    """Synced means only that the cluster is as Git says; whether Git says this release is another matter."""
    title = workload_images.title
    assert workload_images.items, f"{title} uses no image of ECR repository {workload_images.repository.name}"
    declared = [(f"{title} uses", item) for item in workload_images.items]
    running = [(f"pod {item.pod} runs", item) for item in running_images.items]
    wrong = [f"{who} {release.told(item)}" for who, item in (*declared, *running) if not release.is_of(item)]
    assert not wrong, f"{'; '.join(wrong)}, not release {release.revision}"
    assert running, f"{_nothing_runs(running_images)}, so release {release.revision} is not live"
