"""How a PostgreSQL store's URL is read, without any server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songid.errors import PluginError
from songid.model import ComponentURL
from songid.testing import strategies
from songid_plugins.stores.postgresql_rows import from_sql, key_to_sql, to_sql
from songid_plugins.stores.postgresql_urls import Address, address_of


def read(text: str) -> Address:
    return address_of(ComponentURL.parse(text))


def test_a_url_names_user_password_host_and_database() -> None:
    address = read("postgresql://me:p%40ss%2Fw%3Ard@db.example:5433/songs")
    expected = {
        "user": "me",
        "password": "p@ss/w:rd",
        "host": "db.example",
        "port": "5433",
        "dbname": "songs",
    }
    assert expected.items() <= address.parameters.items()
    assert address.shown == "postgresql://me@db.example:5433/songs"
    assert (address.schema, address.patience_s) == ("songid", 60)


def test_libpqs_parameters_pass_through_and_songids_do_not() -> None:
    address = read(
        "postgresql://db/songs?sslmode=verify-full&schema=mine&patience_s=5&connect_timeout=3"
        "&options=-c%20work_mem%3D8MB"
    )
    assert address.parameters["sslmode"] == "verify-full"
    assert address.parameters["connect_timeout"] == "3"
    assert address.parameters["options"] == "-c work_mem=8MB"
    assert "schema" not in address.parameters
    assert (address.schema, address.patience_s) == ("mine", 5)


def test_a_line_that_died_is_noticed_within_half_a_minute_unless_told_otherwise() -> None:
    parameters = read("postgresql://db/songs").parameters
    waits = [int(parameters[f"keepalives_{name}"]) for name in ("idle", "interval", "count")]
    assert waits[0] + waits[1] * waits[2] <= 30
    assert read("postgresql://db/s?keepalives_idle=600").parameters["keepalives_idle"] == "600"


def test_of_several_hosts_the_one_that_can_be_written_is_taken() -> None:
    address = read("postgresql://one,two:5433/songs")
    assert address.parameters["host"] == "one,two"
    assert address.parameters["target_session_attrs"] == "read-write"
    asked = read("postgresql://one,two/songs?target_session_attrs=any")
    assert asked.parameters["target_session_attrs"] == "any"
    assert "target_session_attrs" not in read("postgresql://one/songs").parameters


def test_a_token_goes_over_an_encrypted_line_unless_told_otherwise() -> None:
    assert read("postgresql://me@db/s?auth=iam").parameters["sslmode"] == "require"
    stricter = read("postgresql://me@db/s?auth=iam&sslmode=verify-full")
    assert stricter.parameters["sslmode"] == "verify-full"


def test_roles_to_be_granted_are_named_with_commas_between_them() -> None:
    assert read("postgresql://db/s").grant == ()
    assert read("postgresql://db/s?grant=one,My%20%22two%22,one").grant == ("one", 'My "two"')


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql", "is written postgresql://"),
        ("postgresql:songs", "is written postgresql://"),
        ("postgresql://db/s?colour=red", "no option 'colour'"),
        ("postgresql://db/s?patience=9", "Did you mean 'patience_s'"),
        ("postgresql://db/s?sslmod=require", "Did you mean 'sslmode'"),
        ("postgresql://db/s?patience_s=long", "patience_s=long"),
        ("postgresql://db/s?connections=0", "connections=0"),
        ("postgresql://db/s?schema=", "schema is empty"),
        ("postgresql://db/s?schema=pg_mine", "cannot name a schema"),
        ("postgresql://db/s?auth=magic", "auth=magic"),
        ("postgresql://db/s?auth=iam", "needs the user"),
        ("postgresql://me:pw@db/s?auth=iam", "neither a password"),
        ("postgresql://me@db/s?auth=iam&secret=s", "neither a password"),
        ("postgresql://db/s?grant=", "grant is empty"),
        ("postgresql://db/s?grant=one,,two", "'' cannot name a role"),
        ("postgresql://db/s?grant=pg_monitor", "'pg_monitor' cannot name a role"),
        ("postgresql://db/s?grant=one,public", "'public' cannot name a role"),
    ],
)
def test_what_is_wrong_with_a_url_is_told(url: str, told: str) -> None:
    with pytest.raises(PluginError) as error:
        read(url)
    assert told in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hu/-sh@db/s",
        "postgresql://me:hu@-sh@db/s",
        "postgresql://me:hu-sh@db:54x/s",
        "postgresql://me:hu-sh@db/s?colour=red",
        "postgresql://me:hu-sh@db/s?patience_s=long",
        "postgresql://me:hu-sh%@db/s",
        "postgresql://me:hu-sh@[db/s",
    ],
)
def test_an_error_never_tells_the_password(url: str) -> None:
    with pytest.raises(PluginError) as error:
        read(url)
    assert "-sh" not in str(error.value)


# -- text -----------------------------------------------------------------------------


@given(st.one_of(strategies.file_names, st.text(alphabet="\x00\x1b01bé\ud800")))
def test_any_text_is_kept_as_what_postgresql_can_hold(text: str) -> None:
    kept = to_sql(text)
    assert "\x00" not in kept
    kept.encode()
    assert from_sql(kept) == text


def test_long_keys_fit_an_index_and_stay_apart() -> None:
    texts = [letter * length for letter in "a\x00é😀" for length in (1, 499, 500, 501, 12_000)]
    keys = [key_to_sql(text) for text in texts]
    assert len(set(keys)) == len(texts)
    assert max(len(key.encode()) for key in keys) < 2700
    assert key_to_sql("a" * 600 + "b") != key_to_sql("a" * 600 + "c")
