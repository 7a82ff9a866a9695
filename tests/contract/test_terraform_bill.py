"""The bill in terraform/README.md adds up, and is what the issue of cost says it is to be."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECTION = re.search(
    r"^## What it costs\n(.*?)^## ", (ROOT / "terraform/README.md").read_text(), re.S | re.M
)
assert SECTION is not None
TEXT = SECTION[1]
TOGETHER = "**together**"


def rows(title: str) -> dict[str, str]:
    """The rows of the table whose heading begins with `title`, by their first column."""
    _, _, after = TEXT.partition(f"\n| {title}")
    lines = after.partition("\n\n")[0].splitlines()[2:]
    return {what.strip(): cost.strip() for _, what, *_, cost, _ in (x.split("|") for x in lines)}


def amount(text: str) -> float:
    """The first number of a cell."""
    found = re.search(r"\d+(?:\.\d+)?", text)
    assert found, text
    return float(found[0])


def total(title: str) -> float:
    """What a table says it is together, which its rows must be."""
    costs = rows(title)
    together = amount(costs.pop(TOGETHER))
    assert abs(sum(map(amount, costs.values())) - together) < 0.005, title
    return together


def test_the_bill_of_each_example_is_the_sum_of_its_parts() -> None:
    base, station = total("what every installation has"), total("what a station adds")
    store = {what: amount(cost) for what, cost in rows("the store").items()}
    around = store["Aurora: 10 GB, 20 million reads and writes"] + next(
        cost for what, cost in store.items() if what.startswith("Aurora: master's secret")
    )
    awake = store["Aurora, always awake, 0.5 ACU"]
    one_acu = store["Aurora, 1 ACU on average"]
    containers = [amount(cost) for cost in rows("what follows a station").values()]
    together, apart, medialive = containers
    examples = {what: amount(cost) for what, cost in rows("example").items()}

    assert examples["`minimal-dynamodb`"] == round(base)
    stations = base + 10 * station + one_acu + around
    assert examples["`aurora-stations`"] == round(stations + together)
    everything = base + 4 * station + awake + around + 2 * apart + medialive + 1
    assert examples["`everything`"] == round(everything)

    # Ten stations besides their streams' source, on either store.
    by_the_request = base + 10 * (station + store["DynamoDB, a station, 1,000 recordings"])
    assert f"{stations:.0f} $ besides their streams' source" in TEXT
    assert f"= {by_the_request:.0f} $" in TEXT
    assert by_the_request < stations < 250
    both = f"{stations:.0f} $ a month on\nAurora, {by_the_request:.0f} $ on DynamoDB"
    assert both in (ROOT / "README.md").read_text()


def test_a_segments_parts_are_what_the_prices_say() -> None:
    """Prices of us-east-1 in dollars; a month has 30 days, a segment 12 s."""
    costs = rows("what a station adds")
    segments = 30 * 86_400 / 12
    assert "216,000 segments" in TEXT and segments == 216_000
    put_and_got = segments * (0.005 + 0.0004) / 1000
    assert abs(amount(costs["S3: putting and getting segments"]) - put_and_got) < 0.005
    gigabyte_s = segments * 0.25 * 1769 / 1024
    computed = gigabyte_s * 0.0000133334 + segments * 0.20 / 1e6
    assert (
        abs(amount(next(c for w, c in costs.items() if w.startswith("Lambda"))) - computed) < 0.01
    )
    # An event each, and three requests of SQS to send, receive and delete it.
    told = segments * (1.00 + 3 * 0.40) / 1e6
    assert abs(amount(costs["EventBridge and SQS"]) - told) < 0.01
