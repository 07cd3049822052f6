from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure.identity import ManagedIdentityCredential

from devkit.graph.scenario import error_code
from devkit.graph.wire import Request

if TYPE_CHECKING:
    from devkit.graph.scenario import World
    from devkit.graph.wire import Reply


def ask(world: World, query: str, **headers: str) -> Reply:
    sent = {"X-IDENTITY-HEADER": world.graph.identity_header, **headers}
    return world.graph.send(Request("GET", f"{world.graph.identity_url}?{query}", sent))


def use(world: World, token: str) -> Reply:
    return world.call("GET", world.item(), Authorization=f"Bearer {token}")


@pytest.mark.parametrize("spelling", ["https://graph.microsoft.com", "https%3A%2F%2Fgraph.microsoft.com"])
def test_a_token_for_graph_opens_graph(world: World, spelling: str) -> None:
    reply = ask(world, f"api-version=2019-08-01&resource={spelling}")
    answer = reply.json()
    assert reply.status == 200
    assert answer["resource"] == "https://graph.microsoft.com"
    assert answer["token_type"] == "Bearer"
    assert int(answer["expires_on"]) - int(answer["not_before"]) == 86_400
    assert use(world, answer["access_token"]).status == 200


def test_the_client_id_asked_for_comes_back(world: World) -> None:
    query = "api-version=2019-08-01&resource=https://graph.microsoft.com"
    assert ask(world, f"{query}&client_id=abc").json()["client_id"] == "abc"
    assert ask(world, query).json()["client_id"] == "00000000-0000-0000-0000-00000000a991"


def test_a_client_id_that_no_identity_has_is_refused(world: World) -> None:
    world.graph.switch(client_ids=["abc"])
    query = "api-version=2019-08-01&resource=https://graph.microsoft.com&client_id="
    assert ask(world, query + "abc").status == 200
    assert ask(world, query + "xyz").status == 400


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        ("https://graph.microsoft.com", 200),
        ("https://graph.microsoft.com/", 200),
        ("https://graph.microsoft.us", 200),
        ("https://microsoftgraph.chinacloudapi.cn", 200),
        ("http://127.0.0.1:1", 200),
        ("https://storage.azure.com", 401),
        ("https://storage.azure.com/", 401),
        ("api://AzureADTokenExchange", 401),
    ],
)
def test_a_token_opens_only_what_it_was_issued_for(world: World, resource: str, status: int) -> None:
    issued = ask(world, f"api-version=2019-08-01&resource={resource}").json()["access_token"]
    reply = use(world, issued)
    assert reply.status == status
    if status == 401:
        assert error_code(reply) == "InvalidAuthenticationToken"
        assert reply.header("WWW-Authenticate")


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("api-version=2019-08-01&resource=x", {"X-IDENTITY-HEADER": "wrong"}, 401),
        ("api-version=2017-09-01&resource=x", {}, 400),
        ("resource=x", {}, 400),
        ("api-version=2019-08-01", {}, 400),
        ("api-version=2019-08-01&resource=", {}, 400),
    ],
)
def test_the_identity_endpoint_refuses_what_it_cannot_serve(
    world: World, query: str, headers: dict[str, str], status: int
) -> None:
    reply = ask(world, query, **headers)
    assert reply.status == status
    assert reply.json().keys() == {"statusCode", "message"}
    assert reply.json()["statusCode"] == status


def test_the_identity_endpoint_refuses_without_its_header(world: World) -> None:
    url = f"{world.graph.identity_url}?api-version=2019-08-01&resource=x"
    assert world.graph.send(Request("GET", url)).status == 401
    assert world.graph.send(Request("POST", url)).status == 405


@pytest.mark.parametrize("status", [400, 429, 500])
def test_the_identity_endpoint_can_fail(world: World, status: int) -> None:
    world.graph.fault({"action": "status", "kind": "token", "status": status, "retry_after": 7})
    reply = ask(world, "api-version=2019-08-01&resource=https://graph.microsoft.com")
    assert (reply.status, reply.header("Retry-After")) == (status, "7")
    assert reply.json()["statusCode"] == status
    assert ask(world, "api-version=2019-08-01&resource=https://graph.microsoft.com").status == 200


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer ", "Basic abc", "Bearer unknown"])
def test_a_call_without_a_known_token_is_refused(world: World, sent: str) -> None:
    reply = world.call("GET", world.item(), Authorization=sent)
    assert (reply.status, error_code(reply)) == (401, "InvalidAuthenticationToken")


def test_tokens_need_not_be_checked(world: World) -> None:
    world.graph.switch(check_tokens=False)
    assert world.call("GET", world.item(), Authorization="").status == 200
    assert use(world, "unknown").status == 200


def test_a_token_expires(world: World) -> None:
    world.graph.switch(token_lifetime_seconds=60)
    issued = ask(world, "api-version=2019-08-01&resource=https://graph.microsoft.com").json()["access_token"]
    world.graph.advance(59)
    assert use(world, issued).status == 200
    world.graph.advance(2)
    reply = use(world, issued)
    assert (reply.status, error_code(reply)) == (401, "InvalidAuthenticationToken")
    assert "expired" in reply.json()["error"]["message"]


def test_every_token_can_be_made_to_expire_in_the_middle_of_a_transfer(world: World) -> None:
    url = world.open(10)
    world.graph.expire_tokens()
    assert use(world, world.token).status == 401
    assert world.put(url, 0, b"0123456789", 10).status == 201
    assert use(world, world.graph.issue_token()).status == 200


def test_the_401_for_a_token_that_counts_no_more_can_ask_for_claims(world: World) -> None:
    world.graph.switch(claims='{"access_token":{}}')
    assert "claims" not in (use(world, "unknown").header("WWW-Authenticate") or "")
    world.graph.expire_tokens()
    challenge = use(world, world.token).header("WWW-Authenticate") or ""
    assert 'error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="' in challenge
    assert use(world, world.graph.issue_token()).status == 200


def test_a_token_can_wear_out(world: World) -> None:
    issued = world.graph.issue_token()
    world.graph.switch(token_uses=2)
    assert [use(world, issued).status for _ in range(3)] == [200, 200, 401]


def test_a_rule_can_expire_the_tokens_at_a_chosen_call(world: World) -> None:
    world.graph.fault({"action": "expire-tokens", "kind": "put", "nth": 2})
    url = world.open(10)
    assert world.put(url, 0, b"01234", 10).status == 200
    assert use(world, world.token).status == 200
    assert world.put(url, 5, b"56789", 10).status == 201
    assert use(world, world.token).status == 401


@pytest.mark.parametrize("client_id", [None, "11111111-2222-3333-4444-555555555555"])
def test_managed_identity_credential_runs_unchanged(
    remote: World, monkeypatch: pytest.MonkeyPatch, client_id: str | None
) -> None:
    for name, value in remote.graph.identity.items():
        monkeypatch.setenv(name, value)
    with ManagedIdentityCredential(client_id=client_id) as credential:
        for scope, status in ((remote.graph.graph_origin, 200), ("https://storage.azure.com", 401)):
            assert use(remote, credential.get_token(f"{scope}/.default").token).status == status
