"""Media of texts: a customer's photo, fetched while Twilio still has it.

Twilio answers with a redirect to another host; our key goes to the first host alone. Media are never deleted at Twilio: whoever gets the
text handed back fetches them there. https://www.twilio.com/docs/messaging/api/media-resource#fetch-a-media-resource
"""

import mimetypes
from io import BufferedIOBase

from lambdas.workers.recordings import Unusable, check_answer
from lambdas.workers.tasks import Media
from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_api import TwilioApi, host_of, is_twilio
from lambdas.workers.twilio_regions import HOME, api_host, living

UNKNOWN = "application/octet-stream"
#: How pages begin that servers send instead of a photo: HTML, XML, JSON. Types that are such text themselves end so, or begin with text/.
PAGES = (b"<", b"{")
MARKUP = ("xml", "json")


def fetch(api: TwilioApi, media: Media, deadline: Deadline, out: BufferedIOBase) -> str:
    """Write a medium to `out` and return its type. Raises NotYet, Unusable, and what `TwilioApi.download` raises.

    Telephones and networks name types as they like: a PNG that calls itself a JPEG is kept all the same, an error page is not.
    """
    answer = api.download(media.account, address(media), deadline, out)
    announced = media.type.partition(";")[0].strip().lower()
    check_answer(answer, (answer.type if akin(answer.type, announced) else announced,))
    if is_page(answer.type, out):
        raise Unusable(f"it is a page of text and no {answer.type}")
    return announced if answer.type == UNKNOWN and announced else answer.type


def akin(served: str, announced: str) -> bool:
    """Whether a type may be that of what was announced: both images, or not told more closely by one of the two."""
    family, named = served.partition("/")[0], announced.partition("/")[0]
    return family == named or served == UNKNOWN or (announced in ("", UNKNOWN) and family not in ("text", ""))


def is_page(kind: str, out: BufferedIOBase) -> bool:
    """Whether a file is a page of text although its type is none."""
    out.seek(0)
    return out.read(64).lstrip().startswith(PAGES) and not kind.startswith("text/") and not kind.endswith(MARKUP)


def address(media: Media) -> str:
    """Where a medium is: at the host that Twilio named, on a path made of SIDs alone."""
    host = living(host_of(media.url)) if is_twilio(media.url) else api_host(HOME)
    return f"https://{host}/2010-04-01/Accounts/{media.account}/Messages/{media.message}/Media/{media.sid}"


def suffix(kind: str) -> str:
    """`jpg` for image/jpeg; `bin` for what is unknown."""
    return (mimetypes.guess_extension(kind) or ".bin").lstrip(".")
