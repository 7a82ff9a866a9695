"""What a file is answered with: the result document, of what was found or of why nothing was.

The inbox writes it beside the file, `songid identify --json` prints it.
"""

from __future__ import annotations

import json
from typing import Any

from songid.listening.identify import ORIGIN, Identified
from songid.results import result_document


def identified_document(found: Identified) -> dict[str, Any]:
    """What is in a file as a `songid.result/1` document."""
    return result_document(
        found.source,
        origin=ORIGIN,
        duration_s=found.duration_s,
        heard_s=found.heard_s,
        plays=found.plays,
        recordings=found.recordings,
        unidentified=found.unidentified,
        damage=found.damage,
    )


def error_document(source: str, reason: str) -> dict[str, Any]:
    """The document of a file in which nothing could be heard: damaged, and why in `error`."""
    empty = result_document(
        source,
        origin=ORIGIN,
        duration_s=0.0,
        heard_s=0.0,
        plays=(),
        recordings={},
        unidentified=(),
        damage=reason,
    )
    return empty | {"error": reason}


def as_json(document: dict[str, Any]) -> bytes:
    """A document as indented UTF-8 JSON."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def in_words(found: Identified) -> str:
    """The titles in a file in one line, and what is wrong with it."""
    titles = [
        found.recordings[play.recording_id].title if play.recording_id in found.recordings else "?"
        for play in found.plays
    ]
    note = ", ".join(titles) or "nothing identified"
    return f"{note}; damaged: {found.damage}" if found.damage else note
