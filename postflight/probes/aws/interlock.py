"""Handlers of botocore events that refuse a call before it is sent: what is undeclared changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from postflight.environment import Bucket
from postflight.probes.aws.permissions import CANARY_WRITES, is_read, permission_of
from postflight.probes.reads import UndeclaredReadError, require_declared

ASSUME: Final = "sts:AssumeRole"


def refuse_undeclared(model: Any, **_: Any) -> None:
    """Refuse what the probe that asks has not declared, and every write but the canary's."""
    permission = permission_of(model.service_model.signing_name, model.name)
    if not is_read(model.name) and permission not in CANARY_WRITES:
        raise UndeclaredReadError(f"{permission} is no read; the call was not sent")
    require_declared(permission)


def refuse_foreign_keys(
    buckets: Mapping[str, Bucket], params: Mapping[str, Any], model: Any, **_: Any
) -> None:
    """Refuse to write anything but a canary, and that only where a bucket is declared to take one."""
    if is_read(model.name):
        return
    key = str(params.get("Key", ""))
    if not any(
        bucket.canary and bucket.bucket == params.get("Bucket") and key.startswith(bucket.canary_prefix)
        for bucket in buckets.values()
    ):
        raise UndeclaredReadError(
            f"s3:{model.name} of {params.get('Bucket')}/{key} is no canary; the call was not sent"
        )


def refuse_all_but_assuming(model: Any, **_: Any) -> None:
    """Refuse every call of a client that is there to assume a role."""
    if f"{model.service_model.signing_name}:{model.name}" != ASSUME:
        raise UndeclaredReadError(f"{model.name} is not how a role is assumed; the call was not sent")


def send_at_once(request: Any, **_: Any) -> None:
    """Send a body without asking: botocore waits up to a second for leave, and a canary is 64 bytes."""
    del request.headers["Expect"]
