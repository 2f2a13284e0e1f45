"""Turns what botocore raises into one paragraph that says what to do: a look that could not be made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from postflight.evidence import Unverified
from postflight.probes.aws.clock import skew
from postflight.redaction import cut_short, masked

_EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
)
_UNKNOWN_KEY: Final = frozenset(
    {
        "AuthFailure",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_ABOUT_SIGNATURES: Final = _EXPIRED | _UNKNOWN_KEY | {"RequestInTheFuture", "RequestTimeTooSkewed"}
# The error code of what is no answer of AWS, and is an error of the server that gave it.
NOT_AN_ANSWER: Final = "NotAnAnswer"
_DENIED: Final = frozenset(
    {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "Client.UnauthorizedOperation",
        "UnauthorizedOperation",
    }
)
_THROTTLED: Final = frozenset(
    {
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
_SERVER_ERROR: Final = 500
_LONGEST = 300
_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)")


@contextmanager
def translated(permission: str) -> Iterator[None]:
    """Raise Unverified, and why, for whatever stops one AWS call. `permission` is what the call needs."""
    from botocore.exceptions import BotoCoreError, ClientError, PaginationError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise refused(error.response, permission) from None
    except (PaginationError, ResponseParserError) as error:
        raise garbage(permission, str(error)) from None
    except BotoCoreError as error:
        raise unreachable(error, permission) from None


def error_code(response: Mapping[str, Any]) -> str:
    """Return the error code of an answer, as its service words it."""
    return str(response.get("Error", {}).get("Code", ""))


def is_throttled(response: Mapping[str, Any]) -> bool:
    """Whether an answer says that too much was asked."""
    return error_code(response) in _THROTTLED


def refused(response: Mapping[str, Any], permission: str) -> Unverified:
    """Say what AWS's error answer to a call means."""
    code = error_code(response)
    said = one_line(str(response.get("Error", {}).get("Message", "")))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == NOT_AN_ANSWER:
        return garbage(permission, said)
    if code in _ABOUT_SIGNATURES:
        return _signed_wrongly(response, permission)
    if code in _DENIED:
        found = _ACTION.search(said)
        missing = found.group(1) if found else permission
        return Unverified(
            f"Permission {missing} is missing: {said or 'AWS denied the call'}", permission=missing
        )
    if is_throttled(response):
        return Unverified(
            f"AWS throttled {permission} and went on doing so when asked again ({code}). Repeat the run when "
            "less else calls this account's API."
        )
    did = "failed to answer" if status >= _SERVER_ERROR else "refused"
    what = f"HTTP {status} {code}" if status >= _SERVER_ERROR else code or f"HTTP {status}"
    return Unverified(f"AWS {did} {permission}: {what}. {said}".rstrip())


def _signed_wrongly(response: Mapping[str, Any], permission: str) -> Unverified:
    """Say why AWS does not take the signature of a call: the clock, or the credentials."""
    code = error_code(response)
    clock = skew(response, datetime.now(UTC))
    if clock is not None:
        return Unverified(
            f"The clock of this machine is {clock}, so AWS refuses what it signs ({permission} answered "
            f"{code}). Set the clock (NTP) and repeat the run."
        )
    if code in _EXPIRED:
        return Unverified(
            f"The AWS credentials have expired ({permission} answered {code}). Sign in again "
            "(`aws sso login`, or renew the session token) and repeat the run."
        )
    return Unverified(
        f"AWS does not know these credentials ({permission} answered {code}). Check AWS_PROFILE or "
        "AWS_ACCESS_KEY_ID, and that AWS_SESSION_TOKEN belongs to the key."
    )


def unreachable(error: Exception, permission: str) -> Unverified:
    """Say why a call got no answer of AWS at all: credentials, network, TLS, or an answer that is none."""
    from botocore import exceptions as botocore

    said = one_line(str(error))
    match error:
        case botocore.NoCredentialsError() | botocore.PartialCredentialsError():
            return Unverified(
                f"There are no AWS credentials for {permission}: {said.rstrip('.')}. Set AWS_PROFILE, or "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached."
            )
        case botocore.ProfileNotFound() | botocore.ConfigNotFound() | botocore.ConfigParseError():
            return Unverified(
                f"The AWS configuration cannot be used: {said}. Check AWS_PROFILE and ~/.aws/config."
            )
        case (
            botocore.CredentialRetrievalError()
            | botocore.InvalidConfigError()
            | botocore.MetadataRetrievalError()
            | botocore.SSOError()
            | botocore.TokenRetrievalError()
        ):
            return Unverified(f"AWS credentials could not be had: {said} Sign in again (`aws sso login`).")
        case botocore.SSLError():
            return Unverified(f"TLS to AWS failed for {permission}: {said}")
        case botocore.ReadTimeoutError():
            return Unverified(f"AWS accepted {permission} and did not answer in time: {said}")
        case _:
            return Unverified(f"AWS could not be reached for {permission}: {said}")


def garbage(permission: str, said: str) -> Unverified:
    """Say that the answer is not one that AWS gives. Usually a proxy or captive portal answered."""
    return Unverified(
        f"The answer to {permission} is not one that AWS gives ({one_line(said)}). Does a proxy answer in "
        "its place?"
    )


def one_line(text: str) -> str:
    """Fold a message into one short line, without what looks like a secret, and cut between words."""
    return cut_short(masked(" ".join(text.split())), _LONGEST)
