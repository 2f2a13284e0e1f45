"""The control port: how `break`, `mend`, `status` and `down` reach the running sandbox."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping


class Control:
    """Serves named actions on a loopback port to those who know the token."""

    def __init__(self, actions: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[Any]]]) -> None:
        self.token = secrets.token_urlsafe(32)
        self.url = ""
        self._actions = actions
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on 127.0.0.1."""
        application = web.Application()
        application.router.add_post("/{action}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        if not secrets.compare_digest(request.headers.get("Authorization", ""), f"Bearer {self.token}"):
            return web.Response(status=401, text="unknown token")
        action = self._actions.get(request.match_info["action"])
        if action is None:
            return web.Response(status=404, text="unknown action")
        try:
            return web.json_response(await action(await request.json()))
        except (LookupError, ValueError) as error:
            return web.Response(status=400, text=str(error.args[0] if error.args else error))
        except Exception as error:  # noqa: BLE001  the caller is a person at a terminal: say what happened
            return web.Response(status=500, text=f"{type(error).__name__}: {error}")
