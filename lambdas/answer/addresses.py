"""Who is at the other end: one normal form for every notation in which Twilio, a trunk or a desk phone writes an address.

    +12025550100                      a telephone number in E.164
    911, 102, 0301234567              digits that only the country or the switchboard of whoever dialled them explains
    whatsapp:+12025550100, rcs:...    a channel and an address: a person, reached by that channel
    client:ann, sip:ann@pbx.example   nobody with a number
    anonymous                         somebody who withholds the number, by whichever of Twilio's words

`sip:+1...@pbx`, `tel:+1...`, `%2B1...`, `<sip:...>` and `+1 (202) 555-0100` all become the number that is in them.
"""

from collections.abc import Callable
from urllib.parse import unquote

from lambdas.answer.request import Fields, Json, Request

WITHHELD = "anonymous"
#: Words that stand for a number, and the same typed on a keypad: ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE. Their digits look
#: like E.164 and are nobody's. https://help.twilio.com/articles/223179988
WITHHELD_WORDS = frozenset({"anonymous", "restricted", "blocked", "unknown", "unavailable", "private", "withheld"})
WITHHELD_DIGITS = frozenset({"266696687", "7378742833", "2562533", "8656696", "86282452253"})

#: What stands between digits, and the key by which some telephones end them.
SEPARATORS = str.maketrans("", "", " \u00a0-.()/#")
SCHEMES = ("sip:", "sips:", "tel:")
EMPLOYEES = ("sip:", "sips:", "client:")
CHANNELS = ("whatsapp:", "rcs:")
LONGEST_NUMBER = 15  #: digits of E.164, the country's included
SHORTEST_CALLER = 11  #: digits of a caller's number without plus that can only have a country's in front
SHORTEST_CALLED = 8  #: of a number of the company's, which Twilio always writes with the country's


def normal(address: str) -> str:
    """The normal form of whoever calls or is called."""
    return normalized(address, SHORTEST_CALLER)


def called(address: str) -> str:
    """The normal form of a number of the company's: a trunk may leave out the plus."""
    return normalized(address, SHORTEST_CALLED)


def normalized(address: str, shortest: int) -> str:
    """The same; `shortest` is how many digits make a number where the plus is missing."""
    user = user_of(address)
    digits = digits_of(user)
    if user.lower() in WITHHELD_WORDS or digits.lstrip("+") in WITHHELD_DIGITS:
        return WITHHELD
    if not digits:
        return address
    bare = shortest <= len(digits) <= LONGEST_NUMBER and digits[0] not in "+0"
    return f"+{digits}" if bare else digits


def user_of(address: str) -> str:
    """The part of a SIP address or of a `tel:` URI that names somebody; any other address as it is."""
    text = address.rpartition("<")[2].strip(" >")
    scheme, colon, rest = text.partition(":")
    if f"{scheme.lower()}{colon}" not in SCHEMES:
        return unquote(text)
    return unquote(rest.partition("@")[0].partition(";")[0])


def digits_of(user: str) -> str:
    """The digits of a number, with the plus if there is one, without what separates them; nothing where it is no number."""
    digits = user if user.isdigit() else user.translate(SEPARATORS)
    return digits if digits.isascii() and digits[digits[:1] == "+" :].isdigit() else ""


def is_number(address: str) -> bool:
    """Whether this is a phone number in E.164: the plus sign and 7 to 15 digits, which are no word on a keypad."""
    digits = address[1:]
    is_e164 = address[:1] == "+" and 7 <= len(digits) <= LONGEST_NUMBER and digits.isascii() and digits.isdigit()
    return is_e164 and digits not in WITHHELD_DIGITS


def is_withheld(address: str) -> bool:
    """Whether somebody calls without showing a number."""
    return normal(address) == WITHHELD


def person_in(fields: Fields | dict[str, str]) -> str:
    """The parameter that holds whoever is on the line: the caller, or whom the company called.
    https://www.twilio.com/docs/voice/twiml#request-parameters (Direction)"""
    return "To" if (fields.get("Direction") or "").startswith("outbound") else "From"


def is_employee(request: Request) -> bool:
    """Whether a phone of the company's own is on the line, which dialled what stands in To: on a SIP domain or in the Voice SDK."""
    if request.path.startswith(("/sip/", "/app/")):
        return True
    return (request.fields.get("From") or "").lower().startswith(EMPLOYEES) and not request.trunk


def in_full(dialled: str, plan: Json, is_unchanged: Callable[[str], bool]) -> str:
    """What a desk phone dialled, in E.164: national numbers as in the country of the phone, whose plan was compiled at synth
    (`answerbook.dialling`). What is said to be unchanged, and whatever is no number, stays as it is."""
    digits = digits_of(user_of(dialled))
    if not digits or digits[0] == "+" or is_unchanged(digits):
        return digits or dialled
    code, lengths = plan["code"], plan["lengths"]
    for prefix, stands_for in plan["prefixes"]:
        rest = digits.removeprefix(prefix)
        if digits.startswith(prefix) and (not stands_for or len(rest) in lengths):
            return f"+{stands_for}{rest}"
    if digits.startswith(code) and len(digits) - len(code) in lengths and len(digits) >= SHORTEST_CALLED:
        return f"+{digits}"
    return f"+{digits}" if len(digits) >= SHORTEST_CALLER and digits[0] != "0" else digits
