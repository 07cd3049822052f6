"""Every behaviour of Graph that is unknown, limited or rare, as one switch with its answers.

The defaults are the documented or likeliest answer. A value outside a switch's answers is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Switches:
    """Sizes in bytes, times in seconds unless the name says otherwise; 0 means off where a switch is a limit."""

    # creating a session
    min_session_size: int = 3_000_000
    """Smaller files are refused: documented 3 MB, measured 2,097,152 in 2020, 3,145,728 by others."""
    max_file_size: int = 157_286_400
    """Larger files are refused (inclusive bound); 150 MB may also mean 150,000,000."""
    over_size_status: Literal[413, 400] = 413
    over_size_code: str = "ErrorAttachmentSizeLimitExceeded"
    """Exchange's code for it; what Graph answers has not been seen."""
    session_lifetime_seconds: float = 10_800
    """Never extended by later ranges."""
    upload_path: Literal["graph", "outlook"] = "graph"
    """`graph`: /api/gv1.0/users('..') or gbeta; `outlook`: /api/v2.0/Users('..')."""
    upload_origin: str = ""
    """Origin written into upload URLs in place of the emulator's own, for a proxy that stands before it."""

    # ranges
    key_casing: Literal["mixed", "pascal", "camel"] = "mixed"
    """Of ExpirationDateTime and nextExpectedRanges: LA's sample mixes them, clouds differ."""
    next_ranges: Literal["stated", "left out", "no body"] = "stated"
    """Whether a session says which byte it wants next, when it took a whole range and when it is asked. What it kept a
    part of, it says."""
    range_form: Literal["N", "N-", "N-M"] = "N"
    range_gaps: int = 1
    """Entries in nextExpectedRanges; together they always cover what is missing."""
    range_order: Literal["ascending", "descending"] = "ascending"
    wrong_offset: Literal["416", "400", "409", "restate"] = "416"
    """`restate`: 200 with the next start. Whatever the answer, nothing changes (S1)."""
    partial_bytes: int = 0
    """Keep at most this many bytes of a range and report the lower next start."""
    max_range: int = 0
    """Longer ranges get 413."""
    get_session: Literal[200, 404, 405] = 200
    expired_status: Literal[401, 404, 410] = 401
    gone_status: Literal[404, 410, 401] = 404
    """A session that was committed or cancelled, whatever is asked of it (S2)."""
    first_put_404: int = 0
    """So many PUTs of each new session are answered 404 before the first one counts."""
    first_create_404: int = 0
    """So many createUploadSession calls for each item are answered 404 before the first one counts."""
    first_delete_404: int = 0
    """So many DELETEs of each session are answered 404, and do nothing, before the first one counts."""
    keep_cut_body: bool = False
    """A range whose body broke off half-way: keep the part that arrived."""

    # the commit
    final_location: Literal["full", "none", "lower", "encoded"] = "full"
    """`lower`: /attachments('id'); `encoded`: the id percent-encoded."""
    drop_final_answer: bool = False
    """Commit, then close the connection without the 201."""
    commit_conflict: bool = True
    """A commit that starts while another one on the same item is open gets 412."""
    content_type_kept: bool = False
    """A session's contentType; else application/octet-stream (dotnet#2941)."""
    listing_lag_calls: int = 0
    """A new attachment is missing from so many listings of its item."""
    listing_lag_seconds: float = 0
    size_reported: Literal["larger", "exact", "smaller", "zero", "absent"] = "larger"
    """`larger`: file + 4.5 % + 150 bytes (LA's sample and docs#9796). 0 and wrong ones: office-js#6364, #6155."""
    type_listed: bool = True
    """Whether a listing names each attachment's @odata.type."""
    rewrites: Literal["nothing", "items", "everything"] = "nothing"
    """Which files come back with other bytes: `items` are .eml, .msg and .ics (dotnet#2712, java#758)."""
    list_page_size: int = 0
    """Attachments per page of a listing, with @odata.nextLink."""
    message_limit_at: Literal["create", "put"] = "create"
    message_limit_status: Literal[400, 413, 507] = 400
    """400 in every live sighting (motze92/office365-mail#39, sdk-java#2148); the others would be possible."""

    # any call
    after_effect_status: int = 0
    """What the calls of `after_effect_kinds` are answered with once they were carried out; 0: what they should be."""
    after_effect_kinds: tuple[str, ...] = ("post",)
    """Kinds as in a fault rule (devkit/graph/routes.py): post, create, put, final-put, cancel ..."""

    # small files and items
    post_body_limit: int = 4_194_304
    """Whole JSON body, inclusive bound."""
    post_limit_status: Literal[413, 400] = 413
    empty_post: Literal["accept", "refuse"] = "accept"
    propagation_calls: int = 0
    """An item added from now on answers 404 to so many calls that address it."""
    propagation_seconds: float = 0

    immutable_ids: bool = True
    """Whether ids are given in the form that outlasts a move where the caller asks for it (outlook-immutable-id)."""

    # composing and sending
    search_lag_calls: int = 0
    """A message that was made, changed or moved is missing from so many searches by an extended property."""
    search_lag_seconds: float = 0
    may_send: bool = True
    """Whether the identity holds Mail.Send; without it /send is refused with 403."""
    send_seconds: float = 1
    """From the 202 until the draft moves; until then it still looks like a draft."""
    send_calls: int = 0
    """And so many further requests come before it moves."""
    submitted_folder: Literal["drafts", "outbox"] = "drafts"
    """Where it lies until then."""
    sent_id: Literal["moved", "kept", "replaced"] = "moved"
    """Of the copy in Sent Items: `moved`: another id, the same immutable one (outlook-immutable-id); `replaced`:
    neither stays (docs#6250, docs#1533); `kept`: both do."""
    sent_copy: Literal["kept", "none"] = "kept"
    """`none`: nothing is left in the mailbox (PidTagDeleteAfterSubmit, or a rule)."""
    second_send: Literal["refuse", "accept"] = "accept"
    """What /send says of a message that was submitted already; accepted, it goes out again. Not documented."""
    send_limit: int = 0
    """Bytes of all files that /send takes, inclusive; 0: the mailbox's message limit."""
    send_retry_after: float = 0
    """Retry-After on the 202 of /send (java#1487); 0: none. The message went out all the same."""
    removed_to: Literal["deleteditems", "nowhere"] = "deleteditems"
    """Where DELETE of a message leaves it."""
    update_mails: tuple[str, ...] = ("subject", "body", "location", "start", "end", "importance")
    """Properties of an event whose PATCH mails every attendee. Which ones do is not documented."""
    update_mails_same: bool = True
    """Whether a PATCH mails that changes no value."""
    copies_lag: int = 0
    """So many of the newest attachments are missing from what attendees get (docs#10063)."""

    access_seconds: float = 0
    """A mailbox that is added from now on refuses access for so long: Exchange caches permissions for hours."""

    # tokens
    check_tokens: bool = True
    token_lifetime_seconds: float = 86_400
    token_uses: int = 0
    """A token counts as expired after so many Graph calls."""
    claims: str = ""
    """JSON text: the claims challenge that comes with the 401 for a token that counts no more; empty: none."""
    client_ids: tuple[str, ...] = ()
    """User-assigned identities that exist; empty: any."""

    # limits, per app and mailbox
    concurrency_limit: int = 0
    """Open requests allowed; the real limit is 4."""
    byte_window: int = 0
    """Uploaded bytes allowed per window; the real limit is 150,000,000."""
    byte_window_seconds: float = 300
    time_scale: float = 1
    """Emulated seconds per second: shortens windows and Retry-After."""

    # latency added by the server, in milliseconds, after the body was read and before it has any effect
    latency_ms_create: float = 0
    latency_ms_put: float = 0
    latency_ms_post: float = 0
    latency_ms_other: float = 0

    # what the emulator itself keeps
    keep_bytes: bool = True
    """False keeps length and SHA-256 only; `$value` then answers 501."""
    log_requests: bool = True

    def changed(self, values: Mapping[str, object]) -> Switches:
        """A copy with some switches set; ValueError names each unknown switch and each value that is not an answer."""
        faults = [fault for name, value in values.items() if (fault := _fault(name, value))]
        if faults:
            raise ValueError("; ".join(faults))
        settled = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        return replace(self, **settled)  # type: ignore[arg-type]  # _fault has just checked every type


def _fault(name: str, value: object) -> str | None:
    if name not in _TYPES:
        return f"no switch {name!r}"
    kind = _TYPES[name]
    if get_origin(kind) is Literal:
        answers = get_args(kind)
        return (
            None if any(value == one and type(value) is type(one) for one in answers) else _wrong(name, value, answers)
        )
    if kind is bool or kind is str:
        return None if isinstance(value, kind) else _wrong(name, value, kind.__name__)
    if kind is int or kind is float:
        number = isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)
        lowest = 1e-9 if name == "time_scale" else 0  # windows and waits are divided by it
        return None if number and value >= lowest else _wrong(name, value, f"a number from {lowest}")  # type: ignore[operator]
    texts = isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value)
    return None if texts else _wrong(name, value, "a list of texts")


def _wrong(name: str, value: object, answers: object) -> str:
    return f"switch {name!r} takes {answers}, not {value!r}"


_TYPES = get_type_hints(Switches)
NAMES = tuple(one.name for one in fields(Switches))
