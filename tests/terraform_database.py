"""Aurora's place taken by a PostgreSQL server: its roles, its logins, its TLS, on an own address.

A cluster that moto made has a name that resolves nowhere. Whoever is told this address by
PGHOSTADDR finds there what the name promises: a master who is no superuser and has the
password that RDS put into Secrets Manager, and users who log in by AWS IAM.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import postgres_material
import pytest
from psycopg import sql

PORT = 5432
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_GSS_REQUEST = struct.pack("!ii", 8, 80877104)
# As RDS has it: a member of rds_iam, even by way of others, logs in by a token and by no
# password. What a token is worth only IAM knows, so any does here.
_HBA = """\
local all postgres trust
local all +rds_iam trust
local all all scram-sha-256
"""


@dataclass
class Database:
    """A server that takes the place of an Aurora cluster, reached at `address` by TLS only.

    `logins` are the names that logging in was tried with.
    """

    server: postgres_material.Server
    address: str
    logins: list[str]
    master: str = ""

    def become(self, client: Callable[[str], Any]) -> None:
        """Take the place of the cluster that the cloud has: its master, password and database."""
        (cluster,) = client("rds").describe_db_clusters()["DBClusters"]
        arn = cluster["MasterUserSecret"]["SecretArn"]
        secret = client("secretsmanager").get_secret_value(SecretId=arn)
        login = json.loads(secret["SecretString"])
        master, database = login["username"], cluster["DatabaseName"]
        self.master = master
        assert cluster["IAMDatabaseAuthenticationEnabled"], "nobody can log in by IAM"
        assert cluster["Port"] == PORT
        if not self._has("SELECT FROM pg_roles WHERE rolname = %s", master):
            self._run("CREATE ROLE {} LOGIN CREATEROLE CREATEDB IN ROLE rds_superuser", master)
            self._run("GRANT rds_iam TO {} WITH ADMIN OPTION", "rds_superuser")
        with self.server.connect() as connection:
            password = sql.SQL("ALTER ROLE {} PASSWORD {}")
            connection.execute(password.format(sql.Identifier(master), login["password"]))
        if not self._has("SELECT FROM pg_database WHERE datname = %s", database):
            self._run("CREATE DATABASE {} OWNER {}", database, master)

    def _has(self, query: str, name: str) -> bool:
        return bool(self.server.execute(query, name))

    def _run(self, statement: str, *names: str) -> None:
        with self.server.connect() as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))  # type: ignore[arg-type]


@contextmanager
def database_or_skip(folder: Path) -> Iterator[Database]:
    """A server for one cluster, until the block ends; skips where there can be none."""
    try:
        server = postgres_material.new_server()
    except postgres_material.NoServerError as error:
        pytest.skip(f"no PostgreSQL to take Aurora's place: {error}")
    try:
        for role in ("rds_superuser", "rds_iam"):
            server.execute(f"CREATE ROLE {role} NOLOGIN")
        (server.folder / "data/pg_hba.conf").write_text(_HBA)
        server.execute("SELECT pg_reload_conf()")
        listener = _own_address()
        database = Database(server, listener.getsockname()[0], [])
        with _tls_before(database, listener, _certificate(folder)):
            yield database
    finally:
        server.delete()


def _own_address() -> socket.socket:
    """A socket at the port that the cluster has, on an address of this machine's own."""
    reason = ""
    for number in range(1, 255):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((f"127.53.0.{number}", PORT))
            listener.listen(50)
        except OSError as error:
            listener.close()
            reason = str(error)
            continue
        return listener
    pytest.skip(f"no address for a database: port {PORT} of 127.53.0.x: {reason}")


# -- TLS ------------------------------------------------------------------------------


def _certificate(folder: Path) -> ssl.SSLContext:
    """A certificate by nobody: `sslmode=require` asks that there is one, and not whose."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "aurora")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = folder / "aurora.pem"
    path.write_bytes(
        key.private_bytes(pem, pkcs8, serialization.NoEncryption()) + certificate.public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@contextmanager
def _tls_before(
    database: Database, listener: socket.socket, context: ssl.SSLContext
) -> Iterator[None]:
    """Carry what comes by TLS to the server's socket, and refuse what does not."""

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=carry, args=(client,), daemon=True).start()

    def carry(plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain:
            plain.settimeout(30)
            while (asked := plain.recv(8)) == _GSS_REQUEST:
                plain.sendall(b"N")
            if asked != _SSL_REQUEST:
                return
            plain.sendall(b"S")
            with context.wrap_socket(plain, server_side=True) as client:
                client.settimeout(None)
                with socket.socket(socket.AF_UNIX) as server:
                    server.connect(f"{database.server.folder}/.s.PGSQL.{PORT}")
                    greeting = client.recv(1 << 16)
                    database.logins += _user(greeting)
                    server.sendall(greeting)
                    _exchange(client, server)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _user(greeting: bytes) -> list[str]:
    """The user that a startup message names; none in a request to cancel."""
    words = greeting[8:].split(b"\0")
    parameters = dict(zip(words[::2], words[1::2], strict=False))
    return [parameters[b"user"].decode()] if b"user" in parameters else []


def _exchange(client: ssl.SSLSocket, server: socket.socket) -> None:
    while True:
        # What TLS has decrypted already the socket does not tell of.
        ready = [client] if client.pending() else select.select([client, server], [], [])[0]
        for one, other in ((client, server), (server, client)):
            if one in ready:
                some = one.recv(1 << 16)
                if not some:
                    return
                other.sendall(some)
