from __future__ import annotations

import pytest

from devkit.graph.routes import content_range, kind_of, locate, query_values

GRAPH = "http://127.0.0.1:1/v1.0"
UPLOAD = "http://127.0.0.1:2/api/gv1.0/users('o@t')/messages('m%3D')/AttachmentSessions('s=')?authtoken=a.b%3D"


@pytest.mark.parametrize(
    ("method", "url", "kind"),
    [
        ("GET", f"{GRAPH}/users/u/messages", "find"),
        ("GET", f"{GRAPH}/users/u/messages?$filter=x", "find"),
        ("GET", f"{GRAPH}/users/u/messages/m", "item"),
        ("GET", f"{GRAPH}/users/u/events/e/attachments", "list"),
        ("POST", f"{GRAPH}/users/u/events/e/attachments", "post"),
        ("POST", f"{GRAPH}/users/u/messages/m/attachments/createUploadSession", "create"),
        ("POST", f"{GRAPH}/users/u/messages/m/attachments/microsoft.graph.createUploadSession", "create"),
        ("GET", f"{GRAPH}/users/u/messages/m/attachments/a", "attachment"),
        ("GET", f"{GRAPH}/users/u/messages/m/attachments/a/$value", "value"),
        ("DELETE", f"{GRAPH}/users/u/messages/m/attachments/a", "delete"),
        ("PATCH", f"{GRAPH}/users/u/messages/m/attachments/a", "other"),
        ("POST", f"{GRAPH}/users/u/messages", "compose"),
        ("PUT", f"{GRAPH}/users/u/messages", "other"),
        ("PATCH", f"{GRAPH}/users/u/messages/m", "update"),
        ("PATCH", f"{GRAPH}/users/u/events/e", "update"),
        ("DELETE", f"{GRAPH}/users/u/messages/m", "remove"),
        ("POST", f"{GRAPH}/users/u/messages/m/send", "send"),
        ("POST", f"{GRAPH}/users/u/messages/m/microsoft.graph.send", "send"),
        ("POST", f"{GRAPH}/users/u/messages/send", "other"),
        ("GET", f"{GRAPH}/users/u/mailFolders/deleteditems", "folder"),
        ("GET", UPLOAD, "ask"),
        ("DELETE", UPLOAD, "cancel"),
        ("PUT", UPLOAD, "put"),
        ("POST", UPLOAD, "other"),
        ("GET", "http://127.0.0.1:3/msi/token?resource=x", "token"),
        ("GET", "http://127.0.0.1:3/elsewhere", "other"),
        ("GET", "nonsense", "other"),
    ],
)
def test_every_kind_of_request_is_recognised(method: str, url: str, kind: str) -> None:
    assert kind_of(method, locate(url), None) == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [("bytes 0-3/10", "put"), ("bytes 4-9/10", "final-put"), ("bytes 0-9/10", "final-put"), ("nonsense", "put")],
)
def test_the_last_range_is_known_by_its_header(text: str, kind: str) -> None:
    assert kind_of("PUT", locate(UPLOAD), text) == kind


@pytest.mark.parametrize(
    ("path", "user", "item", "attachment"),
    [
        ("users/a%40b.c/messages/x%2Fy%2Bz%3D", "a@b.c", "x/y+z=", ""),
        ("users/a@b.c/messages/x=/attachments/y%3D", "a@b.c", "x=", "y="),
        ("users('a@b.c')/messages('x=')/attachments('y')", "a@b.c", "x=", "y"),
        ("users('o''neil@b.c')/messages('x')", "o'neil@b.c", "x", ""),
        ("users(%27a@b.c%27)/messages(%27x%27)", "a@b.c", "x", ""),
        ("users/u/mailFolders/f/messages/m", "u", "m", ""),
        ("users/u/mailFolders('f')/childFolders('g')/messages('m')", "u", "m", ""),
        ("me/messages/m", "me", "m", ""),
    ],
)
def test_names_are_decoded_once_segment_by_segment(path: str, user: str, item: str, attachment: str) -> None:
    route = locate(f"{GRAPH}/{path}")
    assert (route.surface, route.user, route.item, route.attachment) == ("graph", user, item, attachment)
    assert route.malformed is False


@pytest.mark.parametrize("path", ["messages/a/b", "messages/a+b", "messages/a/attachments/b+c", "messages/a/b/c/d/e"])
def test_an_id_that_was_not_encoded_is_noticed(path: str) -> None:
    assert locate(f"{GRAPH}/users/u/{path}").malformed is True


@pytest.mark.parametrize(
    ("url", "surface"),
    [
        (UPLOAD, "upload"),
        ("http://h/msi/token", "identity"),
        ("http://h/v1.0/groups/g/events/e", "none"),
        ("http://h/v1.0/users/u/drive", "none"),
        ("http://h/v1.0/users/u/mailFolders", "none"),
        ("http://h/v1.0", "none"),
        ("http://h", "none"),
        ("", "none"),
    ],
)
def test_each_surface_has_its_paths(url: str, surface: str) -> None:
    assert locate(url).surface == surface


def test_the_path_of_an_upload_url_is_kept_byte_for_byte() -> None:
    route = locate(UPLOAD)
    assert f"{route.origin}{route.path}?{route.query}" == UPLOAD


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("bytes 0-0/1", (0, 0, 1)),
        ("bytes 4-9/10", (4, 9, 10)),
        ("bytes 4-10/10", None),
        ("bytes 5-4/10", None),
        ("bytes  0-1/2", None),
        ("bytes 0-1/2 ", None),
        ("bytes 0-1", None),
        ("bytes */10", None),
        ("bytes -1-1/2", None),
        (f"bytes 0-1/{'9' * 30}", None),
    ],
)
def test_a_content_range_is_read_exactly(text: str, numbers: tuple[int, int, int] | None) -> None:
    assert content_range(text) == numbers


def test_query_options_are_decoded_like_a_form() -> None:
    found = query_values("$filter=a%20eq+'%2B%26'&$select=id,name&x&$select=id")
    assert found == {"$filter": "a eq '+&'", "$select": "id", "x": ""}
