"""The pretend world: one AWS account, one EKS cluster, and the two systems that live in it.

Everything here is known before anything runs. What only a running sandbox knows (ports, certificate ARNs,
endpoints, passwords) is in `sandbox.facts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ACCOUNT: Final = "123456789012"
OTHER_ACCOUNT: Final = "999999999999"
LOOPBACK: Final = "127.0.0.1"
REGION: Final = "ap-northeast-2"
ZONES: Final = ("ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c")
PREFIX: Final = "min-kyeol-sandbox"
RELEASE: Final = "7114918"
CONTEXT: Final = "sandbox"
REGISTRY: Final = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"

CLUSTER: Final = f"{PREFIX}-eks"
VPC: Final = f"{PREFIX}-vpc"
NODE_GROUP: Final = f"{PREFIX}-node-sg"
ALB_GROUP: Final = f"{PREFIX}-alb-sg"

KYEOL_DATABASE: Final = f"{PREFIX}-rds"
KYEOL_DATABASE_GROUP: Final = f"{PREFIX}-rds-sg"
KYEOL_CACHE: Final = f"{PREFIX}-valkey"
KYEOL_CACHE_GROUP: Final = f"{PREFIX}-valkey-sg"
KYEOL_DATABASE_NAME: Final = "saleordb"
KYEOL_DATABASE_USER: Final = "saleor_admin"
KYEOL_NAMESPACE: Final = "saleor"
KYEOL_APPLICATION: Final = "kyeol-sandbox"
MEDIA_BUCKET: Final = f"{PREFIX}-media-{ACCOUNT}-{REGION}"

DOA_DATABASE: Final = "doa-market-rds"
DOA_DATABASE_INSTANCE: Final = "doa-market-rds-instance-1"
DOA_DATABASE_GROUP: Final = "doa-market-rds-sg"
DOA_CACHE: Final = "doa-market-redis"
DOA_CACHE_GROUP: Final = "doa-market-redis-sg"
DOA_DATABASE_USER: Final = "doaadmin"
DOA_NAMESPACE: Final = "doa-market-prod"
DOA_APPLICATION: Final = "doa-market-backend-prod"
DOA_INGRESS_GROUP: Final = "doa-market-shared"

ALB_CONTROLLER: Final = "aws-load-balancer-controller"
ALB_CONTROLLER_ROLE: Final = f"{PREFIX}-alb-controller-role"
ALB_CONTROLLER_POLICY: Final = "ALBControllerPolicy"
EXTERNAL_DNS: Final = "external-dns"
EXTERNAL_DNS_ROLE: Final = f"{PREFIX}-external-dns-role"
EXTERNAL_DNS_POLICY: Final = "ExternalDNSPolicy"
EXTERNAL_DNS_OWNER: Final = f"{PREFIX}-externaldns"
API_ROLE: Final = f"{PREFIX}-saleor-api-role"
API_POLICY: Final = "S3MediaAccess"
NODE_ROLE: Final = f"{PREFIX}-node-role"

STORE_HOST: Final = "sandbox-kyeol.click"
ORIGIN_HOST: Final = "origin-sandbox-kyeol.click"
DASHBOARD_HOST: Final = "dashboard-sandbox.kyeol.click"
DOA_HOST: Final = "api-sandbox.doa-market.click"
RDS_DOMAIN: Final = f"c7hq2sandbox.{REGION}.rds.amazonaws.com"
CACHE_DOMAIN: Final = "k7qsnd.apn2.cache.amazonaws.com"
# From where its users, and we, reach the load balancers; everybody else comes by way of the CDN.
CLIENTS: Final = "203.0.113.0/24"
HOSTED_ZONES: Final = ("kyeol.click", STORE_HOST, ORIGIN_HOST, "doa-market.click")

SERVICES: Final = (
    "admin-service",
    "auth-service",
    "product-service",
    "order-service",
    "payment-service",
    "user-service",
    "cart-service",
    "review-service",
    "notification-service",
    "search-service",
    "inventory-service",
    "seller-service",
    "banner-service",
    "coupon-service",
    "shipping-service",
    "stats-service",
    "settlement-service",
    "file-service",
)
GATEWAY: Final = "api-gateway"
RABBITMQ_SERVICES: Final = ("inventory-service", "payment-service", "search-service")
DATABASES: Final = tuple(name.replace("-", "_") for name in SERVICES)
SALEOR_WORKLOADS: Final = ("saleor-api", "saleor-storefront", "saleor-dashboard")


@dataclass(frozen=True)
class NodeFacts:
    """One EC2 instance of the node group."""

    address: str
    zone: str
    capacity: str
    pods: str  # the first three octets of its pods' addresses

    @property
    def name(self) -> str:
        """The private DNS name, which is also the Kubernetes node's name."""
        return f"ip-{self.address.replace('.', '-')}.{REGION}.compute.internal"


NODES: Final = (
    NodeFacts("10.0.10.10", ZONES[0], "ON_DEMAND", "10.0.10"),
    NodeFacts("10.0.11.10", ZONES[1], "SPOT", "10.0.11"),
    NodeFacts("10.0.12.10", ZONES[2], "SPOT", "10.0.12"),
)


def role_arn(role: str) -> str:
    """Give the ARN of a role of the sandbox's account."""
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


def image(repository: str, tag: str = RELEASE) -> str:
    """Give the reference of an image in the sandbox's registry."""
    return f"{REGISTRY}/{repository}:{tag}"


def repository_of(workload: str) -> str:
    """Give the ECR repository that a workload's image is pushed to."""
    return f"{PREFIX}-{workload}" if workload.startswith("saleor-") else f"doa-market-{workload}"


REPOSITORIES: Final = tuple(repository_of(name) for name in (*SALEOR_WORKLOADS, GATEWAY, *SERVICES))
