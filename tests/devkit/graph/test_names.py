from __future__ import annotations

import re

from devkit.graph.names import Names, immutable, plain


def test_ids_have_the_characters_that_careless_encoding_breaks() -> None:
    names = Names(1)
    for _ in range(100):
        assert re.fullmatch(r"AAMkAD_[A-Za-z0-9_-]{20}-[A-Za-z0-9_-]{23}=", names.outlook_id())


def test_ids_and_secrets_never_repeat() -> None:
    names = Names(1)
    made = [make() for _ in range(300) for make in (names.outlook_id, names.secret, names.guid)]
    assert len(set(made)) == len(made)


def test_one_seed_makes_the_same_ids_and_another_seed_makes_others() -> None:
    first, again, other = ([names.outlook_id() for _ in range(5)] for names in (Names(1), Names(1), Names(2)))
    assert first == again
    assert not set(first) & set(other)


def test_a_copy_goes_on_where_the_first_stands() -> None:
    names = Names(1)
    names.guid()
    twin = names.copy()
    assert [twin.guid(), twin.outlook_id()] == [names.guid(), names.outlook_id()]


def test_the_immutable_form_leads_back_to_the_plain_one() -> None:
    made = Names(1).outlook_id()
    assert immutable(made) != made
    assert plain(immutable(made)) == made
    assert plain(made) == made
    assert immutable("draft-1") == plain("draft-1") == "draft-1"
