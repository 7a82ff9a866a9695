"""A day of which a part was heard: the hours before that part, and after it, share a row."""

from __future__ import annotations

import re
from datetime import date

import pytest

from reports_templates.layout import folded, hour_table
from songid.model import ComponentURL
from songid.testing.days import Day, example_report
from songid_plugins.report_formats import html_format


def test_hours_before_the_first_and_after_the_last_heard_are_folded() -> None:
    assert folded(example_report(from_hour=8.5, hours=2)) == (8, 13)


@pytest.mark.parametrize(("from_hour", "hours"), [(2.5, 20.0), (0.0, 24.0)])
def test_a_few_hours_are_not_folded_nor_any_between(from_hour: float, hours: float) -> None:
    assert folded(example_report(from_hour=from_hour, hours=hours)) == (0, 0)


def test_a_day_that_is_not_over_or_was_not_heard_at_all_is_shown_hour_by_hour() -> None:
    assert folded(example_report(from_hour=8, hours=1, now_hour=12)) == (0, 0)
    assert folded(example_report(day=Day("radio1"))) == (0, 0)


def test_a_day_on_which_the_clock_is_changed_is_shown_hour_by_hour() -> None:
    assert folded(example_report(date(2026, 3, 29), from_hour=12, hours=2)) == (0, 0)


def test_the_page_shows_each_hour_once_and_its_table_still_adds_up() -> None:
    report = example_report(from_hour=8.5, hours=2)
    (file,) = html_format.open_report_format(ComponentURL.parse("html")).render(report)
    page = file.content.decode()
    rows = ["00:00 to 08:00", "08:00", "09:00", "10:00", "11:00 to 24:00"]
    assert re.findall(r'<span class="h">(.*?)</span>', page) == rows
    table = page.split("<caption>Hour by hour")[1].split("</table>")[0]
    assert re.findall(r'<tr><th scope="row" class="t">(.*?)</th>', table) == rows
    cells = re.findall(r'<td class="n">([\d:]+)</td></tr>', table)
    seconds = [sum(int(n) * 60**k for k, n in enumerate(cell.split(":")[::-1])) for cell in cells]
    assert sum(seconds[:-1]) == seconds[-1] == sum(row["gap"] for _, row in hour_table(report))
