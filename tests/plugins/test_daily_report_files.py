"""The daily report's page, document and table keep their schemas and their promises."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import jsonschema
import pytest

from songid.errors import PluginError
from songid.model import ComponentURL
from songid.report_model import share_words
from songid.schemas import load_schema
from songid.testing.days import EXAMPLES, example_report, example_reports, radio_day
from songid_plugins.report_formats import csv_format, html_format, json_format

MODULES = {"html": html_format, "json": json_format, "csv": csv_format}
VOID = {"meta", "link", "br", "input", "img", "hr"}


def open_format(text: str):
    url = ComponentURL.parse(text)
    return MODULES[url.scheme].open_report_format(url)


def rendered(text: str, report) -> str:
    (file,) = open_format(text).render(report)
    return file.content.decode()


@pytest.fixture(scope="module")
def reports():
    return example_reports()


@pytest.fixture(scope="module")
def pages(reports):
    return {day: rendered("html", report) for day, report in reports.items()}


@pytest.mark.parametrize(
    "url", ["html:?theme=dark", "json:?indent=many", "json:?x=1", "csv:?bom=maybe", "csv:?x=1"]
)
def test_an_option_that_is_not_known_is_refused_by_name(url):
    with pytest.raises(PluginError, match=re.escape(url)):
        open_format(url)


# -- JSON -----------------------------------------------------------------------------


@pytest.mark.parametrize("day", sorted(EXAMPLES))
def test_the_json_report_keeps_its_published_schema(reports, day):
    validator = jsonschema.Draft202012Validator(
        load_schema("report"), format_checker=jsonschema.FormatChecker()
    )
    validator.validate(json.loads(rendered("json", reports[day])))


def test_the_json_report_names_its_schema_first(reports):
    assert rendered("json", reports["a full day"]).startswith('{"schema": "songid.report/1"')


# -- CSV ------------------------------------------------------------------------------


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_the_log_is_utf8_with_a_mark_that_excel_understands(reports):
    assert rendered("csv", reports["a full day"]).startswith("\ufeffstation,date,start,end,")
    assert rendered("csv:?bom=no", reports["a full day"]).startswith("station,date,start,end,")


def test_lines_end_as_rfc_4180_wants_it(reports):
    text = rendered("csv", reports["a full day"])
    assert text.count("\r\n") == text.count("\n") == len(reports["a full day"].plays) + 1


def test_a_title_that_is_a_formula_is_made_text(reports):
    titles = {row["title"] for row in rows(rendered("csv", reports["a full day"]))}
    assert '\'=HYPERLINK("http://example.org")' in titles
    assert not any(title.startswith(("=", "+", "-", "@")) for title in titles)


def test_quotes_commas_and_scripts_of_all_kinds_survive(reports):
    report = reports["a full day"]
    titles = [row["title"].removeprefix("'") for row in rows(rendered("csv", report))]
    assert titles == [play.title for play in report.plays]


def test_a_play_from_yesterday_is_not_counted_twice(reports):
    report = reports["a full day"]
    counted = [row["counted"] for row in rows(rendered("csv", report))]
    assert counted.count("1") == report.plays_started
    assert counted[0] == "0"


# -- HTML -----------------------------------------------------------------------------


class Page(HTMLParser):
    """Checks nesting and collects what the tests below ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["style"], ["script"]):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize("day", sorted(EXAMPLES))
def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(pages, day):
    for tag, attributes in Page(pages[day]).tags:
        assert tag not in {"img", "iframe", "object", "embed", "audio", "video"}
        assert "src" not in attributes
        if tag == "link":
            assert attributes["href"] == "data:,"
    assert not re.search(r"url\((?!#)|@import|https?://(?!example\.org)", pages[day])
    assert "default-src 'none'" in pages[day]


@pytest.mark.parametrize("day", sorted(EXAMPLES))
def test_ids_are_unique_and_every_link_within_the_page_leads_somewhere(pages, day):
    tags = Page(pages[day]).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for _, attributes in tags:
        href = attributes.get("href") or ""
        if href.startswith("#"):
            assert href[1:] in ids
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in ids


def test_titles_are_text_whatever_they_contain(pages):
    assert "<b>It" not in pages["a full day"]
    assert "&lt;b&gt;It&#39;s&lt;/b&gt;" in pages["a full day"]
    assert "<Radio>" not in pages["an odd station"]


def test_the_page_says_all_in_the_promised_order(reports, pages):
    text = Page(pages["a full day"]).text
    order = [
        reports["a full day"].sentence, "The day", "Top recordings", "Top artists",
        "Plays by hour", "The log", "Not identified What was heard",
        "Not heard In these times", "How this was made",
    ]  # fmt: skip
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_every_play_is_in_the_log_and_every_table_has_its_caption(reports, pages):
    text = pages["a full day"]
    log = text[text.index('id="log-table"') :]
    log = log[: log.index("</table>")]
    assert log.count("<tr>") == len(reports["a full day"].plays) + 1
    assert log.count("from yesterday") == 1
    assert "played 2.9 % fast" in log
    tables = re.findall(r"<table.*?</table>", text, re.S)
    assert all("<caption>" in table and 'scope="col"' in table for table in tables)


@pytest.mark.parametrize("day", sorted(EXAMPLES))
def test_the_displayed_times_add_up_to_the_second(reports, pages, day):
    parts = re.findall(r"<dd>([\d:]+)<small>([\d.]+) %", pages[day])
    span_s = reports[day].airtime.span_s
    if span_s:
        assert sum(seconds(part) for part, _ in parts) == pytest.approx(span_s, abs=1)
        assert sum(float(share) for _, share in parts) == pytest.approx(100)
    foot = re.search(r"<tfoot><tr><th scope=\"row\">(?:Day|So far).*?</tr>", pages[day], re.S)
    if foot:
        heard, *kinds = [seconds(cell) for cell in re.findall(r">([\d:]+)</td>", foot[0])][1:]
        assert heard == sum(kinds[:-1])
        assert [seconds(part) for part, _ in parts] == kinds


def seconds(text: str) -> int:
    whole = 0
    for part in text.split(":"):
        whole = whole * 60 + int(part)
    return whole


def test_the_hour_that_comes_twice_names_its_zone(pages):
    text = Page(pages["25 hours"]).text
    assert "01:00 BST" in text
    assert "01:00 GMT" in text
    assert "which lasts 25 h" in text


def test_a_running_day_and_an_unmeasured_catalogue_are_said(pages):
    assert "This day is not over" in pages["still running"]
    assert "songid calibrate" in pages["two hours"]
    assert "at most 0.075 % with 95 % confidence" in pages["a full day"]


def test_a_busy_day_stays_below_600_kilobytes():
    start = datetime(2026, 1, 31, tzinfo=UTC)
    busy = example_report(day=radio_day(start, 24, talk_share=0.02, unknown_share=0.03))
    assert busy.plays_started > 400
    assert len(rendered("html", busy)) < 600_000


def test_shares_are_never_rounded_to_all_or_nothing():
    assert share_words(0.9999) == "over 99 %"
    assert share_words(0.0001) == "under 1 %"
    assert (share_words(1.0), share_words(0.0)) == ("100 %", "0 %")
