"""What others need to use the store, given by whoever migrates: a role, and its grants.

Such a role reads and writes the tables, and no more. It gets no TRIGGER on them: a trigger
runs as whoever changes the table, and so could make its owner whoever migrates.

On RDS and Aurora a role logs in by AWS IAM if it is a member of `rds_iam`, even by way of
others, and then by no password any more.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.DBAccounts.html
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import LiteralString

from psycopg import errors, sql

from songid.errors import StoreError
from songid_plugins.stores.postgresql_errors import words
from songid_plugins.stores.postgresql_transactions import Connection
from songid_plugins.stores.postgresql_urls import Address

_IAM = "rds_iam"
_CREATORS_ARE_MEMBERS_SINCE = 160_000


@dataclass(frozen=True, slots=True)
class _Kind:
    """Relations of one kind: as GRANT calls them, their letters in pg_class and
    pg_default_acl, and the privileges that are given on them."""

    word: LiteralString
    relkinds: str
    objtype: str
    privileges: tuple[LiteralString, ...]


_KINDS = (
    _Kind("TABLES", "rp", "r", ("SELECT", "INSERT", "UPDATE", "DELETE")),
    _Kind("SEQUENCES", "S", "S", ("USAGE", "SELECT", "UPDATE")),
)
_LACKS_USAGE = "SELECT NOT has_schema_privilege(%(role)s::oid, %(schema)s::oid, 'USAGE')"
# CASE, for a function that asks about sequences fails on tables.
_LACKS_ON_RELATIONS = """
    SELECT EXISTS (
        SELECT FROM pg_class AS c, unnest(%(privileges)s::text[]) AS privilege
        WHERE c.relnamespace = %(schema)s AND c.relkind::text = ANY(%(relkinds)s)
        AND NOT CASE WHEN c.relkind = 'S'
            THEN has_sequence_privilege(%(role)s::oid, c.oid, privilege)
            ELSE has_table_privilege(%(role)s::oid, c.oid, privilege) END
    )
"""
# Whoever is a member of their owner needs no grant on the tables that are made later.
_LACKS_LATER = """
    SELECT NOT pg_has_role(%(role)s::oid, current_user, 'USAGE') AND EXISTS (
        SELECT FROM unnest(%(privileges)s::text[]) AS privilege WHERE NOT EXISTS (
            SELECT FROM pg_default_acl AS d, aclexplode(d.defaclacl) AS a
            WHERE d.defaclrole = (SELECT oid FROM pg_roles WHERE rolname = current_user)
            AND d.defaclnamespace = %(schema)s AND d.defaclobjtype::text = %(objtype)s
            AND a.grantee = %(role)s AND a.privilege_type = privilege
        )
    )
"""


def grant(connection: Connection, address: Address) -> list[str]:
    """Give the roles that the URL names what they need, within the caller's transaction.

    One sentence per step taken; nothing is done, nor said, where nothing is missing.
    StoreError says what whoever migrates lacks. The tables must be there.
    """
    return [step for name in address.grant for step in _Grantee(connection, address, name).give()]


class _Grantee:
    """One role that is to use the store."""

    def __init__(self, connection: Connection, address: Address, name: str) -> None:
        self._connection = connection
        self._schema = address.schema
        self._name = name
        self._where = f"{address.shown}, role {name}"
        ((self._me,),) = connection.execute("SELECT current_user::text").fetchall()

    def give(self) -> Iterator[str]:
        """Do what is missing; one sentence for each step."""
        if self._name == self._me:
            return  # its owner needs no grant, and its login is to stay as it is
        if self._oid(self._name) is None and self._made():
            yield f"Created the role {self._name}."
        if self._lacks_iam() and self._given_iam():
            yield f"Gave the role {self._name} {_IAM}, so that it logs in by AWS IAM."
        if self._given_tables():
            yield f"Let the role {self._name} use the tables of the schema {self._schema}."

    # -- the role -----------------------------------------------------------------

    def _made(self) -> bool:
        advice = (
            f"make it, as `CREATE ROLE {self._quoted(self._name)} LOGIN`, or let {self._me} do so,"
            f" with `ALTER ROLE {self._quoted(self._me)} CREATEROLE`"
        )
        make = self._make_by_another if self._would_join() else self._make
        with self._explained(advice):
            return self._alone(lambda: make(self._name, "LOGIN"))

    def _make(self, name: str, option: LiteralString) -> None:
        self._run(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(name), sql.SQL(option)))

    def _make_by_another(self, name: str, option: LiteralString) -> None:
        """Make a role of which whoever migrates does not become a member.

        Who makes a role is a member of it, which cannot be undone but by dropping one of
        the two. A member's member of rds_iam could not log in by its password again.
        https://www.postgresql.org/docs/current/role-attributes.html (role creation)
        """
        maker = f"songid_maker_{secrets.token_hex(8)}"
        quoted = sql.Identifier(maker)
        self._make(maker, "CREATEROLE")
        self._run(sql.SQL("GRANT {} TO CURRENT_USER WITH SET TRUE").format(quoted))
        self._run(sql.SQL("SET LOCAL ROLE {}").format(quoted))
        self._make(name, option)
        self._run(sql.SQL("RESET ROLE"))
        self._run(sql.SQL("DROP ROLE {}").format(quoted))

    def _would_join(self) -> bool:
        """Whether a role that logs in by IAM would have whoever makes it do so, too."""
        makers_are_members = self._connection.info.server_version >= _CREATORS_ARE_MEMBERS_SINCE
        known = self._oid(_IAM) is not None
        return makers_are_members and known and not self._is_member(self._me, _IAM)

    # -- rds_iam ------------------------------------------------------------------

    def _lacks_iam(self) -> bool:
        """Whether it is a role that logs in, and the server knows rds_iam, but it has not."""
        ((lacks,),) = self._connection.execute(
            "SELECT r.rolcanlogin AND NOT pg_has_role(r.oid, i.oid, 'MEMBER') FROM pg_roles AS r "
            "LEFT JOIN pg_roles AS i ON i.rolname = %s WHERE r.rolname = %s",
            [_IAM, self._name],
        ).fetchall()
        return bool(lacks)

    def _given_iam(self) -> bool:
        if self._is_member(self._me, self._name) and not self._is_member(self._me, _IAM):
            raise StoreError(
                f"{self._where}: {self._me} is a member of it, and could not log in by its"
                f" password any more if it were given {_IAM}; drop the role, so that it is made"
                f" anew, or take {self._me} out of it"
            )
        advice = (
            f"grant it, as `GRANT {_IAM} TO {self._quoted(self._name)}`, or let {self._me} do so,"
            f" with `GRANT {_IAM} TO {self._quoted(self._me)} WITH ADMIN OPTION`"
        )
        statement = sql.SQL("GRANT {} TO {}").format(
            sql.Identifier(_IAM), sql.Identifier(self._name)
        )
        with self._explained(advice):
            return self._alone(lambda: self._run(statement))

    # -- the tables ---------------------------------------------------------------

    def _given_tables(self) -> bool:
        names = {"schema": sql.Identifier(self._schema), "role": sql.Identifier(self._name)}
        given = False
        with self._explained(f"migrate as the owner of the schema {self._schema} and its tables"):
            for lacks, statement in self._grants():
                if lacks():
                    given = True
                    self._run(sql.SQL(statement).format(**names))
                    if lacks():  # who has a part of the right to grant is only warned
                        raise errors.InsufficientPrivilege("not all privileges could be granted")
        return given

    def _grants(self) -> Iterator[tuple[Callable[[], bool], LiteralString]]:
        """Whether something is missing, and the statement that gives it."""
        (row,) = self._connection.execute(
            "SELECT oid FROM pg_namespace WHERE nspname = %s", [self._schema]
        ).fetchall()
        common = {"schema": row[0], "role": self._oid(self._name)}
        yield (
            partial(self._is_so, _LACKS_USAGE, common),
            "GRANT USAGE ON SCHEMA {schema} TO {role}",
        )
        for kind in _KINDS:
            about = {
                **common,
                "privileges": list(kind.privileges),
                "relkinds": list(kind.relkinds),
                "objtype": kind.objtype,
            }
            privileges = ", ".join(kind.privileges)
            yield (
                partial(self._is_so, _LACKS_ON_RELATIONS, about),
                f"GRANT {privileges} ON ALL {kind.word} IN SCHEMA {{schema}} TO {{role}}",
            )
            yield (
                partial(self._is_so, _LACKS_LATER, about),
                "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} "
                f"GRANT {privileges} ON {kind.word} TO {{role}}",
            )

    # -- statements ---------------------------------------------------------------

    def _oid(self, role: str) -> int | None:
        row = self._connection.execute(
            "SELECT oid FROM pg_roles WHERE rolname = %s", [role]
        ).fetchone()
        return None if row is None else int(row[0])

    def _is_member(self, who: str, role: str) -> bool:
        return self._is_so(
            "SELECT pg_has_role(%(who)s::name, %(role)s::name, 'MEMBER')",
            {"who": who, "role": role},
        )

    def _is_so(self, question: LiteralString, about: dict[str, object]) -> bool:
        ((answer,),) = self._connection.execute(question, about).fetchall()
        return bool(answer)

    def _run(self, statement: sql.SQL | sql.Composed) -> None:
        self._connection.execute(statement, prepare=False)

    def _alone(self, change: Callable[[], None]) -> bool:
        """Change what all databases of a server share; False if another just did the same."""
        try:
            with self._connection.transaction():  # within the caller's: a savepoint
                change()
        except (errors.DuplicateObject, errors.UniqueViolation):
            return False
        return True

    @contextmanager
    def _explained(self, advice: str) -> Iterator[None]:
        try:
            yield
        except errors.InsufficientPrivilege as error:
            raise StoreError(
                f"{self._where}: {self._me} may not give it what it needs ({words(error)});"
                f" {advice}"
            ) from error

    def _quoted(self, name: str) -> str:
        return sql.Identifier(name).as_string(self._connection)
