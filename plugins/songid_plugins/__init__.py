"""The plugins that come with songid, registered as any other distribution's would be.

Registering imports none of them: each is imported when a URL of its scheme is opened.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from songid.hookspecs import hookimpl

if TYPE_CHECKING:
    from songid.hookspecs import (
        Open,
        RegisterFingerprinter,
        RegisterFolder,
        RegisterReportFormat,
        RegisterSink,
        RegisterSource,
        RegisterStore,
    )
    from songid.model import ComponentURL


def _lazily(module: str, function: str) -> Open:
    """An `open` that imports its module when it is first called."""

    def open_component(url: ComponentURL) -> Any:
        return getattr(import_module(f"{__name__}.{module}"), function)(url)

    return open_component


@hookimpl
def songid_sources(register: RegisterSource) -> None:
    """An inbox folder, a bucket, and a logger's recordings with times in their names."""
    register("folder", _lazily("sources.folder", "open_source"))
    register("s3", _lazily("sources.s3", "open_source"))
    register("logger", _lazily("sources.logger", "open_source"))


@hookimpl
def songid_fingerprinters(register: RegisterFingerprinter) -> None:
    """Landmarks of a constellation, and energy differences between bands."""
    register("landmark", _lazily("fingerprinters.landmark", "open_fingerprinter"))
    register("bands", _lazily("fingerprinters.bands", "open_fingerprinter"))


@hookimpl
def songid_stores(register: RegisterStore) -> None:
    """An embedded database file, PostgreSQL, DynamoDB, and the process's own memory."""
    register("sqlite", _lazily("stores.sqlite", "open_store"))
    register("postgresql", _lazily("stores.postgresql", "open_store"))
    register("dynamodb", _lazily("stores.dynamodb", "open_store"))
    register("memory", _lazily("stores.memory", "open_store"))


@hookimpl
def songid_sinks(register: RegisterSink) -> None:
    """JSON files in a folder or bucket, topics, queues, webhooks, and standard output."""
    register("file", _lazily("sinks.file", "open_sink"))
    register("s3", _lazily("sinks.s3", "open_sink"))
    register("sns", _lazily("sinks.sns", "open_sink"))
    register("sqs", _lazily("sinks.sqs", "open_sink"))
    register("https", _lazily("sinks.webhook", "open_sink"))
    register("http", _lazily("sinks.webhook", "open_sink"))
    register("stdout", _lazily("sinks.stdout", "open_sink"))


@hookimpl
def songid_report_formats(register: RegisterReportFormat) -> None:
    """One self-contained page, and the same facts for programs and spreadsheets."""
    register("html", _lazily("report_formats.html_format", "open_report_format"))
    register("json", _lazily("report_formats.json_format", "open_report_format"))
    register("csv", _lazily("report_formats.csv_format", "open_report_format"))


@hookimpl
def songid_folders(register: RegisterFolder) -> None:
    """A local folder, and a prefix of a bucket."""
    register("folder", _lazily("folders.local", "open_folder"))
    register("s3", _lazily("folders.s3", "open_folder"))
