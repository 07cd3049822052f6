"""ASP.NET route templates as far as this host knows them."""

from __future__ import annotations

import pytest

from devkit.functions_host import routes
from devkit.functions_host.settings import SettingsError

GUID = "b3c2c2f0-6c0e-4a5e-9a68-5d9a2f6c1f7e"


def compiled(*templates: str) -> list[routes.Route]:
    return [routes.compile_route(template, {"route": template, "methods": ["GET"]}, "api") for template in templates]


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("transfers", "/api/transfers", {}),
        ("transfers", "/api/Transfers/", {}),
        ("transfers", "/api/transfersx", None),
        ("transfers/{id}", "/api/transfers/a%20b", {"id": "a b"}),
        ("transfers/{id}", "/api/transfers/a%2fb", {"id": "a%2fb"}),
        ("transfers/{id}", "/api/transfers/", None),
        ("transfers/{id}/retry", "/api/transfers/7/retry", {"id": "7"}),
        ("transfers/{id?}", "/api/transfers", {}),
        ("transfers/{id:int}", "/api/transfers/12", {"id": "12"}),
        ("transfers/{id:int}", "/api/transfers/x", None),
        ("transfers/{id:guid}", f"/api/transfers/{GUID}", {"id": GUID}),
        ("files/{*rest}", "/api/files/a/b%25.txt", {"rest": "a/b%.txt"}),
        ("files/{*rest}", "/api/files", {}),
        ("a b", "/api/a%20b", {}),
    ],
)
def test_a_template_takes_the_paths_it_should(template: str, path: str, expected: dict[str, str] | None) -> None:
    found = routes.find(compiled(template), "GET", path)
    assert (None if found is None else found[1]) == expected


def test_the_most_specific_route_wins() -> None:
    table = compiled("{*rest}", "transfers/{id}", "transfers/{id:int}", "transfers/new")
    for path, winner in {
        "/api/transfers/new": "transfers/new",
        "/api/transfers/12": "transfers/{id:int}",
        "/api/transfers/x": "transfers/{id}",
        "/api/other": "{*rest}",
    }.items():
        found = routes.find(table, "GET", path)
        assert found is not None
        assert found[0].function == winner


def test_a_method_that_no_route_takes_finds_nothing() -> None:
    assert routes.find(compiled("transfers"), "POST", "/api/transfers") is None


@pytest.mark.parametrize("template", ["{id:regex(^a$)}", "a-{id}", "{id:datetime}"])
def test_a_template_that_the_host_does_not_know_is_refused(template: str) -> None:
    with pytest.raises(SettingsError, match="does not know the route"):
        compiled(template)


def test_without_a_level_a_route_asks_for_a_function_key() -> None:
    assert routes.compile_route("f", {"route": "f"}, "").level == routes.FUNCTION
    assert routes.compile_route("f", {"route": "f", "authLevel": "ANONYMOUS"}, "").level == routes.ANONYMOUS


@pytest.mark.parametrize(
    ("level", "given", "status"),
    [
        ("anonymous", None, None),
        ("function", None, 401),
        ("function", "", 401),
        ("function", "x", 401),
        ("function", "f", None),
        ("function", "b", 403),
        ("function", "m", None),
        ("system", "f", 403),
        ("system", "b", None),
        ("admin", "f", 403),
        ("admin", None, 401),
        ("admin", "m", None),
    ],
)
def test_a_key_opens_its_level_and_one_of_another_is_forbidden(
    level: str, given: str | None, status: int | None
) -> None:
    assert routes.Keys(enforced=True, master="m", function="f", blobs_extension="b").refusal(level, given) == status
    assert routes.Keys(enforced=False, master="m", function="f", blobs_extension="b").refusal(level, given) is None
