"""Every number a delivery decides by. Seconds unless the name says otherwise; the reason stands beside each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How patient and how careful a delivery is.

    Attributes:
        search_delays: pauses between looks for a draft whose POST was not answered: searches lag. Together longer than
            a POST can be on its way (`act_start`, and four minutes as in `Policy.post_landing`).
        composes: POSTs for one draft that may have been carried out, before it gives up.
        act_start: a POST, /send or PATCH starts at most this long after it was made durable.
        look_delays: pauses before the second, third ... look for an attachment that may be listed late.
        fresh_for: /send goes out at most this long after the item was seen with all its files.
        settle_delays: pauses between looks for what became of an act; the last one repeats.
        settle_for: how long a draft that still looks like one is waited for after /send: transport may hold it
            (outlook-things-to-know-about-send-mail names no time; 30 messages a minute are let through, the rest held).
        settle_looks: and so many looks at least, because nobody looks while a run is dead.
        refused_for: the same after a plain no (400, 403, 404), which no report has seen after an effect.
        sends: submissions that may have been carried out, in all, where `second_send` allows more than one.
        second_send: this tenant was measured to refuse /send for a message that was submitted: only then a draft that
            is still one after `settle_for` is submitted again.
        files_poll: how often files are counted while nothing says that one has ended.
        backoff_first, backoff_cap: delay after a failure; doubles from the first to the cap.
        throttle_cap: the longest own delay after an answer that asks to slow down.
        step_tries: failures in a row at one step before it gives up.
        throttles: answers in a row that ask to slow down before it gives up.
        access_wait: how long refused rights are waited out before anything was sent: Exchange caches permissions for
            two hours.
        refused_first, refused_cap: delay between two of these tries.
        discard: a draft that the app made is deleted when its delivery ends failed or cancelled.
    """

    search_delays: tuple[float, ...] = (2, 5, 15, 30, 60, 90, 120)
    composes: int = 3
    act_start: float = 60
    look_delays: tuple[float, ...] = (5, 25)
    fresh_for: float = 30
    settle_delays: tuple[float, ...] = (2, 5, 10, 20, 60)
    settle_for: float = 900
    settle_looks: int = 6
    refused_for: float = 120
    sends: int = 3
    second_send: bool = False
    files_poll: float = 600
    backoff_first: float = 1
    backoff_cap: float = 300
    throttle_cap: float = 3600
    step_tries: int = 24
    throttles: int = 200
    access_wait: float = 7200
    refused_first: float = 15
    refused_cap: float = 600
    discard: bool = False
