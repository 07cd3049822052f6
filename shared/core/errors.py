"""The one catalogue of everything that can end a transfer, or be held against a request.

A code is stable: it stands in the checkpoint, the logs, the HTTP answers and the documents alike. `retryable` says
whether trying the same transfer again later can help without a person changing anything first. Where Graph's own words
lead to a code is told in `shared/graph/refusals.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.core.codes import Code

__all__ = ["CATALOGUE", "Code", "Entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What the catalogue says of a code.

    Attributes:
        title: one short sentence without facts of the single case.
        remedy: what a person does about it, in the imperative.
        retryable: True where the same transfer may succeed later although nobody changed anything.
        waiting: the title while the transfer still waits for it to pass; None where the title fits that too.
    """

    title: str
    remedy: str
    retryable: bool = False
    waiting: str | None = None


_CORRECT = " In a blob's metadata: correct it and retry the transfer; the file need not be dropped again."
"""Tail of the remedies for whatever metadata, or a request's body, can have wrong. A retry reads metadata anew."""

CATALOGUE: dict[Code, Entry] = {
    Code.MAILBOX_MISSING: Entry(
        "No mailbox is named.",
        f"Set `mailbox` to the mailbox's address or object id.{_CORRECT}",
    ),
    Code.MAILBOX_INVALID: Entry(
        "The mailbox is neither an address nor an object id.",
        f"Set `mailbox` to the user principal name (name@domain) or to the object id (a GUID).{_CORRECT}",
    ),
    Code.MAILBOX_NOT_ALLOWED: Entry(
        "This deployment may not write to that mailbox.",
        f"Use a mailbox of the setting ALLOWED_MAILBOXES, or have an operator add this one to it and retry.{_CORRECT}",
    ),
    Code.TARGET_MISSING: Entry(
        "No message or event is named.",
        f"Set exactly one of `messageid`, `eventid`, `internetmessageid`, `icaluid`.{_CORRECT}",
    ),
    Code.TARGET_CONTRADICTORY: Entry(
        "More than one message or event is named.",
        f"Keep exactly one of `messageid`, `eventid`, `internetmessageid`, `icaluid`.{_CORRECT}",
    ),
    Code.TARGET_INVALID: Entry(
        "The id of the message or event is unusable.",
        "Give the id as Microsoft Graph returned it. In blob metadata % is written %25; + and / may stand as they are."
        f"{_CORRECT}",
    ),
    Code.METADATA_ENCODING: Entry(
        "A metadata value is not percent-encoded UTF-8.",
        f"Percent-encode the value as UTF-8 (a literal % is %25).{_CORRECT}",
    ),
    Code.METADATA_KEY_UNKNOWN: Entry(
        "A metadata key is unknown, and nearly one of this app's.",
        "Nothing, where the key is another program's. Else write the key as it is meant: if the transfer failed, "
        "correct the metadata and retry it; if the file is attached already, remove the attachment and drop it again.",
    ),
    Code.ATTACHMENT_NAME_INVALID: Entry(
        "The attachment's name is unusable.",
        f"Set `attachmentname` to 1 to 255 characters without control characters.{_CORRECT}",
    ),
    Code.CONTENT_TYPE_INVALID: Entry(
        "The content type is unusable.",
        f"Set `contenttype` to a media type such as application/pdf, or leave it out.{_CORRECT}",
    ),
    Code.INLINE_INVALID: Entry(
        "`isinline` is neither true nor false.",
        f"Set `isinline` to `true` or `false`, or leave it out.{_CORRECT}",
    ),
    Code.CONTENT_ID_MISSING: Entry(
        "An inline picture has no content id.",
        f"Set `contentid` to the value that the message's HTML names as `cid:`.{_CORRECT}",
    ),
    Code.CONTENT_ID_INVALID: Entry(
        "The content id is unusable.",
        "Set `contentid` to 1 to 255 characters without spaces or control characters, with or without `cid:` or `<>`."
        f"{_CORRECT}",
    ),
    Code.SOURCE_EMPTY: Entry(
        "The file is empty.",
        "Outlook takes no empty attachment through an upload session: drop the file again, with content.",
    ),
    Code.SOURCE_TOO_LARGE: Entry(
        "The file is larger than 157,286,400 bytes.",
        "Outlook takes at most that (its 150 MB) per attachment: share the file by a link, or drop it again in parts.",
    ),
    Code.SOURCE_INCOMPLETE: Entry(
        "The file is not complete: the copy that makes it is under way, or has failed.",
        "Let the copy end, or make it again; the finished copy is attached by itself, or dropped again.",
    ),
    Code.SOURCE_CHANGED: Entry(
        "The file was overwritten while it was being attached.",
        "Nothing to do: the newer version is a transfer of its own. Avoid overwriting a file that is in flight.",
    ),
    Code.SOURCE_GONE: Entry(
        "The file was deleted before it was attached.",
        "Drop the file again, and leave it until its transfer has ended.",
    ),
    Code.SOURCE_UNREADABLE: Entry(
        "The file could not be read from storage.",
        "Check the app's role on the drop container (at least Storage Blob Data Reader) and its network; then retry.",
        retryable=True,
        waiting="The file cannot be read from storage just now.",
    ),
    Code.SOURCE_ARCHIVED: Entry(
        "The file is in the archive tier, from which nothing can be read.",
        "Move the blob to the hot tier, wait until it is rehydrated, and retry; keep lifecycle rules away from the "
        "drop container.",
    ),
    Code.SOURCE_ENCRYPTED: Entry(
        "The file is encrypted with a key that the app does not have.",
        "Drop the file again without a customer-provided key, in an encryption scope that is enabled.",
    ),
    Code.TARGET_NOT_FOUND: Entry(
        "The message or event does not exist in the mailbox.",
        "Check the id and the mailbox. An id changes when the item is moved or sent. Correct the metadata where they "
        "are wrong, or make the item; then retry.",
        waiting="The message or event does not exist yet.",
    ),
    Code.TARGET_AMBIGUOUS: Entry(
        "Several items match the lookup.",
        "Name the one item by `messageid` or `eventid`: correct the metadata, then retry.",
    ),
    Code.TARGET_IN_OTHER_MAILBOX: Entry(
        "The id belongs to another mailbox.",
        "Set `mailbox` to the mailbox the id was read from: correct the metadata, then retry.",
    ),
    Code.MAILBOX_NOT_FOUND: Entry(
        "The mailbox does not exist.",
        "Check the address; a user without a mailbox, or an external guest, has none. Correct the metadata; then "
        "retry.",
        waiting="Microsoft Graph does not find the mailbox just now.",
    ),
    Code.MAILBOX_NOT_SUPPORTED: Entry(
        "Microsoft Graph cannot reach this mailbox.",
        "The mailbox is unlicensed, soft-deleted or on-premises: have an administrator license or migrate it; then "
        "retry.",
        waiting="Microsoft Graph cannot reach the mailbox just now.",
    ),
    Code.MAILBOX_FULL: Entry(
        "The mailbox is full.",
        "Free space in the mailbox or raise its quota; then retry.",
    ),
    Code.MESSAGE_LIMIT_EXCEEDED: Entry(
        "The item would exceed the mailbox's message size limit.",
        "Ask the Exchange administrator to raise the mailbox's limits (Set-Mailbox -MaxSendSize and -MaxReceiveSize; "
        "35 MB unless raised, at most 150 MB); then retry.",
    ),
    Code.ATTACHMENT_TOO_LARGE: Entry(
        "Microsoft Graph refuses an attachment of this size.",
        "Share the file by a link, or drop it again in parts.",
    ),
    Code.ACCESS_DENIED: Entry(
        "The app may not write to this mailbox.",
        "Put the mailbox into the app's Exchange management scope (Application Mail.ReadWrite, or Application "
        "Calendars.ReadWrite for events). A change takes up to two hours. Then retry.",
        retryable=True,
        waiting="Access to the mailbox is not granted yet.",
    ),
    Code.TOKEN_REJECTED: Entry(
        "Microsoft Graph rejects the app's token.",
        "Check GRAPH_CLIENT_ID, GRAPH_TENANT_ID and GRAPH_SCOPE against the deployment; then retry.",
        retryable=True,
        waiting="Microsoft Graph rejects the app's token just now.",
    ),
    Code.IDENTITY_UNAVAILABLE: Entry(
        "The app's identity gives no token.",
        "Check that the managed identity is assigned and GRAPH_CLIENT_ID is its client id; then retry.",
        retryable=True,
        waiting="The app's identity gives no token just now.",
    ),
    Code.GRAPH_THROTTLED: Entry(
        "Microsoft Graph kept asking to slow down.",
        "Retry later; other apps or transfers are using up this mailbox's allowance (150 MB in 5 minutes).",
        retryable=True,
        waiting="Microsoft Graph asks to slow down.",
    ),
    Code.GRAPH_UNAVAILABLE: Entry(
        "Microsoft Graph kept failing.",
        "See the service health page of the tenant; retry when it is green.",
        retryable=True,
        waiting="Microsoft Graph fails just now.",
    ),
    Code.GRAPH_UNREACHABLE: Entry(
        "Microsoft Graph could not be reached.",
        "Check the app's outbound network, DNS and firewall rules; then retry.",
        retryable=True,
        waiting="Microsoft Graph cannot be reached just now.",
    ),
    Code.GRAPH_CONFLICT: Entry(
        "Other writers kept changing the item.",
        "Stop other programs from writing to the item while files are attached; then retry.",
        retryable=True,
        waiting="Other writers are changing the item.",
    ),
    Code.GRAPH_REFUSED: Entry(
        "Microsoft Graph refused the request.",
        "Look up Graph's own code in the error's `graph` part; retry once its cause is gone.",
        waiting="Microsoft Graph refuses the request just now, and does not say why.",
    ),
    Code.GRAPH_ANSWER_UNEXPECTED: Entry(
        "Microsoft Graph answered in a form nobody documents.",
        "Report the error with its request id; a retry is safe.",
        retryable=True,
    ),
    Code.UPLOAD_HOST_REFUSED: Entry(
        "The upload session points to a host that is not allowed.",
        "If the host is Microsoft's, add it to GRAPH_UPLOAD_HOSTS and retry; if not, treat it as an attack.",
    ),
    Code.RANGE_REFUSED: Entry(
        "Microsoft Graph refuses ranges of even the smallest size.",
        "Report the error with its request id; something between the app and Graph limits request bodies. Retry once "
        "it does not.",
    ),
    Code.UPLOAD_DENIED: Entry(
        "The upload sessions that Microsoft Graph opened kept refusing the file.",
        "See the service health page of the tenant, and check that nothing between the app and Graph changes "
        "requests; then retry.",
        retryable=True,
        waiting="The upload session refuses the file just now.",
    ),
    Code.UPLOAD_STALLED: Entry(
        "The upload was started again too often.",
        "Retry later. If it happens again, report the transfer's history.",
        retryable=True,
        waiting="The upload is about to be started again.",
    ),
    Code.SIZE_ROUTES_REFUSED: Entry(
        "Graph calls the file too large for one request and too small for an upload session.",
        "Report the error with its request id; the service's limits contradict each other for this size. Drop the file "
        "again in another size, zipped for one.",
    ),
    Code.COMMIT_IN_DOUBT: Entry(
        "The file may or may not be attached: the evidence does not tell.",
        "Open the item. If the file is there, nothing is left to do; if it is not, retry the transfer.",
    ),
    Code.CHECKPOINT_UNREADABLE: Entry(
        "The checkpoint is damaged or not ours; it was left untouched.",
        "Look at the checkpoint blob; delete it and drop the file again only after checking the item.",
    ),
    Code.CHECKPOINT_NEWER: Entry(
        "The checkpoint was written by a newer version of the app; it was left untouched.",
        "Deploy that version again, or wait until it is; the sweep then carries the transfer on.",
    ),
    Code.MESSAGE_UNREADABLE: Entry(
        "A queue message is not one of ours.",
        "Find out what else writes to the transfer queue, and stop it.",
    ),
    Code.RUNS_FAILED: Entry(
        "The run kept failing before it could decide anything.",
        "Look at the app's exceptions for this transfer's id; retry once their cause is gone.",
        retryable=True,
    ),
    Code.SWEEP_FAILED: Entry(
        "The sweep cannot handle a file, a transfer, or a part of its own.",
        "GET /api/health/details names it. Report the exception that stands there; the sweep goes on with everything "
        "else, and tries this again more and more rarely.",
    ),
    Code.STORAGE_UNAVAILABLE: Entry(
        "The app's storage does not answer.",
        "Try again in a few seconds. If it lasts, check the app's roles on the storage account and its network path.",
        retryable=True,
    ),
    Code.STORAGE_ACCESS_DENIED: Entry(
        "The storage account does not let the app in.",
        "Check the identity's roles on the account (Storage Blob Data Contributor, Storage Queue Data Contributor), or "
        "the key or SAS of the connection string, and the account's firewall. A new role takes up to ten minutes; the "
        "app goes on by itself.",
        retryable=True,
    ),
    Code.STORAGE_DISABLED: Entry(
        "The storage account, or a container or queue in it, is disabled.",
        "Have the account's owner enable it again (see the subscription's state); the sweep then carries on.",
    ),
    Code.STORAGE_IMMUTABLE: Entry(
        "An immutability policy or a legal hold keeps a blob from being changed or deleted.",
        "Remove the policy or hold from the checkpoint container: the app has to overwrite its blobs. On the drop "
        "container it only keeps SOURCE_ON_SUCCESS=delete from working.",
    ),
    Code.STORAGE_LEASED: Entry(
        "Another program holds a lease on a blob.",
        "Find out what leases blobs of the app's containers, and break the lease; the app tries again by itself.",
        retryable=True,
    ),
    Code.STORAGE_ARCHIVED: Entry(
        "A checkpoint is in the archive tier, from which nothing can be read.",
        "Move the blob to the hot tier, and exempt the checkpoint container from lifecycle rules; the sweep then "
        "carries the transfer on.",
    ),
    Code.STORAGE_ENCRYPTED: Entry(
        "Storage cannot decrypt a blob, or write it: the key or encryption scope is not available.",
        "Enable the encryption scope, or give the account back its access to the key in Key Vault; the sweep then "
        "carries on.",
    ),
    Code.STORAGE_REFUSED: Entry(
        "Storage refuses a request of the app's, and says that repeating it is no use.",
        "Look up storage's own code in the detail. Check that the account is a general purpose v2 account, and report "
        "the code if it is.",
    ),
    Code.SENDING_OFF: Entry(
        "This deployment does not send.",
        "Have an operator set SENDING=on and grant Mail.Send, and retry; or leave `oncomplete` out.",
    ),
    Code.SEND_DENIED: Entry(
        "The app may not send from this mailbox.",
        "Put the mailbox into the app's Exchange management scope with Application Mail.Send. A change takes up to two "
        "hours. Then retry the delivery.",
    ),
    Code.DRAFT_INVALID: Entry(
        "The draft is not described in a usable way.",
        "Name it with 1 to 200 characters; give `subject`, one of `body` and `bodyblob`, `bodytype` (text or html) and "
        f"`importance` (low, normal or high) only where they are wanted.{_CORRECT}",
    ),
    Code.RECIPIENTS_INVALID: Entry(
        "The recipients are not usable.",
        f"Give plain addresses (name@domain), separated by semicolons or commas, at most 500 in all.{_CORRECT}",
    ),
    Code.ONCOMPLETE_INVALID: Entry(
        "What is to happen once all files are attached is not said in a usable way.",
        "Set `oncomplete` to `send` for a message, or to `update` for an event, and `expectedfiles` to the number of "
        f"files.{_CORRECT}",
    ),
    Code.RECIPIENTS_REFUSED: Entry(
        "Exchange refuses the recipients.",
        "Give the draft at least one recipient, and correct the addresses in Outlook; then retry the delivery.",
    ),
    Code.DRAFT_CONTRADICTORY: Entry(
        "The file asks for another draft of the same name.",
        "The first file decides recipients, subject and text. Correct the metadata, or leave these keys out, and "
        "retry; or name another draft.",
    ),
    Code.DRAFT_AMBIGUOUS: Entry(
        "Several drafts carry the same mark.",
        "Open the mailbox, delete the drafts that are not wanted, and retry the delivery.",
    ),
    Code.DRAFT_GONE: Entry(
        "The draft or event is gone.",
        "Look into Sent Items first. Restore it in Outlook and retry the delivery; or drop the file again under "
        "another draft's name.",
    ),
    Code.DELIVERY_CONTRADICTORY: Entry(
        "The files of one item ask for different things.",
        "Cancel the transfer that is wrong, or correct its metadata and retry; the delivery then goes on by itself.",
    ),
    Code.DELIVERY_TOO_MANY_FILES: Entry(
        "More files came than were announced.",
        "Cancel the transfer that does not belong, or correct `expectedfiles` and retry; the delivery then goes on by "
        "itself.",
    ),
    Code.DELIVERY_FILE_FAILED: Entry(
        "A file could not be attached.",
        "See the transfer's own error; retry or cancel it. The delivery then goes on by itself.",
    ),
    Code.DELIVERY_FILE_MISSING: Entry(
        "An attached file is not on the item any more.",
        "Put the file back in Outlook and retry the delivery, or cancel the delivery and send the message by hand.",
    ),
    Code.DELIVERY_OVER: Entry(
        "The delivery that the file belongs to is over.",
        "Retry the delivery first and then the transfer; or drop the file again under another draft's name.",
    ),
    Code.ALREADY_SENT: Entry(
        "The message has been sent already.",
        "Nothing is sent twice: drop the file again under another draft's name where it has to go out all the same.",
    ),
    Code.SEND_IN_DOUBT: Entry(
        "The message may or may not have been sent: the evidence does not tell.",
        "Look into Sent Items and Drafts of the mailbox. If it was sent, nothing is left to do; if it was not, retry "
        "the delivery.",
    ),
    Code.MAILBOX_ALLOWANCE_USED: Entry(
        "The mailbox's allowance is used up.",
        "Nothing to do: the transfer goes on once bytes sent earlier no longer count (150 MB in 5 minutes).",
        retryable=True,
    ),
    Code.MAILBOX_BUSY: Entry(
        "Other transfers have the mailbox, or the item.",
        "Nothing to do: the transfer goes on when its turn comes (4 requests at once, one commit per item).",
        retryable=True,
    ),
    Code.EVIDENCE_PENDING: Entry(
        "An answer was lost: whether the file is attached is being found out.",
        "Nothing to do: the item is looked at again, because a list may lag.",
        retryable=True,
    ),
    Code.DELIVERY_FILES_AWAITED: Entry(
        "Not all files of the item are attached yet.",
        "Nothing to do: the delivery goes on with the last file. Drop the files that are still missing.",
        retryable=True,
    ),
    Code.REQUEST_INVALID: Entry(
        "The request is not of the documented form.",
        "Correct every fault that is listed; GET /api/openapi.json describes each request.",
    ),
    Code.REQUEST_TOO_LARGE: Entry(
        "The request's body is too large.",
        "Send the file's name only; the file itself goes into the drop container.",
    ),
    Code.BLOB_NOT_FOUND: Entry(
        "The drop container has no such file.",
        "Upload the file first, and give its name inside the container, folders included.",
    ),
    Code.TRANSFER_NOT_FOUND: Entry(
        "There is no such transfer.",
        "Take the id from the answer that started the transfer, or from GET /api/transfers.",
    ),
    Code.TRANSFER_NOT_OVER: Entry(
        "The transfer is still under way.",
        "Wait for its end, or cancel it; only a failed or cancelled transfer can be tried again.",
    ),
    Code.TRANSFER_ATTACHED: Entry(
        "The file is attached already.",
        "Nothing is left to do here; remove the attachment in Outlook if it is not wanted.",
    ),
    Code.TRANSFER_FAILED: Entry(
        "The transfer has failed already.",
        "Nothing is left to cancel; see its error for what to do.",
    ),
    Code.RETRY_POINTLESS: Entry(
        "The same transfer cannot succeed.",
        "Correct the blob's metadata and retry, where they are what is wrong; else correct the file and drop it again, "
        "or start a new transfer that names the target.",
    ),
    Code.TRANSFER_NOT_FAILED: Entry(
        "The transfer has not failed.",
        "Nothing is left to acknowledge: only a failed transfer can be.",
    ),
    Code.TRANSFER_CHANGED: Entry(
        "The transfer was tried again after it had been chosen.",
        "Look at it as it is now; choose it again if it still needs it.",
    ),
    Code.OPERATION_NOT_FOUND: Entry(
        "There is no such operation.",
        "Take the id from the answer that started the operation.",
    ),
}
