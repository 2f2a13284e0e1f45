"""What it means that a server gave no usable HTTP answer, as a clause that follows the server's name."""

from __future__ import annotations

import ssl
from typing import Final

from urllib3 import exceptions as errors
from urllib3.connection import HTTPException

CONNECT_S: Final = 3.0
READ_S: Final = 8.0
_SLOW: Final = f"did not answer in time (connect {CONNECT_S:g} s, read {READ_S:g} s)"
_CUT: Final = "closed the connection in the middle of its answer"


def is_slow(error: BaseException) -> bool:
    """Whether an error of urllib3, or of a socket, says that a time limit was reached."""
    found = error.args[-1] if isinstance(error, errors.ProxyError) else error
    if isinstance(found, errors.NewConnectionError):  # of urllib3's own making a time-out too
        return False
    return isinstance(found, TimeoutError | errors.ConnectTimeoutError | errors.ReadTimeoutError)


def reason(error: BaseException, where: str) -> str:
    """Return what an error of urllib3, or of a socket, says of the server at `where` (host:port)."""
    if is_slow(error):
        return _SLOW
    found = _innermost(error)
    if isinstance(found, errors.ProxyError):
        return f"cannot be reached through its proxy: {_of_a_proxy(found.original_error)}"
    match found:
        case ssl.SSLCertVerificationError():
            clause = f"shows a certificate that is not trusted: {found.verify_message}"
        case ssl.SSLError():
            clause = f"does not speak TLS as it should: {found.reason or found}"
        case ConnectionError():
            clause = "closed the connection before its answer was complete"
        case errors.NewConnectionError():
            clause = _unreachable(found, where)
        case errors.IncompleteRead() | errors.InvalidChunkLength():
            clause = _CUT
        case HTTPException() | errors.HTTPError():
            clause = "answers something that is not HTTP"
        case _:
            clause = f"cannot be reached at {where}: {found}"
    return clause


def _innermost(error: BaseException) -> BaseException:
    """Return what urllib3 wrapped; what it says itself of a connection or a proxy is not unwrapped."""
    while isinstance(error, errors.ProtocolError | errors.SSLError) and not isinstance(
        error, errors.IncompleteRead | errors.InvalidChunkLength
    ):
        inner = next((one for one in reversed(error.args) if isinstance(one, BaseException)), None)
        if inner is None:
            break
        error = inner
    return error


def _unreachable(error: errors.NewConnectionError, where: str) -> str:
    if isinstance(error, errors.NameResolutionError):
        return f"has a name that does not resolve ({where})"
    if isinstance(error.__cause__, ConnectionRefusedError):
        return f"refuses connections at {where}"
    return f"cannot be reached at {where}: {error.__cause__ or error}"


def _of_a_proxy(error: BaseException) -> str:
    found = _innermost(error)
    match found:
        case errors.NewConnectionError() if isinstance(found.__cause__, ConnectionRefusedError):
            return "the proxy refuses connections"
        case errors.NameResolutionError():
            return "the proxy's name does not resolve"
        case ssl.SSLError():
            return f"the proxy's TLS fails ({found.reason or found})"
        case OSError() if "Tunnel connection failed" in str(found):
            return f"the proxy answers {str(found).removeprefix('Tunnel connection failed: ')}"
        case _:
            return f"the proxy breaks off ({type(found).__name__})"
