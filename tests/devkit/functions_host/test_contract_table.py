"""How the local host stands to the real one, line by line, and what shows it.

The lines were measured on 2026-11-25 on the Azure Functions host 4.1037 with its Python worker (3.11) running this app,
WebJobs SDK 3.0.48 and storage extension 5.3.10 against Azurite; those marked «read» were read in its source.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Line:
    """`real`: what the real host does. `differs`: where this one still does something else, and why; empty: nowhere.

    `tests` are names of test functions in this folder.
    """

    number: int
    real: str
    differs: str
    tests: tuple[str, ...]


LINES = (
    Line(
        1,
        "403 on polling, on the HEAD of a blob, on "
        "the poison queue, refused connections past the client's retries, an "
        "unreadable message of the blob trigger's queue, a renewal refused: the whole host stops, 20 s each. 503 on "
        "polling and a queue that is gone are survived",
        "the process itself stays, and answers 503 while it is down, as what stands before an app in Azure does. The "
        "HEAD's refusal is played by a container name that storage refuses (400): Azurite knows no roles",
        (
            "test_what_storage_refuses_the_host_ends_it",
            "test_a_look_at_a_queue_survives_a_busy_store_and_a_queue_that_is_gone",
            "test_the_clients_retries_take_as_long_as_those_of_the_real_host",
            "test_refused_connections_end_the_host_and_every_run_in_it",
            "test_what_the_blob_trigger_cannot_read_ends_the_host_again_and_again",
            "test_while_the_host_is_down_its_address_answers_503",
            "test_a_blob_whose_head_storage_refuses_ends_the_host",
        ),
    ),
    Line(
        2,
        "a lost instance hides its messages for ten minutes; after SIGTERM a run has ten seconds, then its worker is "
        "killed and nothing is given back; a dead instance's timers are locked for 60 s",
        "`--hold`, `--drain` and `--timer-lease` shorten these where a test says so; stacks lock timers for 15 s",
        (
            "test_a_message_of_a_host_that_died_comes_back_when_its_hold_ends",
            "test_a_host_that_is_told_to_end_waits_for_what_ends_in_time",
            "test_a_host_that_is_told_to_end_gives_nothing_back",
            "test_the_timers_of_a_killed_host_stand_still_for_as_long_as_its_lock",
            "test_the_defaults_are_the_real_hosts",
        ),
    ),
    Line(
        3,
        "a message of a poison queue whose function fails is "
        "hidden for ten minutes, each time; before storage extension "
        "5.3.8 it is skipped for ever after five tries («read»)",
        "`--hold` is that time; `--poison-tries 5` is the older extension",
        (
            "test_a_message_of_a_poison_queue_that_fails_is_hidden_for_as_long_as_it_was_held",
            "test_before_storage_extension_5_3_8_a_message_of_a_poison_queue_is_skipped_after_its_tries",
        ),
    ),
    Line(
        4,
        "a message that is not base64 goes untried and raw to "
        "the poison queue, and stays there unread; one that is not "
        "UTF-8 is tried five times; with `messageEncoding: none` every text reaches the function unchanged",
        "",
        (
            "test_a_message_that_no_function_can_be_shown_goes_to_the_poison_queue_as_it_is",
            "test_a_message_that_is_not_base64_stays_in_the_poison_queue_unread",
            "test_without_an_encoding_every_text_reaches_the_function_as_it_is",
        ),
    ),
    Line(
        5,
        "a failed queue message waits its visibilityTimeout and up "
        "to maxPollingInterval more; a failed blob is tried "
        "five times at once; the poison copy has the same bytes, is visible at once and lives seven days",
        "stacks look at an idle queue twice a second (`--poll 0.5`)",
        (
            "test_a_failed_message_is_hidden_for_the_visibility_timeout",
            "test_a_blob_that_fails_is_tried_again_without_delay",
            "test_a_message_that_fails_five_times_goes_to_the_poison_queue",
        ),
    ),
    Line(
        6,
        "the blob trigger's queue does not heed maxPollingInterval: another "
        "instance's message is seen after up to 60 s; "
        "its messages are indented JSON in base64; a blob that was overwritten is run, one that is gone is dropped "
        "without a word",
        "stacks look there every two seconds (`--told 2`)",
        (
            "test_the_defaults_are_the_real_hosts",
            "test_the_blob_triggers_own_queue_does_not_heed_the_polling_interval",
            "test_a_message_survives_its_json",
            "test_a_function_sees_the_blob_as_it_is_now_not_as_it_was_at_the_event",
            "test_a_notification_is_accepted_before_anything_has_run",
        ),
    ),
    Line(
        7,
        "a chunked body arrives empty; a method that a route does not take: 404 without a body; more than 100 MiB "
        "breaks the connection",
        "",
        (
            "test_a_body_of_unknown_length_arrives_empty",
            "test_routes_and_failures_answer_as_in_azure",
            "test_a_body_may_have_100_mib_and_a_byte_more_breaks_the_connection",
        ),
    ),
    Line(
        8,
        "webhook: 500 for garbage, an event without a URL "
        "and BlobRenamed; 400 without `aeg-event-type`; 202 for another "
        "container, a blob that is gone, an unknown function, and for one object, an array or a CloudEvents batch; "
        "OPTIONS 200; 403 for a function key",
        "",
        (
            "test_other_requests_get_the_answer_of_the_functions_host",
            "test_the_handshake_of_cloud_events_is_answered",
            "test_keys_open_what_they_are_for",
        ),
    ),
    Line(
        9,
        "without `functionName`: 202, then the whole host stops, and "
        "the message stays; a wrong, unprefixed or empty name: "
        "202 and the event is gone; a key of too "
        "low a level: 403; Unsubscribe: 202; the handshake's answer is text/plain",
        "",
        (
            "test_what_the_blob_trigger_cannot_read_ends_the_host_again_and_again",
            "test_an_event_for_a_function_that_is_not_there_is_dropped",
            "test_a_key_opens_its_level_and_one_of_another_is_forbidden",
            "test_the_validation_handshake_is_answered",
        ),
    ),
    Line(
        10,
        "`webjobs-blobtrigger-poison` belongs to the account: a function on it is given other apps' messages too",
        "",
        ("test_a_function_on_the_blob_poison_queue_is_given_other_apps_messages",),
    ),
    Line(
        11,
        "functionTimeout: failed on time, the worker replaced 2 s later, "
        "the message released 10 s after that and its "
        "visibilityTimeout more; SIGKILL to the host alone: its worker lives on for minutes and ignores SIGTERM",
        "how many minutes was not measured: five here (`--orphan`)",
        (
            "test_at_the_function_timeout_the_worker_is_killed_with_everything_in_it",
            "test_a_host_that_is_killed_alone_leaves_its_worker_running",
            "test_sigterm_does_nothing_to_a_worker_whose_app_does_not_handle_it",
        ),
    ),
    Line(
        12,
        "timers: no run at the first start; a missed time runs at the next start, past due; more often than once a "
        "minute: no status blob, never past due; silent for 60 to 75 s after SIGKILL; `%NAME%` works",
        "",
        (
            "test_a_due_time_that_passed_while_no_host_ran_is_made_up_for",
            "test_a_timer_that_is_faster_than_a_minute_makes_nothing_up",
            "test_the_timers_of_a_killed_host_stand_still_for_as_long_as_its_lock",
        ),
    ),
    Line(
        13,
        "an empty key header beats a right `code`; names in a "
        "query ignore case and join; `%2F` stays in a route; headers "
        "arrive in lower case, a caller's `x-ms-client-principal` and `X-Forwarded-*` too; Set-Cookie gets an empty "
        "domain; None and an exception: 500; 431 above 32 KiB of headers, 414 for a path of 9 kB",
        "",
        (
            "test_an_empty_key_header_beats_a_code_that_is_right",
            "test_a_request_loses_its_empty_query_values_and_joins_repeated_ones",
            "test_a_route_value_is_decoded_but_for_a_slash",
            "test_headers_of_a_callers_own_making_reach_the_function_in_lower_case",
            "test_a_cookie_is_written_anew_with_a_domain",
            "test_headers_beyond_32_kib_are_too_large",
        ),
    ),
    Line(
        14,
        "a message is renewed every five minutes for ten; a bad binding disables its function alone; "
        "`/admin/host/drain` lets runs end",
        "",
        (
            "test_a_running_message_stays_hidden_for_as_long_as_it_runs",
            "test_a_binding_that_cannot_work_costs_its_function_alone",
            "test_a_host_that_is_drained_takes_nothing_more_and_lets_its_runs_end",
        ),
    ),
    Line(
        15,
        "«read»: the .NET client cannot name blobs with a slash at "
        "an end or with segments of dots; trigger metadata are "
        "JSON values with `sys`, Properties and Metadata; a disabled function answers 404 but to the master key",
        "neither the limit of one request at a time per instance nor "
        "the 230 s of Azure's front end nor the reload of a "
        "placeholder's environment is played: nothing here stands before "
        "the app, and no worker is started for another",
        (
            "test_a_blob_that_the_net_client_cannot_name_is_never_seen",
            "test_the_net_client_resolves_segments_of_dots",
            "test_a_blob_is_a_reference_to_it",
            "test_a_disabled_function_is_found_with_the_master_key_alone",
        ),
    ),
)


def test_every_line_is_there_once() -> None:
    assert [line.number for line in LINES] == list(range(1, 16))


def test_what_shows_a_line_is_a_test_of_this_folder() -> None:
    defined = {
        node.name
        for file in HERE.glob("test_*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    missing = {test for line in LINES for test in line.tests} - defined
    assert missing == set()
    assert all(line.tests for line in LINES)
