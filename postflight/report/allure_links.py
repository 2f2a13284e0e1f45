"""Where to look further: the runbook's page and the check in the repository, the thing in the AWS console."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from postflight.run import Run
from postflight.verdicts import Outcome

REPOSITORY_VARIABLE = "POSTFLIGHT_REPOSITORY_URL"

_CONSOLE = {
    "subnet": "vpcconsole/home?region={region}#subnets:",
    "zone": "vpcconsole/home?region={region}#subnets:",
    "nat_gateway": "vpcconsole/home?region={region}#NatGateways:",
    "database_server": "rds/home?region={region}#databases:",
    "database": "rds/home?region={region}#databases:",
    "cache": "elasticache/home?region={region}#/redis",
    "bucket": "s3/buckets?region={region}",
    "bucket_origin": "s3/buckets?region={region}",
    "distribution": "cloudfront/v4/home#/distributions",
    "hosted_zone": "route53/v2/hostedzones",
    "host": "route53/v2/hostedzones",
    "certificate": "acm/home?region={region}#/certificates/list",
    "terraform_state": "s3/buckets?region={region}",
}
_CLUSTER = "eks/home?region={region}#/clusters/{cluster}"


def links(one: Outcome, run: Run) -> Iterator[dict[str, str]]:
    """Yield the links of a result. Those into the repository need its address (`repository`)."""
    page = repository(run.connections.process)
    module, _, test = one.check.partition("::")
    if page is not None:
        guide = one.runbook.get("guide", "").strip("— ")
        entry = f"{page}/runbook/{module.removesuffix('.py')}.md#{test}"
        yield _link(f"runbook (guide: {guide})" if guide else "runbook", entry)
        yield _link("check", f"{page}/{module}")
    region, cluster = run.identity.region, run.identity.cluster
    path = _CONSOLE.get(one.kind or "", _CLUSTER if cluster else None)
    if path is not None:
        name = "EKS console" if path == _CLUSTER else "AWS console"
        where = path.format(region=region, cluster=cluster)
        yield _link(name, f"https://{region}.console.aws.amazon.com/{where}")


def repository(process: Mapping[str, str]) -> str | None:
    """Return the address under which the files of the repository are shown.

    POSTFLIGHT_REPOSITORY_URL (`https://github.com/owner/name/blob/main`), else what GitHub Actions says.
    """
    given = process.get(REPOSITORY_VARIABLE)
    if given:
        return given.rstrip("/")
    server, name = process.get("GITHUB_SERVER_URL"), process.get("GITHUB_REPOSITORY")
    if server and name:
        return f"{server}/{name}/blob/{process.get('GITHUB_SHA', 'HEAD')}"
    return None


def _link(name: str, url: str) -> dict[str, str]:
    return {"name": name, "url": url, "type": "link"}
