"""By which texts people opt out, and who did: the one home of the words, and of what the event table keeps of them.

The words are Twilio's own (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out) and those that the law of the United States
counts in any case (47 CFR 64.1200(a)(10)); a company's own words, in Advanced Opt-Out, are known by OptOutType. A text is such a word
as a whole, whatever its case, spaces and punctuation, in full-width letters too (`lambdas.answer.book.plain`).

An item for each such text, `person#<sender>`, `opt-out#<number>#<time>`: the newest says whether somebody may be written to. They are on
the timeline, so that a period can be listed.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdas.answer.book import plain

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

PERSON = "person#"  #: what the partition key of facts about a person begins with
KIND = "opt-out"  #: of the item, and what its sort key begins with
STOP, START, HELP = "stop", "start", "help"
#: As `plain` writes them: "STOP ALL." is among them, and so is "opt-out".
WORDS: Mapping[str, tuple[str, ...]] = {
    STOP: ("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"),
    START: ("start", "unstop", "yes"),
    HELP: ("help", "info"),
}
KEYWORDS = {word: kind for kind, words in WORDS.items() for word in words}
CONSENT = (STOP, START)  #: the kinds that change whether somebody may be written to

Item = dict[str, Any]


def keyword(body: str, opt_out_type: str = "") -> str:
    """`stop`, `start`, `help`, or nothing: what Twilio took the text for, else what its words say."""
    kind = opt_out_type.lower()
    return kind if kind in WORDS else KEYWORDS.get(plain(body), "")


def keyword_of(fields: Mapping[str, str]) -> str:
    """The same of a request's parameters."""
    return keyword(fields.get("Body", ""), fields.get("OptOutType", ""))


def item_of(fields: Mapping[str, str], sid: str, time: str, day_shard: str, expires: int) -> Item | None:
    """What is kept of a text that changes consent: it follows from the text alone, so that writing it again changes nothing. None for
    every other text."""
    word, sender, number = keyword_of(fields), fields.get("From"), fields.get("To")
    if word not in CONSENT or not sender or not number:
        return None
    key = {"pk": PERSON + sender, "sk": f"{KIND}#{number}#{time}"}
    facts = {"kind": KIND, "time": time, "medium": "sms", "from": sender, "to": number, "state": word, "sid": sid}
    return key | facts | {"day_shard": day_shard, "expires": expires}


def has_opted_out(table: "Table", sender: str, number: str) -> bool:
    """Whether the last such text of a sender to this number said that they want none."""
    newest = table.query(
        KeyConditionExpression="pk = :sender AND begins_with(sk, :number)",
        ExpressionAttributeValues={":sender": PERSON + sender, ":number": f"{KIND}#{number}#"},
        ScanIndexForward=False,
        Limit=1,
        ConsistentRead=True,
    )["Items"]
    return bool(newest) and newest[0]["state"] == STOP
