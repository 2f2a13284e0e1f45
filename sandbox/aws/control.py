"""The control endpoints under /_sandbox/ (JSON in, JSON out; loopback only, as the server is)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from sandbox.aws.errors import Answer
from sandbox.aws.states import set_state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from wsgiref.types import WSGIEnvironment

    from sandbox.aws.controls import Controls

_LONGEST_POLL_SECONDS = 60.0


def serve_control(environ: WSGIEnvironment, body: bytes, controls: Controls) -> Answer:
    """Serve one control request; what cannot be done is a 400 with `error`."""
    action = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO'].removeprefix('/_sandbox/')}"
    endpoint = _ENDPOINTS.get(action)
    if endpoint is None:
        return _json(404, {"error": f"no such control: {action}"})
    try:
        asked = json.loads(body) if body else _query(environ)
        return _json(200, endpoint(asked, controls))
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        return _json(400, {"error": f"{type(error).__name__}: {error}"})


def _query(environ: WSGIEnvironment) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}


def _json(status: int, data: Any) -> Answer:
    return Answer(status, (("Content-Type", "application/json"),), json.dumps(data).encode())


def _calls(_asked: Mapping[str, Any], controls: Controls) -> Any:
    return controls.calls()


def _version(asked: Mapping[str, Any], controls: Controls) -> Any:
    timeout = min(float(asked.get("timeout", 0)), _LONGEST_POLL_SECONDS)
    return {"version": controls.version_after(int(asked.get("since", 0)), timeout)}


def _deny(asked: Mapping[str, Any], controls: Controls) -> Any:
    controls.deny(asked["actions"])
    return {"version": controls.touch()}


def _throttle(asked: Mapping[str, Any], controls: Controls) -> Any:
    controls.throttle(asked["actions"])
    return {"version": controls.touch()}


def _withhold(asked: Mapping[str, Any], controls: Controls) -> Any:
    controls.withhold(asked["action"], asked["how"])
    return {"version": controls.touch()}


def _adopt(asked: Mapping[str, Any], controls: Controls) -> Any:
    controls.adopt(asked["access_key"], asked["account"])
    return {"version": controls.touch()}


def _mode(asked: Mapping[str, Any], controls: Controls) -> Any:
    controls.set_mode(asked["mode"])
    return {"version": controls.touch()}


def _latency(asked: Mapping[str, Any], controls: Controls) -> Any:
    controls.latency = float(asked["seconds"])
    return {"seconds": controls.latency}


def _set(asked: Mapping[str, Any], controls: Controls) -> Any:
    with controls.stores:
        for item in asked["states"]:
            set_state(item["kind"], item["name"], item["state"])
    return {"version": controls.touch()}


_ENDPOINTS: Mapping[str, Callable[[Mapping[str, Any], Controls], Any]] = {
    "GET calls": _calls,
    "GET version": _version,
    "POST deny": _deny,
    "POST throttle": _throttle,
    "POST withhold": _withhold,
    "POST adopt": _adopt,
    "POST mode": _mode,
    "POST latency": _latency,
    "POST set": _set,
}
