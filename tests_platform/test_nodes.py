"""The cluster's worker nodes."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.needs("cluster")
def test_nodes_are_ready(worker_nodes: Any) -> None:
    """Pods on a node that is not ready are moved away, to nodes that may have no room for them."""
    assert worker_nodes.items, "the cluster has no node at all"
    lost = [
        f"node {node.name} is not ready ({node.trouble})" for node in worker_nodes.items if not node.is_ready
    ]
    assert not lost, "; ".join(lost)


@pytest.mark.needs("cluster")
def test_nodes_have_room(cluster_room: Any) -> None:
    """When every node is full, no rollout, no Job and no replacement of a lost pod can start."""
    assert cluster_room.items or cluster_room.is_fargate, "the cluster has no node that takes pods"
    full = [room.words for room in cluster_room.items if room.is_full]
    assert not full or len(full) < len(cluster_room.items), f"every node is full: {'; '.join(full)}"
