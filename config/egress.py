"""From where Twilio's requests should start to reach a region: the nearest of its egress edges first, another one for the next try.

Without it they all start in Ashburn, Virginia, and a fresh connection to a far region costs four round trips: name, TCP, TLS, request.
Twilio takes the edges of `e` in turn, one for each try. https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
Where the edges are: https://www.twilio.com/docs/global-infrastructure/edge-locations
Where the regions are: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
"""

#: Regions, or how their names begin, and the two nearest edges; a longer beginning counts before a shorter one.
EDGES = {
    "us-east": ("ashburn", "umatilla"),
    "us-west": ("umatilla", "ashburn"),
    "us-gov-east": ("ashburn", "umatilla"),
    "us-gov-west": ("umatilla", "ashburn"),
    "ca-central": ("ashburn", "umatilla"),
    "ca-west": ("umatilla", "ashburn"),
    "mx-central": ("ashburn", "umatilla"),
    "sa-east": ("sao-paulo", "ashburn"),
    "eu-west": ("dublin", "frankfurt"),
    "eu-west-3": ("frankfurt", "dublin"),
    "eu-central": ("frankfurt", "dublin"),
    "eu-north": ("frankfurt", "dublin"),
    "eu-south": ("frankfurt", "dublin"),
    "il-central": ("frankfurt", "dublin"),
    "me-": ("frankfurt", "singapore"),
    "af-south": ("frankfurt", "dublin"),
    "ap-south-": ("singapore", "frankfurt"),
    "ap-southeast": ("singapore", "tokyo"),
    "ap-southeast-2": ("sydney", "singapore"),
    "ap-southeast-4": ("sydney", "singapore"),
    "ap-southeast-6": ("sydney", "singapore"),
    "ap-east": ("singapore", "tokyo"),
    "ap-east-2": ("tokyo", "singapore"),
    "ap-northeast": ("tokyo", "singapore"),
}
DEFAULT = ("ashburn", "umatilla")  #: for a region that is newer than this table: Twilio's own default first


def edges_near(region: str) -> tuple[str, str]:
    """The two edges from which a region is reached fastest."""
    longest = max((name for name in EDGES if region.startswith(name)), key=len, default="")
    return EDGES.get(longest, DEFAULT)
