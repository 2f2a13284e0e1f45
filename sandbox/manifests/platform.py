"""What the systems stand on: namespaces, nodes, the controllers in kube-system, Argo CD."""

from __future__ import annotations

from sandbox import names
from sandbox.facts import Facts
from sandbox.manifests.objects import Manifest, container, deployment, manifest, service_account


def namespaces() -> list[Manifest]:
    """Give the namespaces, in the order in which they must exist."""
    every = ("default", "kube-system", "argocd", names.KYEOL_NAMESPACE, names.DOA_NAMESPACE)
    return [
        manifest("v1", "Namespace", name, None, metadata={"labels": {"kubernetes.io/metadata.name": name}})
        for name in every
    ]


def nodes(facts: Facts) -> list[tuple[Manifest, Manifest]]:
    """Give the worker nodes, each with the status its kubelet would report."""
    return [
        (_node(node, instance), _node_status(node))
        for node, instance in zip(names.NODES, facts.instance_ids, strict=True)
    ]


def _node(node: names.NodeFacts, instance: str) -> Manifest:
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": "t3.medium",
        "topology.kubernetes.io/region": names.REGION,
        "topology.kubernetes.io/zone": node.zone,
        "eks.amazonaws.com/capacityType": node.capacity,
        "eks.amazonaws.com/nodegroup": f"{names.PREFIX}-nodes",
    }
    spec = {"providerID": f"aws:///{node.zone}/{instance}"}
    return manifest("v1", "Node", node.name, None, metadata={"labels": labels}, spec=spec)


def _node_status(node: names.NodeFacts) -> Manifest:
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
    }
    return {
        "allocatable": {"cpu": "1930m", "memory": "3388360Ki", "pods": "29"},
        "capacity": {"cpu": "2", "memory": "3943368Ki", "pods": "29"},
        "conditions": [ready],
        "addresses": [
            {"type": "InternalIP", "address": node.address},
            {"type": "InternalDNS", "address": node.name},
        ],
        "nodeInfo": {
            "kubeletVersion": "v1.32.9-eks-113cf36",
            "osImage": "Amazon Linux 2023.9.20251208",
            "kernelVersion": "6.1.158-178.288.amzn2023.x86_64",
            "containerRuntimeVersion": "containerd://2.1.5",
            "kubeProxyVersion": "v1.32.9-eks-113cf36",
            "operatingSystem": "linux",
            "architecture": "amd64",
            "machineID": "",
            "systemUUID": "",
            "bootID": "",
        },
    }


def controllers() -> list[Manifest]:
    """Give what runs in kube-system, and the class that hands Ingresses to the load balancer controller."""
    system = "kube-system"
    chart = "app.kubernetes.io/name"
    controller = container(
        names.ALB_CONTROLLER,
        "public.ecr.aws/eks/aws-load-balancer-controller:v2.13.4",
        9443,
        None,
        args=[f"--cluster-name={names.CLUSTER}", "--ingress-class=alb"],
    )
    dns = container(
        names.EXTERNAL_DNS,
        "registry.k8s.io/external-dns/external-dns:v0.19.0",
        7979,
        None,
        args=_external_dns_arguments(),
    )
    return [
        service_account(system, names.ALB_CONTROLLER, names.ALB_CONTROLLER_ROLE),
        service_account(system, names.EXTERNAL_DNS, names.EXTERNAL_DNS_ROLE),
        manifest(
            "networking.k8s.io/v1", "IngressClass", "alb", None, spec={"controller": "ingress.k8s.aws/alb"}
        ),
        deployment(system, controller, 2, account=names.ALB_CONTROLLER, **{chart: names.ALB_CONTROLLER}),
        deployment(system, dns, 1, account=names.EXTERNAL_DNS, **{chart: names.EXTERNAL_DNS}),
    ]


def _external_dns_arguments() -> list[str]:
    # A long interval: like the real one between two rounds, it does not notice what others do to its records.
    filters = [f"--domain-filter={zone}" for zone in names.HOSTED_ZONES]
    owner = f"--txt-owner-id={names.EXTERNAL_DNS_OWNER}"
    return ["--source=ingress", "--provider=aws", "--registry=txt", "--policy=sync", "--events",
            "--interval=24h", owner, *filters]  # fmt: skip


def applications() -> list[Manifest]:
    """Give the Argo CD Applications, one a system."""
    return [
        _application(names.KYEOL_APPLICATION, names.KYEOL_NAMESPACE, "kyeol-app-gitops", "overlays/sandbox"),
        _application(names.DOA_APPLICATION, names.DOA_NAMESPACE, "doa-market", "helm/doa-market"),
    ]


def _application(name: str, namespace: str, repository: str, path: str) -> Manifest:
    spec = {
        "project": "default",
        "source": {
            "repoURL": f"https://github.com/example/{repository}.git",
            "path": path,
            "targetRevision": "main",
        },
        "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
        "syncPolicy": {"automated": {"prune": False, "selfHeal": False}},
    }
    return manifest("argoproj.io/v1alpha1", "Application", name, "argocd", spec=spec)
