"""The deployed app's HTTP functions as `verify` sees them."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.stand_in import AzureStub


class App:
    """The deployed app's HTTP functions: each probe file that was dropped is a transfer, with the fate that was set."""

    def __init__(self, azure: AzureStub) -> None:
        self.root = ""
        self.azure = azure
        self.health: tuple[int, dict[str, Any]] = (200, {"status": "up"})
        self.fates: dict[str, list[tuple[str, str | None]]] = {
            "orders%40contoso.test": [
                ("queued", None),
                ("sending", None),
                ("waiting", "MAILBOX_BUSY"),
                ("waiting", "TARGET_NOT_FOUND"),
            ],
            "director%40contoso.test": [("waiting", "ACCESS_DENIED")],
            "orders%40fabrikam.test": [("waiting", "TARGET_NOT_FOUND")],
            "director%40fabrikam.test": [("waiting", "ACCESS_DENIED")],
        }
        self.deleted: list[str] = []
        self.others = 0  # files of other people, newer than the probe
        self.keys: set[str | None] = set()

    def transfer(self, index: int, call: list[str]) -> dict[str, Any]:
        metadata = dict(word.split("=", 1) for word in call[call.index("--metadata") + 1 :][:2])
        fates = self.fates[metadata["mailbox"]]
        state, code = fates.pop(0) if len(fates) > 1 else fates[0]
        blob = call[call.index("--name") + 1]
        shown = {"id": f"t{index}", "state": state, "source": {"blob": blob}, "error": None, "waitingFor": None}
        if code is not None:
            shown["error" if state == "failed" else "waitingFor"] = {"code": code, "title": "Why."}
        return shown

    def answer(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        if path == "/api/health/details":
            return self.health
        if path.startswith("/api/transfers?"):
            newest_first = [{"id": one["id"], "source": one["source"]} for one in reversed(self.listed())]
            everybodys = [{"id": f"o{number}", "source": {"blob": f"o{number}"}} for number in range(self.others)]
            asked = dict(parse_qsl(urlsplit(path).query))
            if "state" in asked:  # probes are looked for in the list of all
                return 200, {"transfers": [], "continuation": None}
            assert asked.keys() <= {"limit", "continuation"}  # the app refuses a parameter that it does not know
            begin = int(asked.get("continuation", "0"))
            found = [*everybodys, *newest_first]
            page = found[begin : begin + int(asked["limit"])]
            more = str(begin + len(page)) if begin + len(page) < len(found) else None
            return 200, {"transfers": page, "continuation": more}
        transfer_id = path.rpartition("/")[2]
        if method == "DELETE":
            self.deleted.append(transfer_id)
            return 202, {}
        return 200, self.transfer(int(transfer_id[1:]), self.uploads()[int(transfer_id[1:])])

    def uploads(self) -> list[list[str]]:
        return self.azure.calls("az", "storage", "blob", "upload")

    def listed(self) -> list[dict[str, Any]]:
        return [
            {"id": f"t{index}", "source": {"blob": call[call.index("--name") + 1]}}
            for index, call in enumerate(self.uploads())
        ]


def handler(playing: App) -> type[BaseHTTPRequestHandler]:
    """Answers requests as the app does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.play("GET")

        def do_DELETE(self) -> None:
            self.play("DELETE")

        def play(self, method: str) -> None:
            playing.keys.add(self.headers.get("x-functions-key"))
            status, body = playing.answer(method, self.path)
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_arguments: Any) -> None:
            pass

    return Handler


@contextmanager
def serving(answers: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server on a free port, and its root."""
    with ThreadingHTTPServer(("127.0.0.1", 0), answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
