"""The shipped report formats, held to what every report format must do."""

from __future__ import annotations

from songid.interfaces import ReportFormat
from songid.plugin_manager import load
from songid.testing.report_formats import ReportFormatConformance


class TestHtml(ReportFormatConformance):
    def open_report_format(self) -> ReportFormat:
        report_format: ReportFormat = load().open("report_formats", "html")
        return report_format


class TestJson(ReportFormatConformance):
    def open_report_format(self) -> ReportFormat:
        report_format: ReportFormat = load().open("report_formats", "json")
        return report_format


class TestCsv(ReportFormatConformance):
    def open_report_format(self) -> ReportFormat:
        report_format: ReportFormat = load().open("report_formats", "csv")
        return report_format
