"""Every number the core decides by. Seconds and bytes; the reason for each value stands beside it."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024

LARGEST_ATTACHMENT = 150 * MIB
"""Bytes, inclusive. Microsoft says 150 MB without saying which; above 150 MiB both readings refuse
(attachment-createuploadsession; between 150,000,000 and this Graph decides)."""

LARGEST_RANGE = 4 * MIB
"""Bytes, inclusive. "Up to 4 MB each time" (attachment-createuploadsession); 4,194,304 is accepted in production
(alcionai/corso)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient and how careful a transfer is.

    Attributes:
        range_bytes: bytes per range.
        smallest_range: a refused range is halved down to this; below it the size is not what is wrong.
        target_wait: how long an item that does not exist is waited for, from the first time Graph says so.
        target_poll_first, target_poll_cap: delay between two looks for it; doubles from the first to the cap. Even the
            shortest one (half of the first, see `retry.backoff`) is longer than `inline_wait`: no worker waits for it.
        backoff_first, backoff_cap: delay after a failure; doubles from the first to the cap.
        step_tries: failures in a row at one step (one range, one question) before the transfer gives up; where Graph
            itself fails, before the pauses grow beyond `backoff_cap`.
        session_tries: failures while one session is open, progress or not, before it gives up.
        transfer_tries: failures in the transfer's whole life before it gives up.
        best_effort_tries: failures in a row at fencing or looking where nothing can have been committed, before the
            transfer ends without it.
        throttles: answers in a row that ask to slow down before it gives up.
        throttle_cap: the longest own delay after one that names no time: windows of 30 minutes that each try starts
            anew are reported (msgraph-sdk-dotnet 250), so it goes beyond them.
        outage_wait: how long Graph may fail, or be out of reach, in a row, from the first failure on. A day: outages of
            Exchange Online lasted hours (service health history), and none of them calls for a person.
        outage_cap: the longest delay between two tries meanwhile; so a transfer goes on at most so long after it.
        access_wait: how long refused rights, tokens and upload URLs are waited out, from the first refusal on: Exchange
            caches permissions for up to two hours, and identities were refused for as long (msgraph-sdk-dotnet-core
            222).
        unexplained_wait: how long a refusal that nobody explains is tried again, at most as long as `access_wait`.
        refused_first, refused_cap: delay between two of these tries; doubles from the first to the cap.
        denied_ranges: refusals in a row by one upload URL before a new session is opened.
        ask_tries: questions to the session that fail before its offset is found out by sending.
        fence_delays: pauses before the second, third ... DELETE of a session that the one before did not find, or
            refused: a 404 was seen to pass within seconds, and one that lasts longer is believed.
        sessions: upload sessions opened, or POSTs sent, before it gives up.
        posts: POSTs without a trace before a session is tried for the same file, once.
        look_delays: pauses before the second, third ... look for an attachment that may be listed late.
        empty_wait: how long an empty blob may stay one before it is an empty file: writers that fill it later take
            minutes over a slow line. The sweep finds it after as long (`sweep.GRACE`).
        copy_wait: how long a copy from another account may be under way: a day. The service gives up after two weeks.
        file_poll_first, file_poll_cap: delay between two looks at a blob that is no whole file yet; it grows with the
            time for which it has been none.
        post_start: a POST starts at most this long after it was announced.
        post_landing: a POST that was announced this long ago has landed or never will.
        expiry_margin: how far our clock and Graph's may differ about a session's end.
        inline_wait: a wait up to this long is slept; a longer one goes back to the queue.
        storage_first, storage_cap: delay of the message that is sent where storage did not let a run be carried out;
            doubles from the first to the cap. Even the shortest one (half of the first) is longer than the lease that
            the run leaves behind. It is sent for as long as that lasts: an outage costs no patience, and
            ends for a transfer at most the cap after it ended.
        storage_tries_told: where the count in that message stops; the delay has long reached its cap.
        poison_first, poison_cap: delay of the message that is sent where the host gave up on one.
        poison_patience, poison_tries: the transfer fails once the host has been giving up on its messages for so long,
            and so often. A day: a deployment whose runs fail is noticed, and undone, within one; and each of some
            100 messages stands for five runs that failed.
    """

    range_bytes: int = LARGEST_RANGE
    smallest_range: int = 64 * 1024
    target_wait: float = 600
    target_poll_first: float = 12
    target_poll_cap: float = 60
    backoff_first: float = 1
    backoff_cap: float = 300
    step_tries: int = 24
    session_tries: int = 60
    transfer_tries: int = 120
    best_effort_tries: int = 3
    throttles: int = 200
    throttle_cap: float = 3600
    outage_wait: float = 86_400
    outage_cap: float = 1800
    access_wait: float = 7200
    unexplained_wait: float = 600
    refused_first: float = 15
    refused_cap: float = 600
    denied_ranges: int = 6
    ask_tries: int = 3
    sessions: int = 8
    posts: int = 3
    look_delays: tuple[float, ...] = (5, 25)
    fence_delays: tuple[float, ...] = (5, 25, 60)
    post_start: float = 60
    post_landing: float = 300
    expiry_margin: float = 300
    inline_wait: float = 5
    empty_wait: float = 600
    copy_wait: float = 86_400
    file_poll_first: float = 5
    file_poll_cap: float = 60
    storage_first: float = 44
    storage_cap: float = 60
    storage_tries_told: int = 99
    poison_first: float = 5
    poison_cap: float = 600
    poison_patience: float = 86_400
    poison_tries: int = 24
