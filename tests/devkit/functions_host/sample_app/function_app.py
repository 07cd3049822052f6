"""A small function app with one function of each kind, for the host's own tests.

What its functions do is told to them by their input, so that a test decides: `fail`, `sleep SECONDS`, `exit`.
What they did they write into the container `log` of the storage account, one blob per run.
"""

from __future__ import annotations

import json
import logging
import os
import time
import uuid

import azure.functions as func
from azure.storage.blob import BlobServiceClient
from azurefunctions.extensions.bindings import blob

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
SOURCE = (
    func.BlobSource.EVENT_GRID if os.environ.get("SAMPLE_SOURCE") != "poll" else func.BlobSource.LOGS_AND_CONTAINER_SCAN
)


def write_down(function: str, **facts: object) -> None:
    service = BlobServiceClient.from_connection_string(os.environ["DropStorage"])  # noqa: SIM112 - Azure's name for it
    name = f"{function}/{time.time_ns()}-{uuid.uuid4()}"
    service.get_blob_client("log", name).upload_blob(json.dumps({"function": function, "pid": os.getpid(), **facts}))


def obey(text: str) -> None:
    word, _, rest = text.partition(" ")
    if word == "fail":
        raise ValueError(f"told to fail: {rest}")
    if word == "sleep":
        time.sleep(float(rest))
    if word == "exit":
        os._exit(3)


@app.blob_trigger(arg_name="client", path="drop/{name}", connection="DropStorage", source=SOURCE)
def blob_seen(client: blob.BlobClient) -> None:
    properties = client.get_blob_properties()
    write_down("blob_seen", container=client.container_name, name=client.blob_name, size=properties.size)
    obey(properties.metadata.get("do", ""))


@app.queue_trigger(arg_name="message", queue_name="%WORK_QUEUE%", connection="DropStorage")
def message_seen(message: func.QueueMessage, context: func.Context) -> None:
    text = message.get_body().decode()
    write_down(
        "message_seen",
        text=text,
        dequeue_count=message.dequeue_count,
        invocation=context.invocation_id,
        trace=context.trace_context.trace_parent,
        retries=context.retry_context.retry_count,
        inserted=str(message.insertion_time),
    )
    obey(text)
    write_down("message_done", text=text)


@app.queue_trigger(arg_name="message", queue_name="webjobs-blobtrigger-poison", connection="DropStorage")
def poison_seen(message: func.QueueMessage) -> None:
    body = message.get_json()
    write_down("poison_seen", body=body)
    obey(body.get("do", ""))


@app.timer_trigger(arg_name="timer", schedule="%SAMPLE_SCHEDULE%")
def tick(timer: func.TimerRequest) -> None:
    write_down("tick", past_due=timer.past_due)


@app.route(route="echo/{id}", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    logging.getLogger("sample").info("echo was called")
    obey(req.params.get("do", ""))
    facts = {
        "method": req.method,
        "url": req.url,
        "params": dict(req.params),
        "route": dict(req.route_params),
        "header": req.headers.get("X-Sample"),
        "body": req.get_body().decode(),
    }
    return func.HttpResponse(
        json.dumps(facts), status_code=202, mimetype="application/json", headers={"Location": "/x"}
    )


@app.route(route="length", auth_level=func.AuthLevel.ANONYMOUS)
def length(req: func.HttpRequest) -> str:
    return str(len(req.get_body()))


@app.route(route="headers", auth_level=func.AuthLevel.ANONYMOUS)
def headers(req: func.HttpRequest) -> str:
    return json.dumps(dict(req.headers))


@app.route(route="cookie", auth_level=func.AuthLevel.ANONYMOUS)
def cookie(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("", headers={"Set-Cookie": "a=b; Path=/"})


@app.route(route="nothing", auth_level=func.AuthLevel.ANONYMOUS)
def nothing(req: func.HttpRequest) -> func.HttpResponse:
    return None  # type: ignore[return-value]  # what an app should not do


@app.route(route="open", auth_level=func.AuthLevel.ANONYMOUS)
async def open_to_all(req: func.HttpRequest) -> str:
    return f"open {req.params.get('name', '')}"
