"""The report's page works in a real browser: it sorts, filters, and stays off the network."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from songid.model import ComponentURL
from songid.testing.days import example_report
from songid_plugins.report_formats import html_format

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium or chrome to open the page with"
)
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


@pytest.fixture(scope="module")
def report():
    return example_report(hours=4)


@pytest.fixture(scope="module")
def page(report) -> str:
    (file,) = html_format.open_report_format(ComponentURL.parse("html")).render(report)
    return file.content.decode()


def browse(folder: Path, page: str, *options: str) -> subprocess.CompletedProcess[str]:
    assert CHROMIUM is not None
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    return subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr",
            *options, path.as_uri(),
        ],
        capture_output=True, text=True, encoding="utf-8", timeout=60, check=True,
    )  # fmt: skip


def acting(page: str, script: str) -> str:
    """The page with a script that acts as a reader would; its policy would not allow one."""
    return POLICY.sub("", page).replace("</body>", f"<script>{script}</script></body>")


def log_titles(dom: str) -> list[str]:
    body = dom[dom.index('id="log-table"') :]
    body = body[body.index("<tbody>") : body.index("</tbody>")]
    shown = re.findall(r"<tr(?! hidden).*?</tr>", body, re.S)
    return [html.unescape(re.findall(r"<bdi>(.*?)</bdi>", row)[0]) for row in shown]


def test_the_page_loads_nothing_and_logs_no_error(page, tmp_path):
    # Its own policy forbids all loading, so an attempt would be an error in the console.
    done = browse(tmp_path, page, "--dump-dom")
    assert "CONSOLE" not in done.stderr
    assert 'aria-label="Sort by title"' in done.stdout


def test_it_loads_nothing_where_it_would_be_allowed_to(page, tmp_path):
    count = (
        "addEventListener('load', function () {"
        "document.title = performance.getEntriesByType('resource').map("
        "function (entry) { return entry.name; }).filter("
        "function (name) { return !name.startsWith('data:'); }).join() + ' loaded'; });"
    )
    assert "<title> loaded</title>" in browse(tmp_path, acting(page, count), "--dump-dom").stdout


def test_a_script_that_a_title_smuggles_in_would_not_run(page, tmp_path):
    smuggled = page.replace("</main>", "<script>document.title = 'taken'</script></main>")
    done = browse(tmp_path, smuggled, "--dump-dom")
    assert "<title>taken</title>" not in done.stdout


def test_the_log_sorts_both_ways(page, tmp_path):
    click = "var h = document.querySelectorAll('#log-table thead th')[2]; h.click();"
    up = log_titles(browse(tmp_path, acting(page, click), "--dump-dom").stdout)
    down_dom = browse(tmp_path, acting(page, click * 2), "--dump-dom").stdout
    assert len(up) > 20
    assert up != log_titles(page)
    assert sorted(up) == sorted(log_titles(page))
    plain = [title for title in up if title.replace(" ", "").isascii() and title[0].isalpha()]
    assert plain == sorted(plain, key=str.casefold)
    assert 'aria-sort="descending"' in down_dom
    assert log_titles(down_dom)[0] == up[-1]


def test_lengths_sort_as_numbers(report, page, tmp_path):
    click = "document.querySelectorAll('#log-table thead th')[5].click();"
    dom = browse(tmp_path, acting(page, click), "--dump-dom").stdout
    by_length = sorted(report.plays, key=lambda play: play.aired_s)
    assert log_titles(dom)[0] == by_length[0].title


def test_the_filter_leaves_what_was_asked_for(report, page, tmp_path):
    artist = report.plays[3].artist
    act = (
        "var f = document.getElementById('log-search');"
        f"f.value = {json.dumps(artist)}; f.dispatchEvent(new Event('input'));"
    )
    dom = browse(tmp_path, acting(page, act), "--dump-dom").stdout
    wanted = sum(play.artist == artist for play in report.plays)
    assert len(log_titles(dom)) == wanted
    assert f"{wanted} of {len(report.plays)} shown" in dom


def test_without_javascript_the_log_is_complete_and_shows_no_dead_tools(report, page):
    assert len(log_titles(page)) == len(report.plays)
    assert 'id="log-tools" hidden' in page
    assert "<button" not in page
