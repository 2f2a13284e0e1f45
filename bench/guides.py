"""The guides' own way: their commands that look, one after the other, where they are installed."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import run

PREFIX = "min-kyeol-sandbox"
DOA = "doa-market-prod"
API = "origin-sandbox-kyeol.click"
BUCKET = f"{PREFIX}-media-123456789012-ap-northeast-2"
_KUBECTL = (
    "get nodes", "describe nodes", "get pods -A -o wide", "get pods -n saleor -o wide",
    f"get pods -n {DOA} -o wide", f"get deployments -n {DOA}", "get deployments -n saleor",
    "get ingress -n saleor", "get ingress -n saleor -o yaml", f"get ingress -n {DOA} -o yaml",
    "get sa aws-load-balancer-controller -n kube-system -o yaml",
    "get sa external-dns -n kube-system -o yaml",
    "get sa saleor-api -n saleor -o yaml", "get deploy external-dns -n kube-system -o yaml",
    "get pods -n kube-system -l app.kubernetes.io/name=aws-load-balancer-controller",
    "logs -n kube-system deploy/aws-load-balancer-controller --tail=100",
    "logs -n kube-system -l app.kubernetes.io/name=external-dns --tail=100",
    "get configmap saleor-api-config -n saleor -o yaml", "get secret saleor-db-secret -n saleor -o yaml",
    "get secret saleor-app-secret -n saleor -o yaml", "get events -n saleor --sort-by=.lastTimestamp",
    "logs -n saleor -l app=saleor-api --tail=100", f"get job -n {DOA} create-databases",
    f"get secret db-credentials-prod -n {DOA} -o yaml", "get applications -n argocd", "get svc -n saleor",
    f"get endpoints -n {DOA}",
)  # fmt: skip
_SERVICES = (
    "admin", "auth", "product", "order", "payment", "user", "cart", "review", "notification", "search",
    "inventory", "seller", "banner", "coupon", "shipping", "stats", "settlement", "file",
)  # fmt: skip
_AWS = (
    "sts get-caller-identity", f"eks describe-cluster --name {PREFIX}-eks",
    "dynamodb scan --table-name min-kyeol-terraform-locks --max-items 10",
    f"rds describe-db-instances --db-instance-identifier {PREFIX}-rds",
    "rds describe-db-clusters --db-cluster-identifier doa-market-rds",
    "elasticache describe-replication-groups", "ec2 describe-vpcs", "ec2 describe-security-groups",
    f"ec2 describe-subnets --filters Name=tag:Name,Values={PREFIX}-public-*",
    f"ec2 describe-subnets --filters Name=tag:Name,Values={PREFIX}-private-*",
    "ec2 describe-route-tables", "ec2 describe-nat-gateways", "ec2 describe-managed-prefix-lists",
    f"iam get-role-policy --role-name {PREFIX}-saleor-api-role --policy-name S3MediaAccess",
    f"iam list-attached-role-policies --role-name {PREFIX}-alb-controller-role",
    f"iam get-role-policy --role-name {PREFIX}-external-dns-role --policy-name ExternalDNSPolicy",
    "elbv2 describe-load-balancers", "elbv2 describe-target-groups", "acm list-certificates",
    "cloudfront list-distributions", "route53 list-hosted-zones",
    f"s3api get-bucket-policy --bucket {BUCKET}",
    f"s3api get-bucket-cors --bucket {BUCKET}", f"ecr describe-images --repository-name {PREFIX}-saleor-api",
)  # fmt: skip


@dataclass(frozen=True)
class Walk:
    """How long the commands took, how many there were, and which tools are missing."""

    seconds: float
    commands: int
    failed: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def words(self) -> str:
        """Say how many commands there were, and what is to know about them."""
        missing = f"; not installed: {', '.join(self.missing)}" if self.missing else ""
        failed = f"; failed: {', '.join(self.failed)}" if self.failed else ""
        return f"{self.commands} commands in sequence, once{missing}{failed}"


def commands(variables: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return the commands, for the sandbox that `variables` lead to."""
    port, ca = variables["SANDBOX_HTTPS_PORT"], variables["SANDBOX_CA"]
    server, _, dns_port = variables["SANDBOX_DNS"].partition(":")
    hosts = (API, "sandbox-kyeol.click", "dashboard-sandbox.kyeol.click", "api-sandbox.doa-market.click")
    curl = ("curl", "-sS", "--cacert", ca, "-o", "/dev/null")
    reach = [(*curl, "--resolve", f"{host}:{port}:127.0.0.1", f"https://{host}:{port}/") for host in hosts]
    query = ("-H", "content-type: application/json", "-d", '{"query": "{ shop { name } }"}')
    graphql = f"https://{API}:{port}/graphql/"
    health = (
        f"get --raw /api/v1/namespaces/{DOA}/services/{name}-service:3000/proxy/health" for name in _SERVICES
    )
    return [
        *(("kubectl", *words.split()) for words in (*_KUBECTL, *health)),
        *(("aws", *words.split()) for words in _AWS),
        *reach,
        (*curl, "--resolve", f"{API}:{port}:127.0.0.1", *query, graphql),
        *(("dig", f"@{server}", "-p", dns_port, "+short", host) for host in hosts),
        *(("psql", *words) for words in _psql(variables)),
        *(("redis-cli", "-p", variables[name], "--tls", "--cacert", variables["SANDBOX_RDS_CA"], "ping")
          for name in ("SANDBOX_KYEOL_VALKEY_PORT", "SANDBOX_DOA_REDIS_PORT")),
    ]  # fmt: skip


def _psql(variables: Mapping[str, str]) -> Sequence[tuple[str, ...]]:
    """Return psql's arguments; the password is asked of nobody, so that a refusal counts as an answer."""
    stores = (
        ("SANDBOX_KYEOL_POSTGRES_PORT", "saleor_admin", "saleordb"),
        ("SANDBOX_DOA_POSTGRES_PORT", "doaadmin", "postgres"),
    )
    return [
        ("-w", "-h", "127.0.0.1", "-p", variables[port], "-U", user, "-d", database, "-c", "\\l")
        for port, user, database in stores
    ]


def walk(variables: Mapping[str, str], folder: Path) -> Walk:
    """Give one command after the other, as somebody with the guide in hand does."""
    chosen = [words for words in commands(variables) if shutil.which(words[0])]
    missing = sorted({words[0] for words in commands(variables)} - {words[0] for words in chosen})
    for tool in sorted({words[0] for words in chosen}):
        # As the others, the tools are measured warm.
        run((tool, "--help"), variables, folder)
    done = [(words, run(words, variables, folder)) for words in chosen]
    # psql has no password here, and is refused: that takes its round trips all the same.
    failed = tuple(" ".join(words[:4]) for words, cost in done if cost.status and words[0] != "psql")
    return Walk(sum(cost.wall_s for _, cost in done), len(done), failed, tuple(missing))
