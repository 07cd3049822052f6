"""The plain loop that one writes first: read a range with the blob SDK, PUT it with requests, again and again."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

import requests
from azure.storage.blob import BlobServiceClient

RANGE = 4 * 1024 * 1024


def send(job: dict[str, Any]) -> dict[str, float]:
    """One range after the other; nothing is written down."""
    blob = _storage().get_blob_client(job["container"], job["blob"])
    size = blob.get_blob_properties().size
    http = _http()
    item = {"AttachmentItem": {"attachmentType": "file", "name": job["blob"], "size": size}}
    url = f"{job['graph']}/users/{job['mailbox']}/messages/{job['message']}/attachments/createUploadSession"
    opened = http.post(url, json=item, headers={"Authorization": f"Bearer {job['token']}"}, timeout=100)
    opened.raise_for_status()
    first = last = 0.0
    for offset in range(0, size, RANGE):
        data = blob.download_blob(offset=offset, length=min(RANGE, size - offset)).readall()
        span = f"bytes {offset}-{offset + len(data) - 1}/{size}"
        first = first or time.perf_counter()
        http.put(opened.json()["uploadUrl"], data=data, headers={"Content-Range": span}, timeout=100).raise_for_status()
        last = time.perf_counter()
    return {"first_put": first, "last_put": last}


@cache
def _storage() -> BlobServiceClient:
    return BlobServiceClient.from_connection_string(os.environ["DropStorage"])  # noqa: SIM112 - the setting's own name


@cache
def _http() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session
