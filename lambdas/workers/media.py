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

#: How files of some types begin, and after how many bytes. https://www.garykessler.net/library/file_sigs.html
BEGINNINGS = {
    "image/jpeg": (0, (b"\xff\xd8\xff",)),
    "image/png": (0, (b"\x89PNG\r\n\x1a\n",)),
    "image/gif": (0, (b"GIF87a", b"GIF89a")),
    "application/pdf": (0, (b"%PDF",)),
    "video/mp4": (4, (b"ftyp",)),
    "video/3gpp": (4, (b"ftyp",)),
    "text/vcard": (0, (b"BEGIN:VCARD",)),
    "text/x-vcard": (0, (b"BEGIN:VCARD",)),
}


def fetch(api: TwilioApi, media: Media, deadline: Deadline, out: BufferedIOBase) -> str:
    """Write a medium to `out` and return its type. Raises NotYet, Unusable, and what `TwilioApi.download` raises."""
    answer = api.download(media.account, address(media), deadline, out)
    check_answer(answer, (media.type.lower(),))
    if not begins(media.type.lower(), out):
        raise Unusable(f"it does not begin as {media.type} does")
    return answer.type


def address(media: Media) -> str:
    """Where a medium is: at the host that Twilio named, on a path made of SIDs alone."""
    host = host_of(media.url) if is_twilio(media.url) else "api.twilio.com"
    return f"https://{host}/2010-04-01/Accounts/{media.account}/Messages/{media.message}/Media/{media.sid}"


def begins(kind: str, out: BufferedIOBase) -> bool:
    """Whether a file begins as files of its type do; a type that is not known here begins anyhow."""
    offset, beginnings = BEGINNINGS.get(kind, (0, (b"",)))
    out.seek(offset)
    return out.read(16).startswith(beginnings)


def suffix(kind: str) -> str:
    """`jpg` for image/jpeg; `bin` for what is unknown."""
    return (mimetypes.guess_extension(kind) or ".bin").lstrip(".")
