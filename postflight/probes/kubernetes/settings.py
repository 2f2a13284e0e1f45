"""ConfigMaps and Secrets: which keys there are. A Secret's values never become evidence."""

from __future__ import annotations

from functools import cached_property
from urllib.parse import unquote, urlsplit

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.client import Resource
from postflight.probes.kubernetes.reading import by_name, mapping, text
from postflight.probes.reads import reads


class Login(Evidence):
    """What a URL such as `postgresql://user:password@host:5432/database` says, but for the password."""

    scheme: str
    host: str
    port: int | None
    user: str
    database: str


class Setting(Evidence):
    """One key of a ConfigMap or Secret.

    `value` is kept only for the keys that were asked for; `login` where the value is a URL with a host.
    """

    key: str
    is_empty: bool
    value: str | None = None
    login: Login | None = None


class Settings(Evidence):
    """A ConfigMap or Secret, or the absence of one."""

    kind: str
    namespace: str
    name: str
    found: bool = True
    items: tuple[Setting, ...] = ()

    @property
    def title(self) -> str:
        """`Secret saleor/saleor-db-secret`."""
        return f"{self.kind} {self.namespace}/{self.name}"

    def key(self, key: str) -> Setting | None:
        """Return one key of it, None where it is absent."""
        return next((item for item in self.items if item.key == key), None)


class ConfigMaps(Evidence):
    """The ConfigMaps of one namespace."""

    namespace: str
    items: tuple[Settings, ...]

    @cached_property
    def _by_name(self) -> dict[str, Settings]:
        return by_name(self.items)

    def named(self, name: str) -> Settings:
        """Return one of them, or its absence."""
        absent = Settings(kind="ConfigMap", namespace=self.namespace, name=name, found=False)
        return self._by_name.get(name, absent)


@reads("list configmaps")
def config_maps(connections: Connections, namespace: str, readable: tuple[str, ...]) -> ConfigMaps:
    """List a namespace's ConfigMaps; the values of `readable` keys are kept."""
    listed = connections.kubernetes.list(Resource("configmaps"), namespace)
    items = (
        Settings(
            kind="ConfigMap",
            namespace=namespace,
            name=text(item, "metadata", "name"),
            items=tuple(
                _setting(key, str(value), is_readable=key in readable)
                for key, value in mapping(item, "data").items()
            ),
        )
        for item in listed
    )
    return ConfigMaps(namespace=namespace, items=tuple(items))


@reads("get secrets")
def secret(connections: Connections, namespace: str, name: str, readable: tuple[str, ...]) -> Settings:
    """Read one Secret; the values of `readable` keys, which hold no secret (a user name), are kept."""
    values = connections.kubernetes.read_secret(namespace, name)
    if values is None:
        return Settings(kind="Secret", namespace=namespace, name=name, found=False)
    items = (_setting(key, value, is_readable=key in readable) for key, value in values.items())
    return Settings(kind="Secret", namespace=namespace, name=name, items=tuple(items))


def login(value: str) -> Login | None:
    """Read a URL with a host; None where `value` is none."""
    try:
        parts = urlsplit(value)
        if "://" not in value or not parts.hostname:
            return None
        return Login(
            scheme=parts.scheme,
            host=parts.hostname,
            port=parts.port,
            user=unquote(parts.username or ""),
            database=unquote(parts.path.lstrip("/")),
        )
    except ValueError:
        return None


def _setting(key: str, value: str, *, is_readable: bool) -> Setting:
    found = login(value)
    has_password = "://" in value and "@" in value
    return Setting(
        key=key,
        is_empty=not value.strip(),
        value=value if is_readable and not has_password else None,
        login=found if has_password else None,
    )
