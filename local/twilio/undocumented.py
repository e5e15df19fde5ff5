"""What Twilio does not document: a switch each, so that the product is tried both ways and depends on neither.

`questions()` lists them with the sentence that a first deployment on a real account has to answer.
"""

from dataclasses import dataclass, field, fields


def _open[T](default: T, question: str) -> T:
    return field(default=default, metadata={"question": question})


@dataclass(frozen=True)
class Undocumented:
    """The open questions. A default is what captured requests or several independent users report."""

    trunk_sends_error_code: bool = _open(False, "Does a disaster recovery request carry ErrorCode and ErrorUrl?")
    trunk_to_is_sip_uri: bool = _open(False, "Is To of a disaster recovery request the SIP URI that was tried last?")
    trunk_sends_geography: bool = _open(True, "Does a disaster recovery request carry FromCountry and the like?")
    trunk_recovers_without_uris: bool = _open(True, "Is a trunk without any enabled origination URI recovered?")
    trunk_recovers_after_403: bool = _open(True, "Does a SIP server that answers 403 count as failed?")
    trunk_requests_are_listed: bool = _open(True, "Do the Events of a trunk's call list the disaster recovery request?")

    error_url_keeps_query: bool = _open(True, "Does ErrorUrl keep the query string of the URL that failed?")
    error_url_keeps_fragment: bool = _open(False, "Does ErrorUrl keep the connection overrides after the #?")
    error_url_keeps_userinfo: bool = _open(False, "Does ErrorUrl keep user:password@ of the URL that failed?")
    silence_code: int = _open(11200, "Which ErrorCode says that a server took the request and never answered?")

    fallback_is_asked_again: bool = _open(True, "Does an error later in the call go to the fallback a second time?")
    cookies_reach_the_fallback: bool = _open(True, "Does a request of the fallback URL bear the call's cookies?")
    text_cookies_age_from_last_use: bool = _open(True, "Do a text's cookies live four hours from their last use?")
    fallback_keeps_idempotency_token: bool = _open(False, "Has a fallback request the token of the failed one?")
    retries_keep_idempotency_token: bool = _open(True, "Is I-Twilio-Idempotency-Token the same on a retry?")
    redirects_are_signed_anew: bool = _open(True, "Is a request signed for the address that it was redirected to?")
    redirects_keep_post: bool = _open(False, "Is a POST still a POST after HTTP 301 and 302?")

    play_error_is_fatal: bool = _open(True, "Does audio that cannot be fetched lead to the fallback URL?")
    hangup_answers: bool = _open(True, "Does <Hangup> on a ringing call answer it first?")
    late_reject_rejects: bool = _open(False, "Does <Reject> after another verb still refuse a ringing call?")
    empty_digits_are_sent: bool = _open(True, "Does actionOnEmptyResult send an empty Digits rather than none?")

    recording_sid_in_action: bool = _open(True, "Does the action request of <Record> carry RecordingSid?")
    silent_record_falls_through: bool = _open(True, "Does <Record> of silence go on with the next verb?")

    refused_whisper_status: str = _open("completed", "What is DialCallStatus when the person called refused?")
    unbridged_is_said: bool = _open(True, "Is DialBridged=false sent, rather than no DialBridged at all?")
    failed_whisper_connects: bool = _open(False, "Is a call connected whose whisper document could not be had?")
    whisper_may_pause_and_redirect: bool = _open(False, "May a whisper hold <Pause> and <Redirect>?")
    abandoned_dial_status: str = _open("no-answer", "What is DialCallStatus when the caller hangs up while it rings?")
    abandoned_dial_asks_action: bool = _open(True, "Is the action of <Dial> requested when the caller hung up?")
    foreign_caller_id_fails: bool = _open(True, "Does <Dial> without callerId fail for an anonymous caller?")


def questions() -> list[tuple[str, object, str]]:
    """(name, default, question) of every switch, in order: the list for `docs/first_deployment.md`."""
    return [(each.name, each.default, each.metadata["question"]) for each in fields(Undocumented)]
