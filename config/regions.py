"""The AWS regions that there are."""

import functools

from botocore.loaders import create_loader

from config.mistakes import nearest


@functools.cache
def regions() -> list[str]:
    """The AWS regions, as the installed SDK knows them; each has Lambda. A session would tell the same in a hundred times the time."""
    partitions = {each["id"]: each["regions"] for each in create_loader().load_data("partitions")["partitions"]}
    return [region for part in ("aws", "aws-cn") for region in partitions[part] if not region.endswith("-global")]


def known_region(name: str) -> str:
    """Refuse what is no region."""
    if name not in regions():
        raise ValueError(f"{name!r} is not an AWS region with Lambda{nearest(name, regions())}")
    return name
