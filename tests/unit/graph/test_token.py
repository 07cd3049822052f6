"""The app's token: from the managed identity, from across tenants, and what is said where there is none."""

from __future__ import annotations

import json
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import azure.identity
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from assurance.secrets import Scanner
from devkit.graph.client import Emulator
from shared import log
from shared.core.errors import Code
from shared.graph import token as token_module
from shared.graph.client import GraphClient
from shared.graph.hosts import UploadHosts
from shared.graph.http import GraphRequest, NotSent
from shared.graph.token import FEDERATION_SCOPE, GraphToken, credential_for
from tests.unit.graph.peer import Answer, Line, Peer, answer

SCOPE = "https://graph.microsoft.com/.default"
CLIENT = "6b0d2c1e-2f4a-4d0c-9a4e-1c2d3e4f5a6b"
CANARY = "eyJhbGciOiJSUzI1NiJ9.canary-of-the-token"
HEADER = "canary-of-the-identity-header"
SECRETS = Scanner([CANARY, HEADER])


def own(**settings: Any) -> Callable[[], Any]:
    return credential_for(**{"managed": True, "client_id": None, "tenant_id": None, "app_id": None, **settings})


def given(**changes: object) -> bytes:
    whole = {"access_token": CANARY, "expires_on": str(int(time.time()) + 3600), "token_type": "Bearer", **changes}
    return json.dumps({key: value for key, value in whole.items() if value is not None}).encode()


def as_json(status: int, body: bytes) -> Answer:
    return answer(status, body, Content_Type="application/json", X_Canary=CANARY)


# --- the managed identity, against the emulator's endpoint ---


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator.start() as running:
        yield running


@pytest.fixture
def graph(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    emulator.reset()
    monkeypatch.setenv("IDENTITY_ENDPOINT", emulator.identity_url)
    monkeypatch.setenv("IDENTITY_HEADER", emulator.identity_header)
    return emulator


def token_for(graph: Emulator, **settings: Any) -> GraphToken:
    return GraphToken(f"{graph.graph_origin}/.default", own(**settings))


def test_the_managed_identity_gives_a_token_that_graph_takes(graph: Emulator) -> None:
    graph.add_mailbox("ada@contoso.example")
    client = GraphClient(graph.graph_url, token_for(graph), UploadHosts([]))
    url = f"{graph.graph_url}/users/ada%40contoso.example/messages/AAMk/attachments"
    answered = client.send(GraphRequest("GET", url, {}))
    client.close()
    assert answered.status == 404  # the message, not the token
    assert b"ErrorItemNotFound" in answered.body


def test_a_token_is_asked_for_once_and_kept(graph: Emulator) -> None:
    source = token_for(graph)
    assert source.token() == source.token()
    assert asked(graph) == [200]


def test_a_forgotten_token_is_followed_by_a_fresh_one(graph: Emulator) -> None:
    source = token_for(graph)
    first = source.token()
    source.forget()
    assert source.token() != first
    assert asked(graph) == [200, 200]


def test_a_token_that_graph_no_longer_takes_is_replaced_in_the_same_request(graph: Emulator) -> None:
    client = GraphClient(graph.graph_url, token_for(graph), UploadHosts([]))
    request = GraphRequest("GET", f"{graph.graph_url}/users/nobody/messages/AAMk/attachments", {})
    client.send(request)
    graph.expire_tokens()
    assert client.send(request).status == 404
    client.close()
    assert asked(graph) == [200, 200]


def test_a_claims_challenge_reaches_the_identity_and_the_next_token_is_a_new_one(
    graph: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    demanded: list[object] = []
    real = azure.identity.ManagedIdentityCredential.get_token

    def recorded(self: azure.identity.ManagedIdentityCredential, *scopes: str, **options: Any) -> AccessToken:
        demanded.append(options.get("claims"))
        made: AccessToken = real(self, *scopes, **options)
        return made

    monkeypatch.setattr(azure.identity.ManagedIdentityCredential, "get_token", recorded)
    wanted = '{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}'
    graph.add_mailbox("ada@contoso.example")
    graph.switch(claims=wanted)
    token = token_for(graph)
    client = GraphClient(graph.graph_url, token, UploadHosts([graph.upload_host]))
    request = GraphRequest("GET", f"{graph.graph_url}/users/ada%40contoso.example/messages", {})
    first = token.token()
    graph.expire_tokens()
    assert client.send(request).status == 200
    client.close()
    assert demanded == [None, None, wanted]  # for `first`, for the request, and for its repetition
    assert token.token() != first
    assert demanded[3:] == [None]
    assert asked(graph) == [200, 200]


def test_an_identity_that_does_not_exist_gives_no_token(graph: Emulator) -> None:
    graph.switch(client_ids=["00000000-0000-0000-0000-000000000001"])
    with pytest.raises(NotSent) as unsent:
        token_for(graph, client_id=CLIENT).token()
    assert unsent.value.code is Code.IDENTITY_UNAVAILABLE


def test_threads_share_one_credential(graph: Emulator) -> None:
    made, tokens = [], []
    make = own()

    def slowly() -> Any:
        made.append(1)
        return make()

    source = GraphToken(f"{graph.graph_origin}/.default", slowly)
    threads = [threading.Thread(target=lambda: tokens.append(source.token())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(tokens)) == (1, 8)


def asked(graph: Emulator) -> list[int]:
    """How the identity endpoint answered each request."""
    return [entry["status"] for entry in graph.requests() if entry["surface"] == "identity"]


@pytest.mark.parametrize(("client_id", "wanted"), [(None, {}), (CLIENT, {"client_id": [CLIENT]})])
def test_a_user_assigned_identity_is_asked_for_by_its_client_id(
    client_id: str | None, wanted: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Peer(as_json(200, given())) as peer:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{peer.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", HEADER)
        assert GraphToken(SCOPE, own(client_id=client_id)).token() == CANARY
    query = parse_qs(urlsplit(peer.heard[0].target).query)
    assert query == {"api-version": ["2019-08-01"], "resource": ["https://graph.microsoft.com"], **wanted}


# --- what the endpoint may answer instead ---


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that is logged, under the levels that the product sets."""
    before = {name: logging.getLogger(name).level for name in log.QUIET}
    log.quieten()
    caplog.set_level(logging.DEBUG)
    yield caplog
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize(
    "said",
    [
        as_json(200, given()[:-30]),
        as_json(200, given(expires_on=CANARY)),
        as_json(200, given(expires_on=[CANARY])),
        as_json(200, given(access_token=None)),
        as_json(200, given(expires_on=None)),
        as_json(200, f'["{CANARY}"]'.encode()),
        as_json(200, f'"{CANARY}"'.encode()),
        as_json(200, CANARY.encode()),
        as_json(200, b""),
        as_json(200, b"\xff\xfe" + CANARY.encode()),
        answer(200, f"<html>{CANARY}</html>".encode(), Content_Type="text/html"),
        as_json(400, b'{"statusCode": 400, "message": "No User Assigned Managed Identity found"}'),
        as_json(401, b""),
        as_json(404, f"<html>{CANARY}</html>".encode()),
        as_json(500, given()[:-30]),
        as_json(503, b""),
        Line.close,
        Line.reset,
    ],
    ids=[
        *("cut off", "expires at a text", "expires at a list", "no token", "no expiry", "a list", "a text"),
        *("no JSON", "nothing", "no UTF-8", "a page", "400", "401", "404", "500", "503", "hangs up", "resets"),
    ],
)
def test_an_endpoint_that_gives_no_token_is_told_by_its_kind_and_nothing_of_its_answer_is(
    said: Answer, quiet: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)  # azure-core waits between its tries
    with Peer(said) as peer:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{peer.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", HEADER)
        with pytest.raises(NotSent) as unsent:
            GraphToken(SCOPE, own()).token()
    assert unsent.value.code is Code.IDENTITY_UNAVAILABLE
    assert peer.heard[0].headers["x-identity-header"] == HEADER
    SECRETS.check("".join(traceback.format_exception(unsent.value)) + repr(unsent.value), "the exception")
    SECRETS.check(quiet.text, "the log")
    [line] = [json.loads(record.getMessage()) for record in quiet.records if record.name == "drop"]
    assert line["event"] == "identity_unavailable"
    assert line["error"].endswith(("Error", "Exception"))


def test_an_endpoint_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    monkeypatch.setitem(token_module.PATIENCE, "read_timeout", 0.1)
    with Peer(Line.stall) as peer:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{peer.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", HEADER)
        with pytest.raises(NotSent):
            GraphToken(SCOPE, own()).token()


def test_no_endpoint_is_waited_for_longer_than_a_run_can_bear() -> None:
    assert token_module.PATIENCE == {"connection_timeout": 10, "read_timeout": 30}


def test_a_credential_that_cannot_be_made_gives_no_token() -> None:
    def broken() -> Any:
        raise ValueError(CANARY)

    with pytest.raises(NotSent) as unsent:
        GraphToken(SCOPE, broken).token()
    SECRETS.check("".join(traceback.format_exception(unsent.value)), "the exception")


# --- across tenants, and outside Azure ---


class Fake:
    """Stands in for the credentials of azure-identity; keeps how each was made, and what was asked of it."""

    made: list[tuple[str, tuple[Any, ...], dict[str, Any]]]

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made = []
        for name in ("ManagedIdentityCredential", "DefaultAzureCredential", "ClientAssertionCredential"):
            monkeypatch.setattr(azure.identity, name, self._kind(name))

    def _kind(self, name: str) -> type:
        made = self.made

        class Credential:
            def __init__(self, *arguments: Any, **options: Any) -> None:
                made.append((name, arguments, options))
                self.assertion = arguments[2] if len(arguments) == 3 else None

            def get_token(self, scope: str) -> AccessToken:
                inner = f"<{self.assertion()}>" if self.assertion else ""
                return AccessToken(f"{name}{inner} for {scope}", 0)

        return Credential


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    return Fake(monkeypatch)


def test_in_azure_the_credential_is_the_managed_identity(fake: Fake) -> None:
    assert GraphToken(SCOPE, own(client_id=CLIENT)).token() == f"ManagedIdentityCredential for {SCOPE}"
    assert fake.made == [("ManagedIdentityCredential", (), {"client_id": CLIENT, **token_module.PATIENCE})]


def test_outside_azure_it_is_the_developers_chain_without_the_managed_identity(fake: Fake) -> None:
    assert GraphToken(SCOPE, own(managed=False)).token() == f"DefaultAzureCredential for {SCOPE}"
    [(_, _, options)] = fake.made
    assert options["exclude_managed_identity_credential"] is True


def test_across_tenants_the_identitys_token_is_the_assertion_of_the_app(fake: Fake) -> None:
    across = own(client_id=CLIENT, tenant_id="fabrikam.example", app_id="app-1")
    inner = f"ManagedIdentityCredential for {FEDERATION_SCOPE}"
    assert GraphToken(SCOPE, across).token() == f"ClientAssertionCredential<{inner}> for {SCOPE}"
    (_, identity, options), (_, (tenant, app, _), patience) = fake.made
    assert (identity, options["client_id"]) == ((), CLIENT)
    assert (tenant, app, patience) == ("fabrikam.example", "app-1", token_module.PATIENCE)


@pytest.mark.parametrize("half", [{"tenant_id": "fabrikam.example"}, {"app_id": "app-1"}])
def test_half_of_another_tenant_is_none(fake: Fake, half: dict[str, str]) -> None:
    GraphToken(SCOPE, own(**half)).token()
    assert [name for name, _, _ in fake.made] == ["ManagedIdentityCredential"]


def test_the_codes_of_entra_are_told_and_its_message_is_not(quiet: pytest.LogCaptureFixture) -> None:
    said = f"AADSTS700213: No matching federated identity record for '{CANARY}'. AADSTS700213 AADSTS50034"

    class Refusing:
        def get_token(self, *_scopes: str) -> AccessToken:
            raise ClientAuthenticationError(said)

    with pytest.raises(NotSent) as unsent:
        GraphToken(SCOPE, Refusing).token()  # type: ignore[arg-type]  # all that is used of a credential
    assert json.loads(quiet.messages[-1]) == {
        "event": "identity_unavailable",
        "error": "ClientAuthenticationError",
        "entraCodes": ["AADSTS700213", "AADSTS50034"],
    }
    SECRETS.check(quiet.text + "".join(traceback.format_exception(unsent.value)), "what was said")


@pytest.mark.parametrize("name", ["azure.identity._internal.decorators", "msal.oauth2cli.oauth2", "urllib3.connection"])
def test_libraries_that_quote_answers_are_quiet(name: str, quiet: pytest.LogCaptureFixture) -> None:
    logging.getLogger(name).warning("Token response is not in json format: %s", CANARY)
    assert quiet.text == ""
