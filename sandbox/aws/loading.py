"""Loads moto with the services that the sandbox has, as quickly as it goes."""

from __future__ import annotations

import gc
import os
from typing import Any

from sandbox.names import ACCOUNT, REGION

BACKENDS = (
    "ec2",
    "iam",
    "sts",
    "s3",
    "rds",
    "elasticache",
    "route53",
    "acm",
    "elbv2",
    "ecr",
    "eks",
    "dynamodb",
    "cloudfront",
)
_ROUTED = ("s3", "route53", "cloudfront", "eks")
_GLOBAL = frozenset({"iam", "sts", "s3", "route53", "cloudfront"})
_SETTINGS = {
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    "MOTO_DISABLE_GLOBAL_CORS": "true",
    # moto issues pending certificates by itself after this many seconds.
    "MOTO_ACM_VALIDATION_WAIT": str(10**9),
    "AWS_DEFAULT_REGION": REGION,
}
_MISLEADING = ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")


def load_moto() -> Any:
    """Import moto and its stores; give its WSGI application.

    Its `prepare` is to be called when there is time.
    """
    os.environ.update(_SETTINGS)
    for name in _MISLEADING:
        os.environ.pop(name, None)
    gc.disable()  # importing makes millions of objects and no garbage worth a search
    dispatcher = _dispatcher()
    from moto import backends

    for name in BACKENDS:
        stores: Any = backends.get_backend(name)  # type: ignore[call-overload]  # the names above are moto's
        _ = stores[ACCOUNT]["aws" if name in _GLOBAL else REGION]
    _tell_default_certificates_only()
    gc.freeze()
    gc.enable()
    return dispatcher


def _tell_default_certificates_only() -> None:
    """Let DescribeListeners tell a listener's default certificate only, as AWS does; moto tells all."""
    from moto.elbv2.responses import ELBV2Response

    told = ELBV2Response.RESPONSE_KEY_PATH_TO_TRANSFORMER
    of_listener = "DescribeListenersOutput.Listeners.Listener.Certificates"
    all_of_them = told[of_listener]
    told[of_listener] = lambda arns: all_of_them(arns[:1])


def _dispatcher() -> Any:
    from moto.core.routing import get_service_router
    from moto.core.utils import get_service_model
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        create_backend_app,
    )

    class Dispatcher(DomainDispatcherApplication):
        def __init__(self) -> None:
            super().__init__(create_backend_app)
            self._backends: dict[str | None, Any] = {}

        def get_backend_for_host(self, host: str | None) -> Any:
            """Remember what moto finds by listing its own folder each time."""
            if host not in self._backends:
                self._backends[host] = super().get_backend_for_host(host)
            return self._backends[host]

        def prepare(self) -> None:
            """Do beforehand what the first call of each service would have to wait for."""
            for name in BACKENDS:
                get_service_model(name)
                backend = "elb" if name == "elbv2" else name
                with self.lock:
                    if backend not in self.app_instances:
                        self.app_instances[backend] = self.create_app(backend)  # type: ignore[arg-type]
            for name in _ROUTED:
                protocol = "rest-json" if name == "eks" else "rest-xml"
                get_service_router(name)._get_router(protocol)  # noqa: SLF001  it has no other way to warm up

    return Dispatcher()
