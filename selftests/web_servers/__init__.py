"""HTTP servers that others wrote, each started on two ports of 127.0.0.1: plain and TLS."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from sandbox.network.certificates import Authority
from selftests.processes import wait_until

HERE = Path(__file__).parent
PAGE = b"".join(b"<p>line %d of a page of 60 KB</p>\n" % number for number in range(1700))
APACHE_MODULES = Path("/usr/lib/apache2/modules")
# Files of the servers that serve a folder.
STATIC = ("page", "gzip", "no-length", "http10")


@dataclass(frozen=True)
class Place:
    """Where a server is to run."""

    folder: Path
    ports: dict[str, int]
    certificate: Path
    key: Path

    def filled_in(self, name: str) -> Path:
        """Return a configuration with this place in it."""
        text = (HERE / name).read_text(encoding="utf-8")
        made = self.folder / name
        words = {
            "folder": self.folder, "port": self.ports["http"], "tls_port": self.ports["https"],
            "certificate": self.certificate, "key": self.key, "modules": APACHE_MODULES,
        }  # fmt: skip
        made.write_text(Template(text).substitute(words), encoding="utf-8")
        return made


def _nginx(place: Place) -> list[list[str]]:
    return [["nginx", "-c", str(place.filled_in("nginx.conf")), "-e", str(place.folder / "nginx.log")]]


def _apache(place: Place) -> list[list[str]]:
    return [["apache2", "-f", str(place.filled_in("apache.conf")), "-DFOREGROUND"]]


def _node(place: Place) -> list[list[str]]:
    ports = [str(place.ports["http"]), str(place.ports["https"])]
    files = [str(place.certificate), str(place.key), str(place.folder / "www" / "page")]
    return [["node", str(HERE / "app.js"), *ports, *files]]


def _gunicorn(place: Place) -> list[list[str]]:
    command = [sys.executable, "-m", "gunicorn", "--chdir", str(HERE), "wsgi:application", "--bind"]
    tls = ["--certfile", str(place.certificate), "--keyfile", str(place.key)]
    return [
        [*command, f"127.0.0.1:{place.ports['http']}"],
        [*command, f"127.0.0.1:{place.ports['https']}", *tls],
    ]


def _uvicorn(place: Place) -> list[list[str]]:
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(HERE), "asgi:application", "--port"]
    tls = ["--ssl-certfile", str(place.certificate), "--ssl-keyfile", str(place.key)]
    return [[*command, str(place.ports["http"])], [*command, str(place.ports["https"]), *tls]]


def _python(place: Place) -> list[list[str]]:
    return [
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory",
         str(place.folder / "www"), str(place.ports["http"])]
    ]  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """One server: its commands, the program that it needs, and the ways in which it answers with the page."""

    commands: Callable[[Place], list[list[str]]]
    program: str
    pages: tuple[str, ...]
    empty: dict[str, int]
    schemes: tuple[str, ...] = ("http", "https")


_EMPTY = {"204": 204, "304": 304}
KINDS = {
    "nginx": Kind(_nginx, "nginx", ("page", "gzip", "no-length"), _EMPTY),
    "apache": Kind(_apache, "apache2", ("page", "gzip", "http10"), {"204": 204}),
    "node": Kind(
        _node, "node", ("page", "gzip", "deflate", "chunked", "early", "continue", "no-length"), _EMPTY
    ),
    "gunicorn": Kind(_gunicorn, sys.executable, ("page", "gzip", "deflate", "chunked"), _EMPTY),
    "uvicorn": Kind(_uvicorn, sys.executable, ("page", "gzip", "deflate", "chunked"), _EMPTY),
    "python": Kind(_python, sys.executable, ("page",), {}, ("http",)),
}


@dataclass(frozen=True)
class Running:
    """A server that runs."""

    kind: Kind
    ports: dict[str, int]
    ca: Path

    def url(self, scheme: str, path: str) -> str:
        """Return the URL of one of its pages."""
        return f"{scheme}://name.test:{self.ports[scheme]}/{path}"


def _free_port() -> int:
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return int(plug.getsockname()[1])


def _accepts(port: int) -> bool:
    with socket.socket() as plug:
        return plug.connect_ex(("127.0.0.1", port)) == 0


def _place(folder: Path) -> Place:
    authority = Authority("Trusted here")
    issued = authority.issue("name.test")
    www = folder / "www"
    www.mkdir()
    for name in STATIC:
        (www / name).write_bytes(PAGE)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_text(issued.full_chain_pem, encoding="ascii")
    key.write_text(issued.key_pem, encoding="ascii")
    (folder / "ca.pem").write_text(authority.pem, encoding="ascii")
    # The workers of nginx and Apache are another user's.
    for readable in (folder, www):
        readable.chmod(0o755)
    return Place(folder, {"http": _free_port(), "https": _free_port()}, certificate, key)


@contextmanager
def running(name: str) -> Iterator[Running]:
    """Start a server, wait until it accepts connections, and stop it. Raises LookupError."""
    kind = KINDS[name]
    if shutil.which(kind.program) is None:
        raise LookupError(f"{kind.program} is not installed")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{name}-")))
        place = _place(folder)
        surroundings = {**os.environ, "PAGE": str(place.folder / "www" / "page")}
        log = stack.enter_context((folder / "output").open("w+"))
        for command in kind.commands(place):
            process = subprocess.Popen(command, cwd=folder, env=surroundings, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        ports = {scheme: place.ports[scheme] for scheme in kind.schemes}
        if not wait_until(lambda: all(map(_accepts, ports.values())), 30):
            raise RuntimeError(f"{name} does not start: {(folder / 'output').read_text()[-500:]}")
        yield Running(kind, ports, folder / "ca.pem")
