"""Which files may be audio, and which JSON files are answers about one: by name and content.

Every source goes by these rules, so that a file means the same in a folder and a bucket.
"""

from __future__ import annotations

import json
import re

# Everything else is offered, whatever it is called: FFmpeg reads more than any list names,
# and a file that is no audio is answered with the reason instead of being passed over.
_BESIDE_AUDIO = (
    r"json|csv|tsv|txt|md|log|nfo|cue|m3u8?|pls|xspf|xml|html?|pdf|toml|ini|ya?ml|db"
    r"|jpe?g|png|gif|webp|bmp|svg|lrc|srt|vtt|md5|sha1|sha256|sfv|torrent|zip|url|lnk"
)
_UNFINISHED = r"part|partial|te?mp|crdownload|download|filepart|!ut"
_NOT_OFFERED = re.compile(rf"\..*|.*~|.*\.(?:{_BESIDE_AUDIO}|{_UNFINISHED})", re.I | re.S)


def is_offered(name: str) -> bool:
    """Whether a file of that name may be audio that is meant to be heard."""
    return _NOT_OFFERED.fullmatch(name) is None


def tells_of(document: bytes, uri: str, name: str) -> bool:
    """Whether a JSON document names the audio at `uri`, called `name`, among its top values."""
    try:
        values = json.loads(document)
    except ValueError:
        return False
    if not isinstance(values, dict):
        return False
    texts = [value for value in values.values() if isinstance(value, str)]
    return any(text in (uri, name) or text.endswith(f"/{name}") for text in texts)
