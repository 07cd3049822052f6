"""The limit: the file is in memory already; one session, one connection, one PUT after another. No client is faster."""

from __future__ import annotations

import http.client
import json
import os
import time
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

RANGE = 4 * 1024 * 1024


def prepare(job: dict[str, Any]) -> None:
    """The file is in memory before the clock starts."""
    _content(job["size"])


def send(job: dict[str, Any]) -> dict[str, float]:
    """Open a session and PUT every range."""
    data = memoryview(_content(job["size"]))
    url = _open(job)
    marks = {"first_put": time.perf_counter()}
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    for offset in range(0, len(data), RANGE):
        piece = data[offset : offset + RANGE]
        span = f"bytes {offset}-{offset + len(piece) - 1}/{len(data)}"
        connection.request("PUT", url, body=piece, headers={"Content-Range": span, "Content-Length": str(len(piece))})
        answer = connection.getresponse()
        answer.read()
    connection.close()
    if answer.status != http.HTTPStatus.CREATED:
        raise RuntimeError(f"the last PUT was answered {answer.status}")
    return marks | {"last_put": time.perf_counter()}


@lru_cache(maxsize=1)
def _content(size: int) -> bytes:
    """As many bytes as the file has. Which ones makes no difference to the time."""
    return os.urandom(1 << 20) * (size >> 20) + os.urandom(size & 0xFFFFF)


def _open(job: dict[str, Any]) -> str:
    parts = urlsplit(job["graph"])
    path = f"{parts.path}/users/{job['mailbox']}/messages/{job['message']}/attachments/createUploadSession"
    body = json.dumps({"AttachmentItem": {"attachmentType": "file", "name": job["blob"], "size": job["size"]}})
    connection = http.client.HTTPConnection(parts.netloc)
    headers = {"Authorization": f"Bearer {job['token']}", "Content-Type": "application/json"}
    connection.request("POST", path, body=body, headers=headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return str(answer["uploadUrl"])
