"""The PostgreSQL store's URL: what of it is songid's, and what goes to libpq as it is.

A URL's own text is taken apart, not its decoded rest: a password may hold any character.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final
from urllib.parse import unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from songid.errors import PluginError
from songid.model import ComponentURL

DEFAULT_PORT = "5432"

_FORM = "postgresql://user:password@host:5432/database?option=value"
_OPTIONS: Final[Mapping[str, str]] = {
    "schema": "songid",
    "patience_s": "60",
    "idle_s": "60",
    "statement_s": "120",
    "connections": "4",
    "auth": "password",
    "secret": "",
    "region": "",
    "grant": "",
}
# Both ends find out within half a minute that the other is gone, where the system's own
# defaults take hours. A paused Aurora answers a connection only once it is awake, which
# takes about 15 s, so an attempt may take longer than that.
_LIBPQ_DEFAULTS: Final[Mapping[str, str]] = {
    "fallback_application_name": "songid",
    "connect_timeout": "20",
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
    "client_encoding": "UTF8",
}
_LONGEST_NAME_BYTES = 63  # PostgreSQL cuts longer names off
_RESERVED_ROLES = ("public", "none")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is and how it is to be treated.

    `shown` names it without a password. `parameters` are libpq's (host, port, user ...).
    Operations that find no database are repeated for `patience_s`; a connection that is
    not used for `idle_s` is ended, so that a database may pause; a statement that takes
    longer than `statement_s` is given up. `secret` is a Secrets Manager secret's name or
    ARN; `iam` asks for a token instead of a password. `grant` are the roles that are given
    what they need to use the tables, when these are made.
    """

    shown: str
    parameters: Mapping[str, str]
    schema: str
    patience_s: float
    idle_s: float
    statement_s: float
    connections: int
    iam: bool
    secret: str
    region: str
    grant: tuple[str, ...] = ()


def address_of(url: ComponentURL) -> Address:
    """Take a `postgresql://` URL apart; PluginError if it is none or an option is wrong."""
    head, _, query = url.text.partition("?")
    rest = head.partition(":")[2]
    if not rest.startswith("//"):
        raise PluginError(f"A PostgreSQL store is written {_FORM}")
    own, libpq = _divided(query)
    parameters = _parameters(f"postgresql:{rest}" + (f"?{libpq}" if libpq else ""))
    shown = _shown(parameters)
    for name, value in own.items():
        if not value:
            raise PluginError(
                f"{shown}: the option {name} is empty; give it a value or leave it out"
            )
    chosen = {**_OPTIONS, **own}
    if chosen["auth"] not in ("password", "iam"):
        raise PluginError(f"{shown}: auth={chosen['auth']} is neither `password` nor `iam`")
    iam = chosen["auth"] == "iam"
    if iam and (chosen["secret"] or "password" in parameters):
        raise PluginError(f"{shown}: auth=iam takes neither a password nor a secret")
    if iam and not {"host", "user"} <= parameters.keys():
        raise PluginError(f"{shown}: auth=iam needs the user and the host in the URL")
    if iam:
        parameters.setdefault("sslmode", "require")
    return Address(
        shown=shown,
        parameters={**_LIBPQ_DEFAULTS, **parameters},
        schema=_schema(shown, chosen["schema"]),
        patience_s=_number(shown, "patience_s", chosen["patience_s"]),
        idle_s=_number(shown, "idle_s", chosen["idle_s"], least=1),
        statement_s=_number(shown, "statement_s", chosen["statement_s"], least=1),
        connections=int(_number(shown, "connections", chosen["connections"], least=1)),
        iam=iam,
        secret=chosen["secret"],
        region=chosen["region"],
        grant=_roles(shown, chosen["grant"]),
    )


def _divided(query: str) -> tuple[dict[str, str], str]:
    """songid's own options, and what of the query is for libpq, as it was written."""
    libpq_names = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    own: dict[str, str] = {}
    others = []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if name in _OPTIONS:
            own[name] = unquote(value)
        elif name in libpq_names:
            others.append(part)
        else:
            known = [*_OPTIONS, *sorted(libpq_names)]
            close = get_close_matches(name, known, n=1)
            guess = f" Did you mean {close[0]!r}?" if close else ""
            raise PluginError(
                f"A PostgreSQL store has no option {name!r}.{guess} There are "
                f"{', '.join(_OPTIONS)}, and libpq's connection parameters, such as sslmode, "
                "sslrootcert, connect_timeout and target_session_attrs"
            )
    return own, "&".join(others)


def _parameters(uri: str) -> dict[str, str]:
    # libpq's own words may hold a part of a password that was not percent-encoded.
    unreadable = PluginError(
        f"This is no PostgreSQL URL; write {_FORM}, special characters in a password "
        "percent-encoded (%40 for @, %2F for /, %3A for :)"
    )
    try:
        parameters = {name: str(value) for name, value in conninfo_to_dict(uri).items()}
    except psycopg.Error:
        raise unreadable from None
    ports = parameters.get("port", "").split(",")
    if "@" in parameters.get("host", "") or not all(p.isdecimal() or not p for p in ports):
        raise unreadable
    if "," in parameters.get("host", ""):
        # The store writes, and after a failover another of the hosts is the one that can.
        parameters.setdefault("target_session_attrs", "read-write")
    return parameters


def _shown(parameters: Mapping[str, str]) -> str:
    user = f"{parameters['user']}@" if "user" in parameters else ""
    hosts = parameters.get("host", "").split(",")
    ports = parameters.get("port", "").split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    places = [
        f"{host}:{port}" if port not in ("", DEFAULT_PORT) else host
        for host, port in zip(hosts, ports, strict=False)
    ]
    return f"postgresql://{user}{','.join(places)}/{parameters.get('dbname', '')}"


def _schema(shown: str, name: str) -> str:
    if not _is_name(name):
        raise PluginError(
            f"{shown}: {name!r} cannot name a schema: at most {_LONGEST_NAME_BYTES} bytes, "
            "not beginning with pg_"
        )
    return name


def _roles(shown: str, text: str) -> tuple[str, ...]:
    names = text.split(",") if text else []
    for name in names:
        if not name or not _is_name(name) or name in _RESERVED_ROLES:
            raise PluginError(
                f"{shown}: grant={text}: {name!r} cannot name a role; write one or more, with "
                f"commas between them, of at most {_LONGEST_NAME_BYTES} bytes, not beginning "
                "with pg_"
            )
    return tuple(dict.fromkeys(names))


def _is_name(text: str) -> bool:
    return (
        len(text.encode()) <= _LONGEST_NAME_BYTES
        and "\0" not in text
        and not text.startswith("pg_")
    )


def _number(shown: str, name: str, text: str, least: float = 0) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not least <= number <= 86_400:
        raise PluginError(f"{shown}: {name}={text} is not a number from {least:g} to 86400")
    return number
