"""S3 buckets: who may use them, and from which browser origins."""

from __future__ import annotations

from fnmatch import fnmatchcase

from postflight.evidence import Evidence
from postflight.probes.aws.arns import parsed
from postflight.probes.aws.conditions import of_a_role
from postflight.probes.aws.policies import Request, Statement, allows, denies, statements, surely
from postflight.probes.connections import Connections
from postflight.probes.reads import reads


class Bucket(Evidence):
    """Whether there is a bucket of this name that we may see."""

    found: bool = True
    name: str


class CorsRule(Evidence):
    """One CORS rule of a bucket."""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()

    def admits(self, origin: str, method: str) -> bool:
        """Whether it lets a page on `origin` use `method`."""
        return method in self.methods and any(fnmatchcase(origin, pattern) for pattern in self.origins)


class Cors(Evidence):
    """The CORS rules of a bucket; none is an answer too."""

    found: bool = True
    bucket: str
    rules: tuple[CorsRule, ...] = ()

    def refused(self, origin: str, methods: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of `methods` that no rule grants to `origin`."""
        return tuple(
            method for method in methods if not any(rule.admits(origin, method) for rule in self.rules)
        )


class BucketPolicy(Evidence):
    """The policy of a bucket."""

    found: bool = True
    bucket: str
    statements: tuple[Statement, ...] = ()

    def denied(self, role_arn: str, actions: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of the actions that a statement denies to the role. Over TLS, from anywhere."""
        return surely(actions, lambda action: denies(self.statements, self._request(role_arn, action)))

    def allows(self, role_arn: str, action: str) -> bool:
        """Whether a statement lets the role in for this, and none denies it."""
        return allows(self.statements, self._request(role_arn, action))

    def _request(self, role_arn: str, action: str) -> Request:
        return Request(
            policy=f"policy of bucket {self.bucket}",
            action=action,
            resource=self._resource(role_arn, action),
            context=of_a_role(role_arn),
            principal=role_arn,
        )

    def _resource(self, role_arn: str, action: str) -> str:
        role = parsed(role_arn)
        arn = f"arn:{role.partition if role is not None else 'aws'}:s3:::{self.bucket}"
        return arn if action == "s3:ListBucket" else f"{arn}/any-object"


class PublicAccessBlock(Evidence):
    """The four switches that keep a bucket private, and those that are off."""

    found: bool = True
    bucket: str
    off: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every switch is on."""
        return self.found and not self.off


_SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_NO_BUCKET = ("404", "NoSuchBucket")


@reads("s3:ListBucket")
def bucket(connections: Connections, name: str) -> Bucket:
    """Look whether a bucket exists."""
    found = connections.aws.one("s3", "HeadBucket", None, Bucket=name, absent=_NO_BUCKET)
    return Bucket(found=found is not None, name=name)


@reads("s3:GetBucketCORS")
def cors(connections: Connections, name: str) -> Cors:
    """Look at a bucket's CORS rules."""
    absent = (*_NO_BUCKET, "NoSuchCORSConfiguration")
    found = connections.aws.one("s3", "GetBucketCors", "CORSRules", Bucket=name, absent=absent)
    if found is None:
        return Cors(found=False, bucket=name)
    return Cors(
        bucket=name,
        rules=tuple(
            CorsRule(
                origins=tuple(item.get("AllowedOrigins", ())),
                methods=tuple(item.get("AllowedMethods", ())),
                headers=tuple(item.get("AllowedHeaders", ())),
            )
            for item in found
        ),
    )


@reads("s3:GetBucketPolicy")
def policy(connections: Connections, name: str) -> BucketPolicy:
    """Look at a bucket's policy."""
    absent = (*_NO_BUCKET, "NoSuchBucketPolicy")
    found = connections.aws.one("s3", "GetBucketPolicy", "Policy", Bucket=name, absent=absent)
    if found is None:
        return BucketPolicy(found=False, bucket=name)
    return BucketPolicy(bucket=name, statements=statements(found))


@reads("s3:GetBucketPublicAccessBlock")
def public_access_block(connections: Connections, name: str) -> PublicAccessBlock:
    """Look at a bucket's public access block."""
    absent = (*_NO_BUCKET, "NoSuchPublicAccessBlockConfiguration")
    key = "PublicAccessBlockConfiguration"
    found = connections.aws.one("s3", "GetPublicAccessBlock", key, Bucket=name, absent=absent)
    if found is None:
        return PublicAccessBlock(found=False, bucket=name, off=_SWITCHES)
    return PublicAccessBlock(bucket=name, off=tuple(name for name in _SWITCHES if not found.get(name)))
