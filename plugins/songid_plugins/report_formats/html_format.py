"""The daily report as one self-contained page, and the index page of all days.

The pages are made from `reports_templates`; they need no network, and no JavaScript
except to sort and filter the log.
"""

from __future__ import annotations

from collections.abc import Iterable

from songid.errors import PluginError
from songid.model import ComponentURL, RenderedFile
from songid.report_model import DailyReport, ReportIndex

_MEDIA_TYPE = "text/html; charset=utf-8"


def open_report_format(url: ComponentURL) -> HtmlFormat:
    """Open `html`; it takes no options."""
    if url.options:
        raise PluginError(f"report format {url}: html takes no option, not {min(url.options)!r}")
    return HtmlFormat()


class HtmlFormat:
    """Renders `<date>.html` and `index.html`."""

    def __init__(self) -> None:
        # Jinja2 costs a tenth of a second to import; only who renders a page pays for it.
        from reports_templates import environment

        self._templates = environment()

    def render(self, report: DailyReport) -> Iterable[RenderedFile]:
        """One station's day as a page."""
        text = self._templates.get_template("day.html.j2").render(report=report)
        yield RenderedFile(f"{report.date}.html", _MEDIA_TYPE, text.encode())

    def render_index(self, index: ReportIndex) -> Iterable[RenderedFile]:
        """The page that links all days and stations."""
        text = self._templates.get_template("index.html.j2").render(index=index)
        yield RenderedFile("index.html", _MEDIA_TYPE, text.encode())
