"""The app's functions. They translate what the host delivers into calls of the app, and do nothing else."""

from collections.abc import Callable

import azure.functions as func
from azurefunctions.extensions.bindings import blob

from shared.api.http import Answer, Call
from shared.app import App
from shared.run.drain import on_sigterm
from shared.storage.queue import message_text

application = App.from_environment()
on_sigterm(application.composition.drain.begin)
settings = application.settings

app = func.FunctionApp()

CONNECTION = "DropStorage"
BLOB_POISON = "webjobs-blobtrigger-poison"  # the blob extension's own name; in the triggering blob's account
KEY, NO_KEY = func.AuthLevel.FUNCTION, func.AuthLevel.ANONYMOUS


@app.function_name("blob_dropped")
@app.blob_trigger(
    arg_name="client",
    path=f"{settings.drop_container}/{{name}}",
    connection=CONNECTION,
    source=func.BlobSource(settings.blob_trigger_source.value),
)
def blob_dropped(client: blob.BlobClient) -> None:
    """A file was dropped. The binding names the blob and carries none of its bytes."""
    application.blob_dropped(client.container_name, client.blob_name)


@app.function_name("transfer_due")
@app.queue_trigger(arg_name="message", queue_name=settings.transfer_queue, connection=CONNECTION)
def transfer_due(message: func.QueueMessage) -> None:
    """A transfer asked to be carried on."""
    application.transfer_due(_text(message))


@app.function_name("blob_poisoned")
@app.queue_trigger(arg_name="message", queue_name=BLOB_POISON, connection=CONNECTION)
def blob_poisoned(message: func.QueueMessage) -> None:
    """The host gave up on a dropped file's event."""
    application.blob_poisoned(_text(message))


@app.function_name("transfer_poisoned")
@app.queue_trigger(arg_name="message", queue_name=f"{settings.transfer_queue}-poison", connection=CONNECTION)
def transfer_poisoned(message: func.QueueMessage) -> None:
    """The host gave up on a transfer's message."""
    application.transfer_poisoned(_text(message))


@app.function_name("sweep")
@app.timer_trigger(arg_name="timer", schedule="0 * * * * *", use_monitor=True)
def sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding wants it
    """Every minute: what was left behind, and what no event told of."""
    application.sweep()


@app.function_name("start_transfer")
@app.route("transfers", trigger_arg_name="request", methods=["POST"], auth_level=KEY)
def start_transfer(request: func.HttpRequest) -> func.HttpResponse:
    """Attach a file of the drop container."""
    return _answered(request, application.http.transfers.start)


@app.function_name("list_transfers")
@app.route("transfers", trigger_arg_name="request", methods=["GET"], auth_level=KEY)
def list_transfers(request: func.HttpRequest) -> func.HttpResponse:
    """A page of transfers, newest first."""
    return _answered(request, application.http.transfers.list)


@app.function_name("read_transfer")
@app.route("transfers/{id}", trigger_arg_name="request", methods=["GET"], auth_level=KEY)
def read_transfer(request: func.HttpRequest) -> func.HttpResponse:
    """One transfer."""
    return _answered(request, application.http.transfers.read)


@app.function_name("cancel_transfer")
@app.route("transfers/{id}", trigger_arg_name="request", methods=["DELETE"], auth_level=KEY)
def cancel_transfer(request: func.HttpRequest) -> func.HttpResponse:
    """End a transfer, unless its commit wins the race."""
    return _answered(request, application.http.transfers.cancel)


@app.function_name("retry_transfer")
@app.route("transfers/{id}/retry", trigger_arg_name="request", methods=["POST"], auth_level=KEY)
def retry_transfer(request: func.HttpRequest) -> func.HttpResponse:
    """Try a failed or cancelled transfer again."""
    return _answered(request, application.http.transfers.retry)


@app.function_name("acknowledge_transfer")
@app.route("transfers/{id}/acknowledge", trigger_arg_name="request", methods=["POST"], auth_level=KEY)
def acknowledge_transfer(request: func.HttpRequest) -> func.HttpResponse:
    """Say that a failure was dealt with otherwise."""
    return _answered(request, application.http.transfers.acknowledge)


@app.function_name("retry_transfers")
@app.route("transfers/retry", trigger_arg_name="request", methods=["POST"], auth_level=KEY)
def retry_transfers(request: func.HttpRequest) -> func.HttpResponse:
    """Try many failed or cancelled transfers again."""
    return _answered(request, application.http.transfers.retry_many)


@app.function_name("cancel_transfers")
@app.route("transfers/cancel", trigger_arg_name="request", methods=["POST"], auth_level=KEY)
def cancel_transfers(request: func.HttpRequest) -> func.HttpResponse:
    """End many transfers."""
    return _answered(request, application.http.transfers.cancel_many)


@app.function_name("read_operation")
@app.route("operations/{id}", trigger_arg_name="request", methods=["GET"], auth_level=KEY)
def read_operation(request: func.HttpRequest) -> func.HttpResponse:
    """The report of a command for many transfers."""
    return _answered(request, application.http.transfers.read_operation)


@app.function_name("health")
@app.route("health", trigger_arg_name="request", methods=["GET"], auth_level=NO_KEY)
def health(request: func.HttpRequest) -> func.HttpResponse:
    """Whether the app can work."""
    return _answered(request, application.http.health.answer)


@app.function_name("health_details")
@app.route("health/details", trigger_arg_name="request", methods=["GET"], auth_level=KEY)
def health_details(request: func.HttpRequest) -> func.HttpResponse:
    """Whether the app can work, and why not."""
    return _answered(request, application.http.health.details)


@app.function_name("openapi")
@app.route("openapi.json", trigger_arg_name="request", methods=["GET"], auth_level=KEY)
def openapi(request: func.HttpRequest) -> func.HttpResponse:
    """The description of the API."""
    return _answered(request, application.http.description)


@app.function_name("ui")
@app.route("ui", trigger_arg_name="request", methods=["GET", "POST"], auth_level=KEY)
def ui(request: func.HttpRequest) -> func.HttpResponse:
    """The operator's page."""
    return _answered(request, application.http.page.answer)


def _text(message: func.QueueMessage) -> str:
    return message_text(message.get_body())


def _answered(request: func.HttpRequest, handler: Callable[[Call], Answer]) -> func.HttpResponse:
    call = Call(
        method=request.method,
        url=request.url,
        query=dict(request.params),
        headers={name.lower(): value for name, value in request.headers.items()},
        route=dict(request.route_params),
        body=request.get_body(),
    )
    answer = handler(call)
    return func.HttpResponse(answer.body, status_code=answer.status, headers=dict(answer.headers))
