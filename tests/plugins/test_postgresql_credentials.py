"""Whom the PostgreSQL store connects as: secrets that rotate, and tokens made anew each time."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from moto import mock_aws
from postgres_material import CAREFUL, PACKAGE, Server, server_or_skip, session_folder
from postgres_proxy import SOCKET_NAME

from songid.errors import StoreError
from songid.plugin_manager import load
from songid_plugins.aws_clients import client, forget_clients

REGION = "eu-west-3"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    return server_or_skip(session_folder(tmp_path_factory), PACKAGE)


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS account, in this process only."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other key")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    forget_clients()
    with mock_aws():
        yield
    forget_clients()


# -- secrets --------------------------------------------------------------------------


@pytest.fixture
def user(server: Server) -> Iterator[str]:
    """A user with a password, who may create schemas."""
    name = f"secretive_{os.getpid()}"
    server.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'first' IN ROLE {CAREFUL}")
    server.execute(f"GRANT CREATE ON DATABASE postgres TO {name}")
    yield name
    server.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def put_secret(text: str) -> str:
    secrets = client("secretsmanager")
    try:
        arn = secrets.create_secret(Name="songs", SecretString=text)["ARN"]
    except secrets.exceptions.ResourceExistsException:
        arn = secrets.put_secret_value(SecretId="songs", SecretString=text)["ARN"]
    return str(arn)


def secret_of(server: Server, user: str, password: str) -> str:
    return json.dumps(
        {
            "engine": "postgres",
            "username": user,
            "password": password,
            "host": str(server.folder),
            "port": 5432,
            "dbname": "postgres",
        }
    )


@pytest.mark.parametrize("by", ["name", "arn"])
def test_a_secret_tells_where_the_database_is_and_who_may_use_it(
    server: Server, user: str, by: str
) -> None:
    arn = put_secret(secret_of(server, user, "first"))
    name = arn if by == "arn" else "songs"
    url = f"postgresql://?secret={name}&schema=secret_{by}_{os.getpid()}"
    with contextlib.closing(load().open("stores", url)) as store:
        store.migrate()
        store.put_meta("key", "value")
        assert store.get_meta("key") == "value"


def test_a_secret_that_was_rotated_is_fetched_again(server: Server, user: str) -> None:
    put_secret(secret_of(server, user, "first"))
    url = f"postgresql://?secret=songs&schema=rotated_{os.getpid()}&application_name={user}"
    with contextlib.closing(load().open("stores", url)) as store:
        store.migrate()
        server.execute(f"ALTER ROLE {user} PASSWORD 'second'")
        put_secret(secret_of(server, user, "second"))
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
            user,
        )
        store.put_meta("key", "value")
        server.execute(f"ALTER ROLE {user} PASSWORD 'third'")
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
            user,
        )
        with pytest.raises(StoreError, match="password authentication failed") as told:
            store.put_meta("key", "value")
        assert "second" not in str(told.value)


@pytest.mark.parametrize("text", ["a password", "[]", '{"username": "me"}', '"text"'])
def test_a_secret_that_is_none_of_a_database_is_told(text: str) -> None:
    put_secret(text)
    with (
        contextlib.closing(load().open("stores", "postgresql://db/x?secret=songs")) as store,
        pytest.raises(StoreError, match="`username` and `password`"),
    ):
        store.volumes()


def test_a_secret_that_is_not_there_is_told() -> None:
    with (
        contextlib.closing(load().open("stores", "postgresql://db/x?secret=nothing")) as store,
        pytest.raises(StoreError, match="ResourceNotFoundException"),
    ):
        store.volumes()


# -- tokens ---------------------------------------------------------------------------


@dataclass
class Gate:
    """Asks whoever comes for a password, keeps it, and lets all in who give the right kind."""

    port: int
    passwords: list[str] = field(default_factory=list)
    lets_in: Callable[[str], bool] = lambda password: True


@pytest.fixture
def gate(server: Server) -> Iterator[Gate]:
    """As RDS does with IAM: the password is taken in clear (RDS does so within TLS)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gate = Gate(listener.getsockname()[1])

        def accept() -> None:
            while True:
                try:
                    guest, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(
                    target=admit, args=(gate, guest, server.folder), daemon=True
                ).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield gate
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


def admit(gate: Gate, guest: socket.socket, server: Path) -> None:
    with guest, socket.socket(socket.AF_UNIX) as upstream, contextlib.suppress(OSError):
        length = int.from_bytes(guest.recv(4, socket.MSG_WAITALL))
        startup = guest.recv(length - 4, socket.MSG_WAITALL)
        guest.sendall(b"R" + (8).to_bytes(4) + (3).to_bytes(4))
        assert guest.recv(1) == b"p"
        length = int.from_bytes(guest.recv(4, socket.MSG_WAITALL))
        password = guest.recv(length - 4, socket.MSG_WAITALL).rstrip(b"\0").decode()
        gate.passwords.append(password)
        if not gate.lets_in(password):
            fields = b"SFATAL\0C28000\0MPAM authentication failed for user\0\0"
            guest.sendall(b"E" + (len(fields) + 4).to_bytes(4) + fields)
            return
        upstream.connect(str(server / SOCKET_NAME))
        upstream.sendall((len(startup) + 4).to_bytes(4) + startup)
        back = threading.Thread(target=carry, args=(upstream, guest), daemon=True)
        back.start()
        carry(guest, upstream)
        back.join()


def carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def token_parts(token: str) -> tuple[str, dict[str, list[str]]]:
    place, _, query = token.partition("/?")
    return place, parse_qs(query)


def test_each_connection_has_a_token_of_its_own_signed_for_user_host_and_region(
    gate: Gate,
) -> None:
    host = "songs.cluster-abc.ap-southeast-2.rds.amazonaws.com"
    url = (
        f"postgresql://postgres@{host}:{gate.port}/postgres?hostaddr=127.0.0.1&auth=iam"
        f"&sslmode=disable&schema=iam_{os.getpid()}"
    )
    with contextlib.closing(load().open("stores", url)) as store:
        store.migrate()
        store.put_meta("key", "value")
    assert len(gate.passwords) == 2
    place, query = token_parts(gate.passwords[-1])
    assert place == f"{host}:{gate.port}"
    assert query["DBUser"] == ["postgres"]
    assert query["Action"] == ["connect"]
    assert "/ap-southeast-2/rds-db/" in query["X-Amz-Credential"][0]


def test_with_several_hosts_each_has_its_own_token(gate: Gate) -> None:
    gate.lets_in = lambda password: token_parts(password)[0] == f"localhost:{gate.port}"
    url = (
        f"postgresql://postgres@127.0.0.1:{gate.port},localhost:{gate.port}/postgres?auth=iam"
        f"&sslmode=disable&region={REGION}&schema=iam_two_{os.getpid()}"
    )
    with contextlib.closing(load().open("stores", url)) as store:
        store.migrate()
    places = [token_parts(password)[0] for password in gate.passwords]
    assert places == [f"127.0.0.1:{gate.port}", f"localhost:{gate.port}"]
    assert f"/{REGION}/" in gate.passwords[0].replace("%2F", "/")


def test_a_token_that_is_refused_is_told_at_once(gate: Gate) -> None:
    gate.lets_in = lambda password: False
    url = (
        f"postgresql://postgres@127.0.0.1:{gate.port}/postgres?auth=iam&sslmode=disable"
        "&patience_s=60"
    )
    with (
        contextlib.closing(load().open("stores", url)) as store,
        pytest.raises(StoreError, match="PAM authentication failed") as told,
    ):
        store.volumes()
    assert "X-Amz" not in str(told.value)


def test_without_aws_credentials_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    forget_clients()
    store: Any = load().open("stores", "postgresql://me@127.0.0.1/x?auth=iam")
    with contextlib.closing(store), pytest.raises(StoreError, match="no AWS credentials"):
        store.volumes()
