"""From where Twilio's requests start, by region."""

import pytest

from config.egress import DEFAULT, EDGES, edges_near
from config.regions import regions
from local.twilio.overrides import overrides


@pytest.mark.parametrize(
    ("region", "edges"),
    [
        ("us-west-2", ("umatilla", "ashburn")),
        ("us-east-1", ("ashburn", "umatilla")),
        ("eu-west-1", ("dublin", "frankfurt")),
        ("eu-west-3", ("frankfurt", "dublin")),
        ("ap-southeast-1", ("singapore", "tokyo")),
        ("ap-southeast-2", ("sydney", "singapore")),
        ("xx-newer-1", DEFAULT),
    ],
)
def test_a_region_is_reached_from_the_nearest_edge_first(region: str, edges: tuple[str, str]) -> None:
    assert edges_near(region) == edges


def test_every_region_of_ours_is_in_the_table_and_no_row_is_of_none() -> None:
    for region in regions():
        assert any(region.startswith(name) for name in EDGES), region
    for name in EDGES:
        assert any(region.startswith(name) for region in regions()), name


def test_every_edge_is_one_of_twilios() -> None:
    """The stand-in refuses others, as Twilio does (11240)."""
    for edges in (*EDGES.values(), DEFAULT):
        assert overrides(f"https://fallback.example.com/voice#rc=2&rp=all&e={','.join(edges)}").edges == edges
