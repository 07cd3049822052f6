"""The host's HTTP side: the app's routes, the webhook and `/admin` as in Azure, and `/_dev` for tests.

`/_dev` is this host's own, open to whoever can reach it, which is loopback:

- `GET /_dev/status` -> `{"hostId", "workers": [pid], "functions": {name: binding}, "errors": {name: why it is none},
  "busy", "stops": [why], "keys"}`; `stops` tells why the whole host ended so far
- `POST /_dev/kill-worker` `{"pid"?, "signal"?}` -> `{"killed": [pid]}`; all workers, SIGKILL, unless told otherwise
- `GET /_dev/invocations?function=&after=` -> `{"invocations": [...], "next": n}`; `after=n` leaves out the first n
- `GET /_dev/idle?timeout=30&settle=0.3` -> `{"idle": bool}`: nothing runs and no listened queue has a visible message,
  for `settle` seconds on end
- `POST /_dev/blob-event` `{"name", "function"?, "container"?, "times"?}` -> `{"sent": n, "event": {...}}`: sends the
  BlobCreated event of a blob that exists
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from azure.core.exceptions import ResourceNotFoundError

from devkit.functions_host import blobs, events, inputs, routes
from devkit.functions_host.app import FunctionApp
from devkit.functions_host.frames import from_base64
from devkit.functions_host.workers import Invocation, InvocationError, new_invocation

MAX_BODY = 100 * 1024 * 1024  # the Functions host's own limit on a request: one byte more breaks the connection
MAX_LINE, MAX_HEADERS = 8 * 1024, 32 * 1024  # Kestrel's limits, in bytes: 414 and 431 above them
PARSED = 1 << 20  # what aiohttp's own parser may take; above it that one answers 400
KEY_HEADER, KEY_PARAMETER = "x-functions-key", "code"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HostServer:
    """Answers HTTP for one function app, which may be down: then what is in front of it answers 503."""

    def __init__(self, keys: routes.Keys) -> None:
        self.running: FunctionApp | None = None
        self.stops: list[str] = []
        self.invocations: list[Invocation] = []
        self._keys = keys

    @property
    def _app(self) -> FunctionApp:
        """The app; 503 while it is down."""
        if self.running is None:
            raise web.HTTPServiceUnavailable
        return self.running

    def application(self) -> web.Application:
        """The aiohttp application: fixed paths first, everything else is the app's."""
        application = web.Application(client_max_size=MAX_BODY + 2, middlewares=[within_limits])
        router = application.router
        router.add_post("/runtime/webhooks/blobs", self._webhook)
        router.add_options("/runtime/webhooks/blobs", self._webhook_options)
        router.add_get("/admin/host/status", self._admin(self._host_status))
        router.add_post("/admin/host/drain", self._admin(self._drain))
        router.add_get("/admin/host/drain/status", self._admin(self._drain_status))
        router.add_get("/admin/functions", self._admin(self._functions))
        router.add_post("/admin/functions/{name}", self._admin(self._run_function))
        router.add_get("/_dev/status", self._status)
        router.add_post("/_dev/kill-worker", self._kill_worker)
        router.add_get("/_dev/invocations", self._invocations)
        router.add_get("/_dev/idle", self._idle)
        router.add_post("/_dev/blob-event", self._blob_event)
        router.add_route("*", "/{path:(?s:.*)}", self._function)  # a path may hold a line feed
        return application

    async def _function(self, request: web.Request) -> web.StreamResponse:
        """An HTTP function, if one takes this request."""
        path = request.rel_url.raw_path
        found = routes.find(self._app.routes, request.method, path)
        if found is None:
            return web.Response(status=404)
        route, parameters = found
        if route.function in self._app.disabled and self._keys.refusal(routes.ADMIN, _key(request)):
            return web.Response(status=404)
        refused = self._keys.refusal(route.level, _key(request))
        if refused is not None:
            return web.Response(status=refused)
        url = f"{request.scheme}://{request.host}{request.rel_url.raw_path_qs}"
        body = await request.read() if request.content_length is not None else b""  # a chunked body arrives empty
        given = inputs.for_request(
            request.method, url, headers=request.headers.items(), parameters=parameters, body=body
        )
        try:
            answer = await self._app.workers.invoke(route.function, given, new_invocation(route.function, "http"))
        except InvocationError:
            return web.Response(status=500)
        if answer is None:
            return web.Response(status=500)
        if answer["type"] == "string":
            return web.Response(text=answer["value"])
        return _response(answer["value"])

    async def _webhook(self, request: web.Request) -> web.StreamResponse:
        """Event Grid's deliveries: 200 with the handshake's answer, 202 for what went into the queue."""
        refused = self._keys.refusal(routes.SYSTEM, _key(request))
        if refused is not None:
            return web.Response(status=refused)
        if self._app.blobs is None:
            return web.Response(status=404)
        try:
            code = await self._app.blobs.webhook(
                request.headers.get(blobs.EVENT_TYPE_HEADER), request.query.get("functionName"), await request.read()
            )
        except blobs.NoEventTypeError as problem:
            return web.Response(status=400, text=str(problem))
        except blobs.BadEventError:
            return web.Response(status=500)
        return web.Response(status=202) if code is None else web.Response(text=json.dumps({"validationResponse": code}))

    async def _webhook_options(self, request: web.Request) -> web.StreamResponse:
        """The handshake of the CloudEvents schema."""
        refused = self._keys.refusal(routes.SYSTEM, _key(request))
        if refused is not None:
            return web.Response(status=refused)
        return web.Response(headers={"WebHook-Allowed-Origin": request.headers.get("WebHook-Request-Origin", "*")})

    def _admin(self, handler: Handler) -> Handler:
        """`/admin` asks for the master key."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            refused = self._keys.refusal(routes.ADMIN, _key(request))
            if refused is not None:
                return web.Response(status=refused)
            return await handler(request)

        return guarded

    async def _host_status(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"id": self._app.host_id, "state": "Running", "version": "4.0.0-dev"})

    async def _drain(self, _: web.Request) -> web.StreamResponse:
        """Take nothing more; what runs goes on."""
        self._app.drain()
        return web.Response(status=202)

    async def _drain_status(self, _: web.Request) -> web.StreamResponse:
        state = "Disabled" if not self._app.draining else "InProgress" if self._app.busy else "Completed"
        return web.json_response({"state": state})

    async def _functions(self, _: web.Request) -> web.StreamResponse:
        listed = [
            {"name": name, "config": {"bindings": [binding]}, "language": "python"}
            for name, binding in self._app.bindings.items()
        ]
        return web.json_response(listed)

    async def _run_function(self, request: web.Request) -> web.StreamResponse:
        """202 at once, whatever becomes of the run."""
        name = request.match_info["name"]
        if name not in self._app.bindings:
            return web.Response(status=404)
        try:
            given = json.loads(await request.read() or b"{}")
            text = given["input"] if isinstance(given, dict) and "input" in given else ""
            await self._app.run_now(name, text if isinstance(text, str) else json.dumps(text))
        except ValueError as problem:
            return web.Response(status=400, text=str(problem))
        return web.Response(status=202)

    async def _status(self, _: web.Request) -> web.StreamResponse:
        app, keys = self.running, self._keys
        return web.json_response(
            {
                "hostId": app.host_id if app else None,
                "workers": app.workers.pids if app else [],
                "functions": app.bindings if app else {},
                "errors": app.errors if app else {},
                "busy": app.busy if app else False,
                "stops": self.stops,
                "keys": {"master": keys.master, "function": keys.function, "blobs_extension": keys.blobs_extension},
            }
        )

    async def _kill_worker(self, request: web.Request) -> web.StreamResponse:
        given = json.loads(await request.read() or b"{}")
        pids = [int(given["pid"])] if "pid" in given else self._app.workers.pids
        for pid in pids:
            self._app.workers.kill(pid, signal.Signals[f"SIG{given.get('signal', 'KILL')}"])
        return web.json_response({"killed": pids})

    async def _invocations(self, request: web.Request) -> web.StreamResponse:
        records = self.invocations
        after, function = int(request.query.get("after", "0")), request.query.get("function")
        listed = [each.describe() for each in records[after:] if function in (None, each.function)]
        return web.json_response({"invocations": listed, "next": len(records)})

    async def _idle(self, request: web.Request) -> web.StreamResponse:
        timeout, settle = float(request.query.get("timeout", "30")), float(request.query.get("settle", "0.3"))
        deadline = time.monotonic() + timeout
        quiet_since: float | None = None
        while time.monotonic() < deadline:
            seen, app = len(self.invocations), self.running
            quiet = app is not None and not app.busy and not await app.visible_messages()
            if not quiet or app is not self.running or (app and app.busy) or seen != len(self.invocations):
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= settle:
                return web.json_response({"idle": True})
            await asyncio.sleep(0.1)
        return web.json_response({"idle": False})

    async def _blob_event(self, request: web.Request) -> web.StreamResponse:
        given: dict[str, Any] = await request.json()
        if self._app.blobs is None:
            return web.Response(status=404, text="the app has no blob trigger")
        named = [each for each in self._app.blobs.functions.values() if given.get("function") in (None, each.name)]
        if len(named) != 1:
            return web.Response(status=400, text="say which blob function")
        function, times = named[0], int(given.get("times", 1))
        blob = function.blobs.get_blob_client(str(given.get("container", function.container)), str(given["name"]))
        try:
            event = await events.blob_created(blob)
        except ResourceNotFoundError:
            return web.Response(status=404, text="there is no such blob")
        for _ in range(times):
            await self._app.blobs.webhook("Notification", function.function_id, json.dumps([event]).encode())
        return web.json_response({"sent": times, "event": event})


@web.middleware
async def within_limits(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What Kestrel refuses before any function sees it."""
    if len(f"{request.method} {request.raw_path} HTTP/1.1") > MAX_LINE:
        return web.Response(status=414)
    if sum(len(name) + len(value) + len(b": \r\n") for name, value in request.raw_headers) > MAX_HEADERS:
        return web.Response(status=431)
    if (request.content_length or 0) > MAX_BODY:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=413)  # nobody hears it
    return await handler(request)


def _key(request: web.Request) -> str | None:
    """The function key of a request: an empty header beats a parameter that is right."""
    named = (value for name, value in request.query.items() if name.lower() == KEY_PARAMETER)
    return request.headers.get(KEY_HEADER, next(named, None))  # the first, as AuthenticationLevelHandler.cs has it


def _response(value: dict[str, Any]) -> web.Response:
    """What a function returned, as an HTTP answer; its length is this server's to say."""
    response = web.Response(status=value["status"], body=from_base64(value["body"]))
    for name, text in value["headers"].items():
        if name.lower() not in ("content-length", "transfer-encoding"):
            response.headers[name] = text
    for cookie in value["cookies"]:
        response.headers.add("Set-Cookie", cookie)
    return response
