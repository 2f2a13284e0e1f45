"""What the environment should be: names, and what differs by machine from the process's variables."""

import os
from dataclasses import dataclass, field

PREFIX = "min-kyeol-sandbox"
ACCOUNT = "123456789012"
REGION = "ap-northeast-2"
CLUSTER = f"{PREFIX}-eks"
VPC = f"{PREFIX}-vpc"
ZONES = ("a", "b", "c")
SUBNETS = tuple((tier, zone) for tier in ("public", "private") for zone in ZONES)
NODE_GROUP = f"{PREFIX}-node-sg"
LOAD_BALANCER_GROUP = f"{PREFIX}-alb-sg"
MEDIA_BUCKET = f"{PREFIX}-media-{ACCOUNT}-{REGION}"
API_ROLE = f"{PREFIX}-saleor-api-role"
STATE_BUCKET = f"min-kyeol-tfstate-{ACCOUNT}"
STATE_KEY = "sandbox/terraform.tfstate"
LOCK_TABLE = "min-kyeol-terraform-locks"

CA = os.environ.get("SANDBOX_CA", "")
STORES_CA = os.environ.get("SANDBOX_RDS_CA", "")
HTTPS_PORT = int(os.environ.get("SANDBOX_HTTPS_PORT", "443"))
RESOLVER, _, RESOLVER_PORT = os.environ.get("SANDBOX_DNS", "127.0.0.1:53").partition(":")
DISTRIBUTION = os.environ.get("SANDBOX_DISTRIBUTION_ID", "")

STORE = "sandbox-kyeol.click"
ORIGIN = "origin-sandbox-kyeol.click"
DASHBOARD = "dashboard-sandbox.kyeol.click"
DOA = "api-sandbox.doa-market.click"
HOSTS = (STORE, ORIGIN, DASHBOARD, DOA)
ZONE_OF = {STORE: STORE, ORIGIN: ORIGIN, DASHBOARD: "kyeol.click", DOA: "doa-market.click"}
INGRESS_OF = {ORIGIN: "saleor/saleor", DASHBOARD: "saleor/saleor", DOA: "doa-market-shared"}
ORIGINS = (f"https://{STORE}", f"https://{DASHBOARD}")

CERTIFICATES = {
    "saleor": (os.environ.get("SANDBOX_KYEOL_CERTIFICATE_ARN", ""), (ORIGIN, DASHBOARD, STORE)),
    "doa-market": (os.environ.get("SANDBOX_DOA_CERTIFICATE_ARN", ""), (DOA,)),
}
INGRESSES = {"saleor": "saleor", "doa-market": "doa-market-prod"}
# What the load balancer controller tags a load balancer with: the IngressGroup, or namespace and name.
STACKS = {"saleor": "saleor/saleor", "doa-market": "doa-market-shared"}
BACKENDS = {
    "saleor-api": "saleor/saleor-saleor-api:8000",
    "saleor-storefront": "saleor/saleor-saleor-storefront:3000",
    "saleor-dashboard": "saleor/saleor-saleor-dashboard:80",
    "api-gateway": "doa-market-prod/doa-market-api-gateway:3000",
}
CONTROLLERS = {
    "aws-load-balancer-controller": (f"{PREFIX}-alb-controller-role", "ALBControllerPolicy"),
    "external-dns": (f"{PREFIX}-external-dns-role", "ExternalDNSPolicy"),
}
APPLICATIONS = ("kyeol-sandbox", "doa-market-backend-prod")


@dataclass(frozen=True)
class Server:
    """A database server: where its login is, and how it should be set up."""

    name: str
    version: str
    user: str
    database: str
    namespace: str
    secret: str
    tls_is_required: bool
    group: str
    subnet_group: str
    parameter_group: str


@dataclass(frozen=True)
class Cache:
    """A cache: where its token is."""

    name: str
    namespace: str
    secret: str


@dataclass(frozen=True)
class Service:
    """A service of the cluster, and what its containers are to be told (None: anything)."""

    name: str
    namespace: str = "doa-market-prod"
    port: int = 3000
    path: str = "/health"
    body: str | None = "ok"
    replicas: int = 1
    database: str | None = None
    repository: str = ""
    required: dict[str, str | None] = field(default_factory=dict)


SERVERS = (
    Server(
        f"{PREFIX}-rds", "17.10", "saleor_admin", "saleordb", "saleor", "saleor-db-secret",
        tls_is_required=True, group=f"{PREFIX}-rds-sg", subnet_group=f"{PREFIX}-db-subnet-group",
        parameter_group=f"{PREFIX}-postgres17",
    ),
    Server(
        "doa-market-rds", "17.4", "doaadmin", "postgres", "doa-market-prod", "db-credentials-prod",
        tls_is_required=False, group="doa-market-rds-sg", subnet_group="doa-market-db-subnet-group",
        parameter_group="doa-market-postgres17",
    ),
)  # fmt: skip
CACHES = (
    Cache(f"{PREFIX}-valkey", "saleor", "saleor-cache-secret"),
    Cache("doa-market-redis", "doa-market-prod", "redis-credentials-prod"),
)

_OFF = {"RABBITMQ_ENABLED": "false"}
_EXTRA: dict[str, dict[str, str | None]] = {
    "payment": {**_OFF},
    "search": {**_OFF, "OPENSEARCH_ENABLED": "false"},
    "inventory": {**_OFF},
    "file": {"UPLOAD_DIR": "/tmp/uploads"},  # noqa: S108 - what the service is told
}
_NAMES = (
    "admin", "auth", "product", "order", "payment", "user", "cart", "review", "notification", "search",
    "inventory", "seller", "banner", "coupon", "shipping", "stats", "settlement", "file",
)  # fmt: skip


def _with_database(name: str) -> Service:
    database = f"{name}_service"
    required: dict[str, str | None] = {
        "DB_HOST": None, "DB_NAME": database, "DB_USER": None, "DB_PASSWORD": None, "DB_SSL": "false",
        "LOG_DIR": "/tmp/logs",  # noqa: S108 - what the service is told
    }  # fmt: skip
    required.update(_EXTRA.get(name, {}))
    service = f"{name}-service"
    return Service(service, database=database, repository=f"doa-market-{service}", required=required)


_API = {
    "DATABASE_URL": None, "SECRET_KEY": None, "REDIS_URL": None, "AWS_MEDIA_BUCKET_NAME": MEDIA_BUCKET,
    "ALLOWED_CLIENT_HOSTS": None,
}  # fmt: skip
_GATEWAY = {"REDIS_HOST": None, "REDIS_PASSWORD": None, "LOG_DIR": "/tmp/logs"}  # noqa: S108
SERVICES = (
    Service(
        "saleor-api", "saleor", 8000, "/health/", replicas=2, database="saleordb",
        repository=f"{PREFIX}-saleor-api", required=_API,
    ),
    Service(
        "saleor-storefront", "saleor", path="/", body=None, repository=f"{PREFIX}-saleor-storefront",
        required={"NEXT_PUBLIC_API_URI": f"https://{ORIGIN}:{HTTPS_PORT}/graphql/"},
    ),
    Service(
        "saleor-dashboard", "saleor", 80, "/", body=None, repository=f"{PREFIX}-saleor-dashboard",
    ),
    Service("api-gateway", repository="doa-market-api-gateway", required=_GATEWAY),
    *(_with_database(name) for name in _NAMES),
)  # fmt: skip
