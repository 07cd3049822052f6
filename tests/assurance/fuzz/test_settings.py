"""Whatever the environment holds: settings that work, or every fault by name and no secret among them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assurance.fuzz.environment import CONNECTION, KEY, WHOLE, check
from assurance.fuzz.generated import TEXTS
from shared.settings import SETTING_NAMES

VALUES = (
    TEXTS
    | st.sampled_from(
        ["", " ", "0", "-1", "1e3", "nan", "\u0663", "true", "drop", "a" * 64, "..", "x,y", "@", "[", "::1"]
    )
    | st.sampled_from(["https://[", "http://localhost/v1.0", "https://a@b/v1.0", "https://graph.microsoft.us/beta"])
    | st.sampled_from([CONNECTION, CONNECTION[:-20], f"AccountKey={KEY}", KEY])
)
NAMES = st.sampled_from(sorted(SETTING_NAMES)) | st.sampled_from(
    [
        "DropStorage__blobServiceUri",
        "DropStorage__queueServiceUri",
        "DropStorage__credential",
        "DropStorage__accountKey",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_settings_of_any_kind_work_or_are_refused_by_name(given_: dict[str, str]) -> None:
    check({**WHOLE, **given_})


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["version", "functionTimeout", "extensions"]), st.none() | VALUES | st.integers())
    .map(json.dumps)
    .map(str)
    | TEXTS
)
def test_a_host_json_of_any_kind_is_read_or_refused(host_json: str) -> None:
    check(WHOLE, host_json)


@pytest.mark.parametrize("name", sorted(SETTING_NAMES))
@pytest.mark.parametrize("secret", [CONNECTION, KEY, f"x={KEY}", KEY * 2])
def test_a_secret_in_the_wrong_setting_is_not_repeated(name: str, secret: str) -> None:
    check({**WHOLE, name: secret})
