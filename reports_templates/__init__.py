"""Jinja2 templates and SVG macros of the daily report and its index page.

`environment()` opens them with everything they need; the pages they make are whole in
one file: no fonts, scripts, styles or images from anywhere else.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports_templates import layout, wording


@cache
def environment() -> Environment:
    """The Jinja2 environment of the report pages: escaping, and no name left undefined."""
    templates = Environment(
        loader=PackageLoader("reports_templates", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= wording.FILTERS
    templates.globals |= layout.GLOBALS
    for name in ("style.css", "log.js"):
        source = templates.loader.get_source(templates, name)[0] if templates.loader else ""
        # Written by us and never filled in, so it needs no escaping and gets none.
        templates.globals[name.replace(".", "_")] = Markup(source)
        templates.globals[name.replace(".", "_") + "_sha256"] = base64.b64encode(
            hashlib.sha256(source.encode()).digest()
        ).decode()
    return templates
