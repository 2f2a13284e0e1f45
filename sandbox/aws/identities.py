"""Who calls: access keys, their account and their ARN."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from sandbox.aws.errors import Answer

ACCOUNT = "123456789012"
OTHER_ACCOUNT = "999999999999"
ADMIN_PREFIX = "SANDBOXADMIN"
EXPIRED_PREFIX = "ASIAEXPIRED"
UNKNOWN_PREFIX = "AKIAUNKNOWN"
OTHER_ACCOUNT_PREFIX = "AKIAOTHERACCOUNT"

Standing = Literal["admin", "user", "role", "anonymous", "expired", "unknown-key"]


@dataclass(frozen=True)
class Identity:
    """A caller: `arn` as GetCallerIdentity gives it, and the role behind an assumed-role session."""

    standing: Standing
    account: str
    arn: str
    role: str | None = None

    @property
    def principals(self) -> tuple[str, ...]:
        """Every name by which a resource policy may mean this caller."""
        if self.standing == "anonymous":
            return ()
        names = (self.arn, self.account, f"arn:aws:iam::{self.account}:root")
        return (*names, self.role) if self.role else names


def identify(access_key: str | None) -> Identity:
    """Tell who an access key belongs to. A key nobody issued is an ordinary user of the sandbox's account."""
    if access_key is None:
        return Identity("anonymous", ACCOUNT, "anonymous")
    if access_key.startswith(ADMIN_PREFIX):
        return Identity("admin", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/sandbox-admin")
    if access_key.startswith(EXPIRED_PREFIX):
        return Identity("expired", ACCOUNT, "expired")
    if access_key.startswith(UNKNOWN_PREFIX):
        return Identity("unknown-key", ACCOUNT, "unknown")
    if access_key.startswith(OTHER_ACCOUNT_PREFIX):
        return Identity("user", OTHER_ACCOUNT, f"arn:aws:iam::{OTHER_ACCOUNT}:user/postflight")
    return _issued(access_key)


def caller_identity(identity: Identity) -> Answer:
    """Answer GetCallerIdentity for a user (moto calls every user it does not know `moto`)."""
    number = hashlib.sha256(identity.arn.encode()).hexdigest()[:17].upper()
    request_id = str(uuid4())
    body = (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        f"<Arn>{identity.arn}</Arn><UserId>AIDA{number}</UserId><Account>{identity.account}</Account>"
        f"</GetCallerIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        "</GetCallerIdentityResponse>"
    )
    return Answer(200, (("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)), body.encode())


def foreign(account: str) -> Identity:
    """Give the identity of the suite's user in another account."""
    return Identity("user", account, f"arn:aws:iam::{account}:user/postflight")


def _issued(access_key: str) -> Identity:
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    session: Any = sts_backends[ACCOUNT]["aws"].get_assumed_role_from_access_key(access_key)
    if session is not None:
        return Identity("role", ACCOUNT, str(session.arn), str(session.role_arn))
    user: Any = iam_backends[ACCOUNT]["aws"].get_user_from_access_key_id(access_key)
    arn = str(user.arn) if user is not None else f"arn:aws:iam::{ACCOUNT}:user/outsider"
    return Identity("user", ACCOUNT, arn)
