"""The PostgreSQL store's `grant`: who migrates is an owner, and others only use the tables.

By servers of their own, for roles belong to a whole server, in two versions: who makes a
role is a member of it since PostgreSQL 16.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres_material import (
    MACHINE,
    PACKAGE,
    NoServerError,
    Server,
    new_server,
    server_or_skip,
    session_folder,
)

from songid.errors import StoreError
from songid.interfaces import Store
from songid.model import Heard, Recording
from songid.plugin_manager import load
from songid.testing.store_concurrency import in_threads
from songid.testing.store_kit import NOW, volume_ids, write_volume
from songid.testing.stores import StoreConformance
from songid_plugins.stores import postgresql_grants

_NUMBERS = itertools.count()
# A role that logs in by IAM cannot do so by its password; as RDS's pg_hba.conf has it. The
# role `token` stands for one that has a token.
_HBA = """\
local all postgres trust
local all token trust
local all master trust
local all +rds_iam reject
local all all trust
"""


@pytest.fixture(scope="module", params=[PACKAGE, MACHINE])
def rds(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server as RDS has them: `rds_iam`, and a master user who is no superuser."""
    try:
        server = new_server(request.param)
    except NoServerError as error:
        pytest.skip(f"no PostgreSQL ({request.param}): {error}")
    try:
        server.execute("CREATE ROLE rds_iam")
        server.execute("CREATE ROLE master LOGIN CREATEROLE CREATEDB")
        server.execute("GRANT rds_iam TO master WITH ADMIN OPTION")
        server.execute("CREATE ROLE maker LOGIN CREATEROLE CREATEDB")
        server.execute("GRANT CREATE ON DATABASE postgres TO master, maker")
        (server.folder / "data/pg_hba.conf").write_text(_HBA)
        server.execute("SELECT pg_reload_conf()")
        yield server
    finally:
        server.delete()


@pytest.fixture
def name() -> str:
    return f"own_{next(_NUMBERS)}"


@contextlib.contextmanager
def opened(server: Server, schema: str, user: str, **options: object) -> Iterator[Any]:
    with contextlib.closing(load().open("stores", server.url(schema, user, **options))) as store:
        yield store


def migrate(server: Server, schema: str, user: str, grant: str, **options: object) -> list[str]:
    with opened(server, schema, user, grant=grant, **options) as store:
        steps: list[str] = store.migrate()
        return steps


def login(server: Server, user: str) -> psycopg.Connection[tuple[Any, ...]]:
    folder = str(server.folder)
    return psycopg.connect(host=folder, user=user, dbname="postgres", autocommit=True)


def is_member(server: Server, user: str, role: str) -> bool:
    ((answer,),) = server.execute("SELECT pg_has_role(%s::name, %s::name, 'MEMBER')", user, role)
    return bool(answer)


def role_sentences(role: str, schema: str) -> list[str]:
    return [
        f"Created the role {role}.",
        f"Gave the role {role} rds_iam, so that it logs in by AWS IAM.",
        f"Let the role {role} use the tables of the schema {schema}.",
    ]


# -- what is granted --------------------------------------------------------------------


def test_the_master_user_makes_a_role_once_that_uses_the_tables_and_no_more(
    rds: Server, name: str
) -> None:
    steps = migrate(rds, name, "master", "token")
    try:
        assert steps[2:] == role_sentences("token", name)
        assert migrate(rds, name, "master", "token") == []
        ((login_, password, *more),) = rds.execute(
            "SELECT rolcanlogin, rolpassword, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls "
            "FROM pg_authid WHERE rolname = 'token'"
        )
        assert login_ and password is None and not any(more)
        assert is_member(rds, "token", "rds_iam")
        with opened(rds, name, "token") as store:
            write_volume(store, "v", [Recording("r", "R")])
            store.commit_volume(None, removes=["r"], now=NOW)
            store.put_heards([Heard("radio", NOW, 12.0)])
            assert store.claim(["k"], "me", 60, NOW) and store.complete(["k"], "me", NOW)
            assert volume_ids(store) == ["v"] and store.migrate() == []
        forbidden = (
            f"DROP TABLE {name}.pages",
            f"DROP SCHEMA {name} CASCADE",
            f"ALTER TABLE {name}.pages ADD more text",
            f"CREATE TABLE {name}.more (v integer)",
            f"TRUNCATE {name}.pages",
            # It would run as the master user at the next migration.
            f"CREATE TRIGGER t BEFORE DELETE ON {name}.schema_version "
            "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "CREATE ROLE another",
        )
        with login(rds, "token") as connection:
            for statement in forbidden:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())
    finally:
        forget(rds, name, "token")


def forget(server: Server, schema: str, role: str) -> None:
    server.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    with contextlib.suppress(psycopg.errors.UndefinedObject):
        server.execute(f"DROP OWNED BY {role}")
    server.execute(f"DROP ROLE IF EXISTS {role}")


def test_who_has_no_tables_yet_cannot_make_them_and_is_told_so(rds: Server, name: str) -> None:
    rds.execute(f"CREATE ROLE {name}_role LOGIN")
    with (
        opened(rds, name, f"{name}_role") as store,
        pytest.raises(StoreError, match="CREATE on the database"),
    ):
        store.migrate()


def test_tables_that_are_made_later_may_be_used_too(rds: Server, name: str) -> None:
    migrate(rds, name, "master", f"{name}_role")
    with login(rds, "master") as connection:
        connection.execute(f"CREATE TABLE {name}.later (n serial, v text)".encode())
    for asked in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        assert rds.execute(f"SELECT has_table_privilege('{name}_role', '{name}.later', '{asked}')")[
            0
        ] == (True,)
    assert rds.execute(
        f"SELECT has_sequence_privilege('{name}_role', '{name}.later_n_seq', 'USAGE')"
    )
    assert migrate(rds, name, "master", f"{name}_role") == []


@pytest.mark.parametrize(
    "taken",
    [
        "REVOKE USAGE ON SCHEMA {0} FROM {0}_role",
        "REVOKE DELETE ON {0}.claims FROM {0}_role",
        "REVOKE UPDATE ON SEQUENCE {0}.volumes_number_seq FROM {0}_role",
        "ALTER DEFAULT PRIVILEGES FOR ROLE master IN SCHEMA {0} "
        "REVOKE SELECT ON TABLES FROM {0}_role",
    ],
)
def test_what_was_taken_away_is_given_again_and_told(rds: Server, name: str, taken: str) -> None:
    migrate(rds, name, "master", f"{name}_role")
    rds.execute(taken.format(name))
    told = f"Let the role {name}_role use the tables of the schema {name}."
    assert migrate(rds, name, "master", f"{name}_role") == [told]
    assert migrate(rds, name, "master", f"{name}_role") == []


def test_roles_of_any_name_are_granted_in_any_schema(rds: Server) -> None:
    odd = f'Odd "role"; é {next(_NUMBERS)}'
    steps = migrate(rds, f'my "{odd}"', "master", f"{odd},plain_{odd}")
    assert [each for each in steps if each.startswith("Created the role")] == [
        f"Created the role {odd}.",
        f"Created the role plain_{odd}.",
    ]
    with opened(rds, f'my "{odd}"', "postgres", options=f"-c role={quoted(odd)}") as store:
        write_volume(store, "v")
        assert volume_ids(store) == ["v"]
    assert migrate(rds, f'my "{odd}"', "master", f"{odd},plain_{odd}") == []


def quoted(role: str) -> str:
    return role.replace(" ", "\\ ")


def test_a_role_that_is_there_stays_as_it_is_and_a_group_logs_in_by_nothing(
    rds: Server, name: str
) -> None:
    rds.execute(f"CREATE ROLE {name}_group NOLOGIN")
    rds.execute(f"CREATE ROLE {name}_role LOGIN IN ROLE {name}_group")
    steps = migrate(rds, name, "master", f"{name}_group")
    assert steps[2:] == [f"Let the role {name}_group use the tables of the schema {name}."]
    assert not is_member(rds, f"{name}_group", "rds_iam")
    with opened(rds, name, f"{name}_role") as store:
        assert store.volumes() == []
    # What it may as a member need not be granted again, but for how it logs in.
    (step,) = migrate(rds, name, "master", f"{name}_role")[:1]
    assert "rds_iam" in step


def test_who_migrates_needs_no_grant_and_goes_on_to_log_in_as_before(
    rds: Server, name: str
) -> None:
    assert len(migrate(rds, name, "maker", "maker")) == 2
    assert not is_member(rds, "maker", "rds_iam")


def test_a_superuser_may_grant_where_there_is_no_iam(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    server = server_or_skip(session_folder(tmp_path_factory), PACKAGE)
    role = f"grantee_{hashlib.sha256(str(tmp_path_factory.getbasetemp()).encode()).hexdigest()}"
    role = role[:60]
    try:
        steps = migrate(server, f"{name}_{role}"[:60], "postgres", role)
        assert [each.split()[0] for each in steps[2:]] == ["Created", "Let"]
        assert migrate(server, f"{name}_{role}"[:60], "postgres", role) == []
    finally:
        forget(server, f"{name}_{role}"[:60], role)


# -- whoever makes a role is no member of it -----------------------------------------------


def test_making_a_role_does_not_cost_its_maker_the_login(
    rds: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On RDS the master user may grant rds_iam and is no member of it; here somebody else does."""
    role = f"{name}_role"
    grants = postgresql_grants._Grantee
    monkeypatch.setattr(grants, "_given_iam", lambda self: False)
    assert f"Created the role {role}." in migrate(rds, name, "maker", role)
    monkeypatch.undo()
    rds.execute(f"GRANT rds_iam TO {role}")
    assert not is_member(rds, "maker", "rds_iam")
    with pytest.raises(psycopg.OperationalError, match="rejects"):
        login(rds, role)
    assert migrate(rds, name, "maker", role) == []
    assert rds.execute("SELECT FROM pg_roles WHERE rolname ^@ 'songid_maker'") == []


def test_a_role_whose_member_would_lose_its_password_is_left_alone(rds: Server, name: str) -> None:
    role = f"{name}_role"
    rds.execute(f"CREATE ROLE {role} LOGIN")
    rds.execute(f"GRANT {role} TO maker")
    with pytest.raises(StoreError, match="take maker out of it"):
        migrate(rds, name, "maker", role)
    login(rds, "maker").close()


# -- who may not ---------------------------------------------------------------------------


def test_who_may_not_make_roles_is_told_what_to_grant(rds: Server, name: str) -> None:
    rds.execute(f"CREATE ROLE {name} LOGIN")
    rds.execute(f"CREATE SCHEMA {name} AUTHORIZATION {name}")
    with pytest.raises(StoreError, match=f'CREATE ROLE "{name}_role" LOGIN`.* CREATEROLE') as told:
        migrate(rds, name, name, f"{name}_role")
    assert f"role {name}_role" in str(told.value)
    # All in one transaction.
    assert rds.execute("SELECT FROM pg_tables WHERE schemaname = %s", name) == []
    rds.execute(f"CREATE ROLE {name}_role LOGIN")
    with pytest.raises(StoreError, match=f'`GRANT rds_iam TO "{name}_role"`.*WITH ADMIN OPTION'):
        migrate(rds, name, name, f"{name}_role")
    rds.execute(f"GRANT rds_iam TO {name}_role")
    assert len(migrate(rds, name, name, f"{name}_role")) == 2


def test_who_does_not_own_the_tables_is_told_who_may_grant(rds: Server, name: str) -> None:
    migrate(rds, name, "postgres", "master")  # which may use them
    with pytest.raises(StoreError, match="migrate as the owner"):
        migrate(rds, name, "master", f"{name}_role")
    rds.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO master WITH GRANT OPTION")
    rds.execute(f"GRANT USAGE ON SCHEMA {name} TO master WITH GRANT OPTION")
    with pytest.raises(StoreError, match="migrate as the owner"):
        migrate(rds, name, "master", f"{name}_role")


# -- many at once --------------------------------------------------------------------------


def test_of_many_that_migrate_at_once_each_sees_all_that_is_needed(rds: Server, name: str) -> None:
    role = f"{name}_role"
    schemas = [f"{name}_{number % 3}" for number in range(9)]
    steps = in_threads(lambda number: migrate(rds, schemas[number], "master", role), 9)
    told = [step for each in steps for step in each]
    assert told.count(f"Created the role {role}.") == 1
    assert len(told) == 2 + 3 * 3
    for schema in set(schemas):
        assert migrate(rds, schema, "master", role) == []


# -- the store as such a role sees it ------------------------------------------------------


class TestAGrantedRole(StoreConformance):
    """Whoever was granted the store can do all that a store must do."""

    server: Server

    @pytest.fixture(autouse=True)
    def its_server(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        self.server = server_or_skip(session_folder(tmp_path_factory), PACKAGE)
        yield

    def open_store(self, place: Path) -> Store:
        schema = "kit_" + hashlib.sha256(f"granted {place}".encode()).hexdigest()[:16]
        migrate(self.server, schema, "postgres", "kit_grantee")
        store = load().open("stores", self.server.url(schema, "kit_grantee"))
        assert isinstance(store, Store)
        return store
