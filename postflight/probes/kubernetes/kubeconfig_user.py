"""Who a kubeconfig's user is: what the official client is given of it, and what it does not do itself."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from postflight.evidence import Unverified
from postflight.probes.kubernetes.access import FOR_EVER
from postflight.probes.kubernetes.credential_plugin import Plugin
from postflight.redaction import Secrets

if TYPE_CHECKING:
    from kubernetes.client import Configuration

_REREAD_S: Final = 60.0
_OIDC_EARLY_S: Final = 10.0
_FILES: Final = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_JWT_PARTS: Final = 3


@dataclass(frozen=True)
class Login:
    """Logs the official client in as the user of a context."""

    context: str
    name: str
    cluster: Mapping[str, Any]
    user: Mapping[str, Any]
    process: Mapping[str, str]
    secrets: Secrets

    def __call__(self, configuration: Configuration, folder: Path) -> float:
        """Configure the client, and return for how many seconds it is good. Raises Unverified."""
        from postflight.probes.kubernetes import official

        load: Any = official.load_kube_config_from_dict
        self._require_files()
        user, good_for_s = self._resolved()
        content = {
            "clusters": [{"name": "one", "cluster": dict(self.cluster)}],
            "users": [{"name": "one", "user": user}],
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        }
        try:
            load(content, "one", configuration, persist_config=False, temp_file_path=str(folder))
        except (official.ConfigException, OSError, ValueError, TypeError, AttributeError) as error:
            is_clear = isinstance(error, official.ConfigException)
            clause = self.secrets.redact(str(error)) if is_clear else self._not_base64()
            clause = clause or type(error).__name__
            raise Unverified(f"Context {self.context!r} cannot be used: {clause}.") from None
        return good_for_s

    def _resolved(self) -> tuple[dict[str, Any], float]:
        """Return the user with one way to log in, a token before others, and for how long it is good."""
        user = {key: value for key, value in self.user.items() if key not in {"auth-provider", "exec"}}
        if user.get("tokenFile"):
            return {**user, "token": self._text(user.pop("tokenFile")).strip()}, _REREAD_S
        if user.get("token"):
            return {**user, "token": str(user["token"])}, FOR_EVER
        if user.get("username") or user.get("password"):
            # The official client encodes Latin-1, and kubectl UTF-8.
            pair = (str(user.get(key) or "").encode().decode("latin-1") for key in ("username", "password"))
            user["username"], user["password"] = pair
            self.secrets.add(str(self.user.get("password") or ""))
            return user, FOR_EVER
        if isinstance(self.user.get("exec"), Mapping):
            return self._from_plugin(user)
        if isinstance(self.user.get("auth-provider"), Mapping):
            return self._from_provider(user, self.user["auth-provider"])
        self._require_key()
        return user, FOR_EVER

    def _from_plugin(self, user: dict[str, Any]) -> tuple[dict[str, Any], float]:
        settings = self.user["exec"]
        # Its arguments may hold secrets: only its name is shown.
        title = f"The credential plugin of context {self.context!r} (`{settings.get('command')}`)"
        given = Plugin(title, settings, self.cluster, self.process, self.secrets).run()
        if given.token:
            user["token"] = given.token
        if given.certificate and given.key:
            for name, pem in (("client-certificate", given.certificate), ("client-key", given.key)):
                user.pop(name, None)
                user[f"{name}-data"] = base64.b64encode(pem.encode()).decode()
        return user, given.good_for_s

    def _from_provider(
        self, user: dict[str, Any], provider: Mapping[str, Any]
    ) -> tuple[dict[str, Any], float]:
        name = provider.get("name")
        if name != "oidc":
            raise Unverified(
                f"Context {self.context!r} logs in by the auth-provider {name!r}, which kubectl 1.26 and "
                "newer do not have either; renew the kubeconfig, so that it names an exec plugin."
            )
        settings = provider.get("config")
        token = str(settings.get("id-token") or "") if isinstance(settings, Mapping) else ""
        left_s = _seconds_left(token)
        if left_s is None or left_s <= 0:
            state = "has run out" if left_s is not None else "is missing, or is not a JSON Web Token"
            raise Unverified(
                f"Context {self.context!r} logs in by OpenID Connect, and its id-token {state}. A run writes "
                "no kubeconfig, so it spends no refresh token, which may be good for one use: let kubectl "
                f"renew it (kubectl --context {self.context} get --raw /version)."
            )
        return {**user, "token": token}, left_s

    def _require_files(self) -> None:
        for body in (self.cluster, self.user):
            for name in _FILES:
                if body.get(name) and not body.get(f"{name}-data"):
                    self._text(body[name])

    def _require_key(self) -> None:
        has = {name: self.user.get(name) or self.user.get(f"{name}-data") for name in _FILES[1:3]}
        if has["client-certificate"] and not has["client-key"]:
            raise Unverified(f"Context {self.context!r} has a client certificate, and no client-key for it.")

    def _text(self, file: Any) -> str:
        try:
            return Path(str(file)).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"The kubeconfig names {file}, which cannot be read ({type(error).__name__})."
            raise Unverified(message) from None

    def _not_base64(self) -> str:
        for body in (self.cluster, self.user):
            for name in (f"{file}-data" for file in _FILES):
                try:
                    base64.standard_b64decode(str(body.get(name) or ""))
                except (binascii.Error, ValueError):
                    return f"{name} is not base64"
        return ""


def impersonation(user: Mapping[str, Any], title: str) -> tuple[tuple[str, str], ...]:
    """Return the headers for a user's `as`, `as-uid`, `as-groups` and `as-user-extra`. Raises Unverified.

    Source: kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation.
    """
    groups, extra = user.get("as-groups") or [], user.get("as-user-extra") or {}
    if not isinstance(groups, list) or not isinstance(extra, Mapping):
        raise Unverified(f"{title}: as-groups is a list, and as-user-extra a mapping of lists.")
    if not user.get("as"):
        if groups or extra or user.get("as-uid"):
            raise Unverified(f"{title}: as-uid, as-groups and as-user-extra need `as`, a user, beside them.")
        return ()
    return tuple(
        (name, value.encode().decode("latin-1")) for name, value in _impersonated(user, groups, extra)
    )


def _impersonated(
    user: Mapping[str, Any], groups: list[Any], extra: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    yield "Impersonate-User", str(user["as"])
    if user.get("as-uid"):
        yield "Impersonate-Uid", str(user["as-uid"])
    for group in groups:
        yield "Impersonate-Group", str(group)
    for key, values in extra.items():
        for value in values if isinstance(values, list) else [values]:
            yield f"Impersonate-Extra-{quote(str(key), safe='')}", str(value)


def _seconds_left(token: str) -> float | None:
    """Return for how many seconds a JSON Web Token (RFC 7519) is good; None for what is none."""
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        ends = claims.get("exp")
        left_s = FOR_EVER if ends is None else float(ends) - dt.datetime.now(dt.UTC).timestamp()
    except (IndexError, ValueError, AttributeError, TypeError):
        return None
    return left_s - _OIDC_EARLY_S if len(parts) == _JWT_PARTS else None
