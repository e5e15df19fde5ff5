"""Under which names Twilio's APIs answer, and for which Region.

    api.twilio.com, api.us1.twilio.com, api.<any city>.us1.twilio.com    US1; the city chooses nothing since 2026-07-20
    api.dublin.ie1.twilio.com, api.sydney.au1.twilio.com                 IE1, AU1; so with monitor and messaging
    api.ie1.twilio.com and its like                                      nothing since 2026-04-28: no connection is accepted

https://www.twilio.com/docs/global-infrastructure/api-domain-migration-guide,
https://www.twilio.com/docs/global-infrastructure/edge-locations/legacy-regions
"""

from re import fullmatch

HOME = "us1"
REGIONS = (HOME, "ie1", "au1")
RETIRED = tuple(f"api.{region}.twilio.com" for region in ("ie1", "au1", "br1", "de1", "jp1", "sg1", "us2"))
_PRODUCTS = "api|messaging|monitor"
_NAMES = {
    rf"({_PRODUCTS})\.twilio\.com": HOME,
    rf"({_PRODUCTS})\.us1\.twilio\.com": HOME,
    rf"({_PRODUCTS})\.[a-z-]+\.us1\.twilio\.com": HOME,
    rf"({_PRODUCTS})\.dublin\.ie1\.twilio\.com": "ie1",
    rf"({_PRODUCTS})\.sydney\.au1\.twilio\.com": "au1",
}
ANY = ""
"""The product of a request that names this machine itself: a test's own."""


def served(host: str) -> tuple[str, str] | None:
    """Product and Region of a host; None for one that answers nothing."""
    name = host.partition(":")[0]
    if name in ("127.0.0.1", "localhost"):
        return ANY, HOME
    for pattern, region in _NAMES.items():
        if found := fullmatch(pattern, name):
            return found[1], region
    return None


def address(product: str, region: str) -> str:
    """The address of a product's API in a Region, as Twilio names it."""
    return f"https://{product}." + {HOME: "", "ie1": "dublin.ie1.", "au1": "sydney.au1."}[region] + "twilio.com"
