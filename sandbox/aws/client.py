"""How the sandbox itself talks to its AWS."""

from __future__ import annotations

import json
import threading
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

from sandbox.names import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ADMIN_KEY = "SANDBOXADMIN00000001"
SERVICES = (
    "ec2",
    "iam",
    "rds",
    "elasticache",
    "s3",
    "dynamodb",
    "ecr",
    "eks",
    "route53",
    "acm",
    "cloudfront",
    "elbv2",
)
_ADMIN_SECRET = "sandbox-admin"


class AwsControlError(RuntimeError):
    """The sandbox's AWS refused a control request."""


def load_session(services: Iterable[str] = SERVICES) -> Any:
    """Load boto3 and its models of these services, while there is no endpoint to talk to yet."""
    import boto3

    session = boto3.Session()
    loader = session._session.get_component("data_loader")  # noqa: SLF001  boto3 has no other way to warm up
    for service in services:
        loader.load_service_model(service, "service-2")
        loader.load_service_model(service, "endpoint-rule-set-1")
    return session


class Aws:
    """boto3 clients with the admin key (never denied, throttled or counted), and the sandbox's own knobs.

    Synchronous and thread safe: use it from threads.
    """

    def __init__(
        self, endpoint_url: str, region: str = REGION, account: str = ACCOUNT, *, session: Any = None
    ) -> None:
        self.endpoint_url = endpoint_url
        self.region = region
        self.account = account
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._session = session

    def client(self, service: str, region: str | None = None) -> Any:
        """Give the boto3 client of a service; it is made once."""
        key = (service, region or self.region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make_client(*key)
            return self._clients[key]

    def set(self, kind: str, name: str, **state: Any) -> None:
        """Set a state that no AWS API can set (`sandbox.aws.states` lists them)."""
        self.set_many([(kind, name, state)])

    def set_many(self, states: Iterable[tuple[str, str, Mapping[str, Any]]]) -> None:
        """Set several states in one request."""
        items = [{"kind": kind, "name": name, "state": dict(state)} for kind, name, state in states]
        self._control("set", {"states": items})

    def deny(self, actions: Iterable[str]) -> None:
        """Deny these actions (`ec2:DescribeVpcs`, `s3:*`) to everybody else; none ends it."""
        self._control("deny", {"actions": list(actions)})

    def throttle(self, actions: Iterable[str]) -> None:
        """Throttle these actions for everybody else; none ends it."""
        self._control("throttle", {"actions": list(actions)})

    def withhold(self, action: str, how: str) -> None:
        """Let an action of everybody else `hang`, answer as an `empty` account, or oddly; no `how` ends it.

        Odd answers are listed in `sandbox.aws.odd_answers`; `*` is every action.
        """
        self._control("withhold", {"action": action, "how": how})

    def mode(self, mode: str) -> None:
        """Let every call of everybody else `hang`, `reset`, answer `garbage` or `500`; empty ends it."""
        self._control("mode", {"mode": mode})

    def adopt(self, access_key: str, account: str | None) -> None:
        """Let an access key belong to another account; None gives it back to its own."""
        self._control("adopt", {"access_key": access_key, "account": account})

    def latency(self, seconds: float) -> None:
        """Delay every answer."""
        self._control("latency", {"seconds": seconds})

    def calls(self) -> dict[str, int]:
        """Give the calls that others have made, by `service:Operation`."""
        answer: dict[str, int] = self._control("calls")
        return answer

    def version(self, since: int = 0, timeout: float = 0.0) -> int:
        """Give the version of the state; wait until it exceeds `since`, at most `timeout` seconds."""
        answer = self._control(f"version?since={since}&timeout={timeout}", wait=timeout)
        return int(answer["version"])

    def _make_client(self, service: str, region: str) -> Any:
        import boto3
        from botocore.config import Config

        if self._session is None:
            self._session = boto3.Session()
        return self._session.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=ADMIN_KEY,
            aws_secret_access_key=_ADMIN_SECRET,
            aws_session_token="",
            verify=True,
            config=Config(
                max_pool_connections=32,
                parameter_validation=False,
                proxies={},
                retries={"max_attempts": 1, "mode": "standard"},
                s3={"addressing_style": "path"},
            ),
        )

    def _control(self, path: str, body: Mapping[str, Any] | None = None, wait: float = 0.0) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint_url}/_sandbox/{path}", data)  # noqa: S310  loopback
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=wait + 30) as answer:
                return json.load(answer)
        except HTTPError as error:
            raise AwsControlError(error.read().decode()) from error
