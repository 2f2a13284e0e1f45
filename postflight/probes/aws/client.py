"""AWS clients that only look: every call is declared by its probe, counted, and ends in time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from postflight.probes.aws.canary_sending import refuse_after_the_end
from postflight.probes.aws.credentials import assumed, new_session
from postflight.probes.aws.interlock import (
    ASSUME,
    refuse_all_but_assuming,
    refuse_foreign_keys,
    refuse_undeclared,
    send_at_once,
)
from postflight.probes.aws.permissions import permission_of
from postflight.probes.aws.proxies import proxies_for
from postflight.probes.aws.refusals import error_code, is_throttled, translated

if TYPE_CHECKING:
    from botocore.session import Session

    from postflight.probes.connections import Connections

# Three attempts and their pauses fit into the 20 seconds that a probe has.
ATTEMPTS: Final = 3
CONNECT_TIMEOUT_S: Final = 3
READ_TIMEOUT_S: Final = 5
CONNECTIONS: Final = 32
# Of calls that are made while a run ends: it waits for them, and waits some seconds only.
_BRIEF: Final[Mapping[str, Any]] = {
    "connect_timeout": 2,
    "read_timeout": 2,
    "retries": {"mode": "standard", "total_max_attempts": 2},
}

_SIGNING_NAMES: Final[Mapping[str, str]] = {"elbv2": "elasticloadbalancing"}


class Aws:
    """The environment's AWS account; clients are made once and shared by threads."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._account = connections.environment.aws
        self._making = threading.RLock()
        self._sessions: dict[str | None, Session] = {}
        self._clients: dict[tuple[str, str, str | None, bool], Any] = {}

    @property
    def region(self) -> str:
        """Region of the environment."""
        return self._account.region

    def domain(self) -> str:
        """Return the DNS suffix of the region's part of AWS: `amazonaws.com`. Source: `partitions.json`."""
        with self._making:
            known = self._session(None).get_component("data_loader").load_data("partitions")["partitions"]
        suffixes = {one["id"]: str(one["outputs"]["dnsSuffix"]) for one in known}
        return suffixes[self._account.partition]

    def client(
        self, service: str, region: str | None = None, role: str | None = None, *, brief: bool = False
    ) -> Any:
        """Return the botocore client of a service, as the run itself or as the IAM role of that name.

        `brief`: one with connections of its own, whose calls end within some four seconds.
        """
        key = (service, region or self.region, role, brief)
        if key in self._clients:
            return self._clients[key]
        with self._making:
            if key not in self._clients:
                self._clients[key] = self._new_client(*key)
            return self._clients[key]

    def credentials(self) -> Any:
        """Return the run's botocore credentials, e.g. to presign with. Raises Unverified without any."""
        with translated(ASSUME), self._making:
            from botocore.exceptions import NoCredentialsError

            found = self._session(None).get_credentials()
            if found is None:
                raise NoCredentialsError
            self._remember(self._session(None))
            return found

    def one(  # noqa: PLR0913 - keyword arguments of one call
        self,
        service: str,
        operation: str,
        key: str | None,
        *,
        absent: Sequence[str] = (),
        owner: str | None = None,
        region: str | None = None,
        role: str | None = None,
        **arguments: Any,
    ) -> Any:
        """Make one call and return `key` of its answer (None: the whole answer).

        `operation` is the API's name, `DescribeCluster`; `owner` the member whose ARN or account id says
        whose the found thing is. Returns None where AWS answers with one of the `absent` error codes. Raises
        Unverified, also where the answer is none of AWS or is about another account.
        """
        permission = _permission(service, operation)
        with translated(permission):
            client = self.client(service, region, role)
            answer = _unless_absent(partial(getattr(client, _method(operation)), **arguments), absent)
        if answer is None:
            return None
        from postflight.probes.aws.shapes import checked

        whole = checked(_output(client, operation), answer, permission)
        found = whole if key is None else whole[key]
        # An owner may also stand beside what is returned of the answer.
        self.require_own([found if isinstance(found, dict) else whole], owner, permission, region)
        return found

    def listing(  # noqa: PLR0913 - keyword arguments of one call
        self,
        service: str,
        operation: str,
        key: str,
        *,
        absent: Sequence[str] = (),
        owner: str | None = None,
        region: str | None = None,
        **arguments: Any,
    ) -> list[Any] | None:
        """Make one call with all its pages and return the items under `key` of every page; see `one`."""
        found = self.pages(service, operation, key, absent=absent, region=region, **arguments)
        if found is None:
            return None
        items = [item for items in found for item in items]
        self.require_own(items, owner, _permission(service, operation), region)
        return items

    def pages(
        self,
        service: str,
        operation: str,
        key: str | None,
        *,
        absent: Sequence[str] = (),
        region: str | None = None,
        **arguments: Any,
    ) -> list[Any] | None:
        """Make one call with all its pages and return `key` of each (None: whole pages); see `listing`."""
        from postflight.probes.aws.shapes import whole_listing

        permission = _permission(service, operation)
        with translated(permission):
            client = self.client(service, region)
            shape = _output(client, operation)
            if client.can_paginate(_method(operation)):
                found = client.get_paginator(_method(operation)).paginate(**arguments)
            else:
                found = (call(**arguments) for call in (getattr(client, _method(operation)),))
            answers = _unless_absent(lambda: list(whole_listing(found, shape, permission)), absent)
        return answers if key is None or answers is None else [answer[key] for answer in answers]

    def require_own(
        self, items: Sequence[Any], owner: str | None, permission: str, region: str | None = None
    ) -> None:
        """Require that items are of the environment's account and this region. Raises Unverified."""
        from postflight.probes.aws.shapes import require_own

        for item in items if owner is not None else ():
            require_own(item, str(owner), self._account.account, region or self.region, permission)

    def _session(self, role: str | None) -> Session:
        if role not in self._sessions:
            self._sessions[role] = self._new_session(role)
        return self._sessions[role]

    def _new_session(self, role: str | None) -> Session:
        if role is not None:
            return self._assumed(
                self._session(None), f"arn:{self._account.partition}:iam::{self._account.account}:role/{role}"
            )
        session = new_session(self._connections.process)
        if self._account.assume_role is None:
            return session
        return self._assumed(session, self._account.assume_role)

    def _assumed(self, source: Session, role_arn: str) -> Session:
        def new_client(service: str, **arguments: Any) -> Any:
            client = self._create(source, service, self.region, **arguments)
            client.meta.events.register("before-call", refuse_all_but_assuming)
            return client

        return assumed(source, role_arn, new_client, self.region)

    def _new_client(self, service: str, region: str, role: str | None, brief: bool) -> Any:
        client = self._create(self._session(role), service, region, limits=_BRIEF if brief else {})
        buckets = self._connections.environment.buckets
        client.meta.events.register("provide-client-params.s3", partial(refuse_foreign_keys, buckets))
        client.meta.events.register("before-call", refuse_undeclared)
        client.meta.events.register("request-created.s3.PutObject", send_at_once)
        client.meta.events.register("before-send.s3.PutObject", refuse_after_the_end)
        return client

    def _create(
        self,
        session: Session,
        service: str,
        region: str,
        limits: Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> Any:
        from botocore.config import Config

        from postflight.probes.aws.answers import Parsers, note_status

        session.register_component("response_parser_factory", Parsers(self._connections.secrets.short))
        endpoint = self._endpoint(session, service)
        client = session.create_client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            config=Config(
                **{
                    "proxies": proxies_for(endpoint, self._connections.process),
                    "connect_timeout": CONNECT_TIMEOUT_S,
                    "read_timeout": READ_TIMEOUT_S,
                    "max_pool_connections": CONNECTIONS,
                    "retries": {"mode": "adaptive", "total_max_attempts": ATTEMPTS},
                    "user_agent_extra": "postflight",
                    **(limits or {}),
                }
            ),
            **arguments,
        )
        signing_name = client.meta.service_model.signing_name
        client.meta.events.register_first("before-parse", note_status)
        client.meta.events.register("before-sign", partial(self._remember, session))
        client.meta.events.register("before-send", partial(self._count, signing_name))
        client.meta.events.register("response-received", partial(self._note_throttling, signing_name))
        return client

    def _endpoint(self, session: Session, service: str) -> str | None:
        own = session.get_service_model(service).service_id.replace(" ", "_").upper()
        process = self._connections.process
        return process.get(f"AWS_ENDPOINT_URL_{own}") or process.get("AWS_ENDPOINT_URL")

    def _remember(self, session: Session, **_: Any) -> None:
        """Learn the secrets that a call is signed with, wherever they come from; they are renewed."""
        found = session.get_credentials()
        if found is not None:
            frozen = found.get_frozen_credentials()
            self._connections.secrets.update(one for one in (frozen.secret_key, frozen.token) if one)

    def _count(self, service: str, event_name: str, **_: Any) -> None:
        self._connections.calls.count("aws", permission_of(service, event_name.rsplit(".", 1)[-1]))

    def _note_throttling(
        self, service: str, event_name: str, parsed_response: Mapping[str, Any] | None = None, **_: Any
    ) -> None:
        """Remember who is throttled: a service's other calls wait with it, and then can say for what."""
        if is_throttled(parsed_response or {}):
            self._connections.calls.throttle(permission_of(service, event_name.rsplit(".", 1)[-1]))


def _unless_absent(call: Callable[[], Any], absent: Sequence[str]) -> Any:
    from botocore.exceptions import ClientError

    try:
        return call()
    except ClientError as error:
        if error_code(error.response) in absent:
            return None
        raise


def _output(client: Any, operation: str) -> Any:
    return client.meta.service_model.operation_model(operation).output_shape


def _permission(service: str, operation: str) -> str:
    return permission_of(_SIGNING_NAMES.get(service, service), operation)


def _method(operation: str) -> str:
    from botocore import xform_name

    return str(xform_name(operation))
