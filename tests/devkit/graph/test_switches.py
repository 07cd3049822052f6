from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devkit.graph.switches import NAMES, Switches

if TYPE_CHECKING:
    from devkit.graph.scenario import World


def test_all_switches_are_shown_with_their_values(world: World) -> None:
    shown = world.graph.switch(wrong_offset="409", get_session=405)
    assert set(shown) == set(NAMES)
    assert (shown["wrong_offset"], shown["get_session"], shown["min_session_size"]) == ("409", 405, 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nonsense": 1}, "no switch 'nonsense'"),
        ({"wrong_offset": "417"}, "'wrong_offset' takes"),
        ({"get_session": "200"}, "'get_session' takes"),
        ({"get_session": True}, "'get_session' takes"),
        ({"keep_bytes": 1}, "'keep_bytes' takes bool"),
        ({"upload_origin": 1}, "'upload_origin' takes str"),
        ({"partial_bytes": -1}, "'partial_bytes' takes a number"),
        ({"partial_bytes": 1.5}, "'partial_bytes' takes a number"),
        ({"partial_bytes": True}, "'partial_bytes' takes a number"),
        ({"time_scale": 0}, "'time_scale' takes a number"),
        ({"client_ids": "abc"}, "'client_ids' takes a list of texts"),
        ({"client_ids": [1]}, "'client_ids' takes a list of texts"),
    ],
)
def test_a_wrong_switch_is_refused_by_name(world: World, values: dict[str, object], message: str) -> None:
    before = world.graph.switch()
    with pytest.raises(ValueError, match=message):
        world.graph.switch(get_session=405, **values) if "get_session" not in values else world.graph.switch(**values)
    assert world.graph.switch() == before


def test_every_wrong_switch_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"no switch 'a'; switch 'get_session' takes"):
        Switches().changed({"a": 1, "get_session": 3})


def test_the_defaults_are_their_own_answers() -> None:
    defaults = Switches()
    assert defaults.changed({name: getattr(defaults, name) for name in NAMES}) == defaults
