"""The options of sources' URLs, read and refused in the same words by all of them."""

from __future__ import annotations

from songid.errors import PluginError
from songid.model import ComponentURL


def refuse_unknown_options(url: ComponentURL, known: tuple[str, ...]) -> None:
    """PluginError if the URL has an option that is not among `known`."""
    for name in url.options:
        if name not in known:
            raise PluginError(
                f"{url}: the {url.scheme} source has no option {name!r}; it knows"
                f" {', '.join(known)}."
            )


def seconds_option(url: ComponentURL, name: str) -> float | None:
    """An option's number of seconds, 0 or more; None if it is not given."""
    text = url.options.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise PluginError(f"{url}: {name} is a number of seconds, 0 or more, not {text!r}.")
    return value
