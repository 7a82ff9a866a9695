"""What the domain's types derive from their facts."""

from __future__ import annotations

import pytest

from songid.model import ComponentURL, without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:pass@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("postgresql://me:p@ss@host/db", "postgresql://me:***@host/db"),
        ("https://h/a?secret=abc", "https://h/a?secret=***"),
        ("https://h/a?a=b&TOKEN=abc&c=d", "https://h/a?a=b&TOKEN=***&c=d"),
        ("https://h/a?api_key=a%20b&x-sig=c", "https://h/a?api_key=***&x-sig=***"),
        ("https://h/a?client_secret=&code=1#x", "https://h/a?client_secret=***&code=***#x"),
        ('["https://h/?secret=a","file:b"]', '["https://h/?secret=***","file:b"]'),
        ("at https://h/?password=a b", "at https://h/?password=*** b"),
        ("https://h/a?secret_env=NAME", "https://h/a?secret_env=NAME"),
        ("sqlite:songs?monkey=1&region=x", "sqlite:songs?monkey=1&region=x"),
        ("http://host:8000/a@b", "http://host:8000/a@b"),
    ],
)
def test_secrets_are_left_out_of_what_is_shown(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
    assert without_secrets(shown) == shown


def test_a_component_url_prints_without_its_secrets_but_knows_them() -> None:
    url = ComponentURL.parse("https://h/a?secret=abc")
    assert str(url) == f"{url}" == "https://h/a?secret=***"
    assert (url.text, url.options["secret"]) == ("https://h/a?secret=abc", "abc")
