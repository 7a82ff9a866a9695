"""What the image holds, laid out for both architectures, and started from there."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cloud_material import Cloud
from function_material import batch, created, failures
from layout_material import HERE, PYTHON, environment_in, laid_out, run_in
from runtime_api import runtime
from small_material import aired, song, title
from stream_material import Mount, packets, stream_server

import layout as layout_script
import left_out

BOTH = sorted(layout_script.ELF_MACHINES)
MOST_BYTES = 230e6
"""Lambda takes 250 MB unpacked even without an image (262,144,000 bytes)."""


@pytest.fixture(params=BOTH)
def each_layout(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout, of both architectures in turn."""
    return laid_out(request.param, tmp_path_factory)


@pytest.fixture
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout that can be run on this machine."""
    return laid_out(HERE, tmp_path_factory)


# -- what is in it ----------------------------------------------------------------------


def test_it_is_no_larger_than_it_may_be(each_layout: Path) -> None:
    sizes = layout_script.sizes(each_layout)
    print(f"{each_layout.name}\n{layout_script.as_table(sizes)}")
    assert sum(sizes.values()) < MOST_BYTES


def test_every_library_is_made_for_its_architecture(each_layout: Path) -> None:
    architecture = each_layout.name.partition("-")[2]
    libraries = layout_script.elf_files(each_layout)
    assert {machine for _, machine in libraries} == {layout_script.ELF_MACHINES[architecture]}
    roots = {path.relative_to(each_layout).parts[0] for path, _ in libraries}
    assert {"av", "av.libs", "numpy", "psycopg_binary", "pydantic_core", "scipy"} <= roots


def test_what_the_lock_pins_is_there_with_its_licences_and_nothing_else(each_layout: Path) -> None:
    found = {
        path.name.partition("-")[0].replace("_", "-").lower(): path
        for path in each_layout.glob("*.dist-info")
    }
    assert {"songid-airplay", "awslambdaric", "botocore", "psycopg-binary"} <= set(found)
    assert not set(found) & {*left_out.PACKAGES, "pip", "setuptools", "hatchling", "pytest"}
    unlicensed = [
        name
        for name, path in found.items()
        if not any(
            part in file.name.upper() for file in path.rglob("*") for part in ("LICEN", "COPYING")
        )
        and "License" not in (path / "METADATA").read_text()
    ]
    assert unlicensed == []


def test_nothing_is_left_that_belongs_to_no_function(each_layout: Path) -> None:
    names = {path.relative_to(each_layout).as_posix() for path in each_layout.rglob("*")}
    assert "bin" not in names
    assert not [name for name in names if name.endswith((".pyi", ".c", ".h", ".a", ".pyx"))]
    assert not [name for name in names if name.startswith(left_out.OWN)]
    services = {name.split("/")[2] for name in names if name.startswith("botocore/data/")}
    assert {name for name in services if "." not in name} == set(left_out.AWS_SERVICES)


def test_all_modules_are_compiled_so_that_none_is_checked_or_compiled_at_a_start(
    each_layout: Path,
) -> None:
    tag = sys.implementation.cache_tag
    for path in each_layout.rglob("*.py"):
        compiled = path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc"
        # PEP 552: flags 1 mean a hash of the source that is not compared with it.
        assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 1, path


def test_the_same_inputs_give_the_same_bytes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Held by what both architectures have in common, in two runs in two folders."""
    folders = [laid_out(architecture, tmp_path_factory) for architecture in BOTH]
    pure = ("songid", "songid_plugins", "reports_templates", "botocore", "jinja2", "urllib3")
    digests = []
    for folder in folders:
        assert {path.stat().st_mtime for path in folder.rglob("*")} == {layout_script._MTIME_S}
        digests.append(
            {
                path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                for package in pure
                for path in (folder / package).rglob("*")
                if path.is_file() and path.suffix != ".so"
            }
        )
    assert len(digests[0]) > 200
    assert digests[0] == digests[1]


# -- what it can do ---------------------------------------------------------------------


def test_every_part_of_songid_imports_from_it_alone(here: Path) -> None:
    """But for what a setting brings: a store in Aurora is opened with psycopg, which is there."""
    program = """
import importlib, json, os, pkgutil, sys
import reports_templates, songid, songid_plugins
names = []
for package in (songid, songid_plugins, reports_templates):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
        names.append(module.name)
import awslambdaric.bootstrap, psycopg
stdlib = (os.path.dirname(os.__file__), os.path.dirname(json.__file__))
where = {
    name: module.__file__ for name, module in sys.modules.items()
    if getattr(module, "__file__", None)
}
here = os.environ["PYTHONPATH"]
strange = [
    name for name, file in where.items()
    if not file.startswith((here, sys.base_prefix)) or "site-packages" in file[len(here):]
]
print(json.dumps({"names": names, "strange": strange}))
"""
    found = json.loads(run_in(here, program))
    assert found["strange"] == []
    assert {"songid.lambda_handler", "songid_plugins.stores.postgresql"} <= set(found["names"])


def test_plugins_are_found_by_their_entry_point(here: Path) -> None:
    program = """
from songid import plugin_manager
from importlib.metadata import version
import songid
plugins = plugin_manager.load()
print([(row.name, str(row.status), row.why) for row in plugins.listing()], songid.__version__)
for format in ("html", "json", "csv"):
    plugins.open("report_formats", format)
"""
    printed = run_in(here, program)
    added, shipped = "('template', 'loaded', '')", "('songid_plugins', 'loaded', '')"
    assert printed.startswith(f"[{added}, {shipped}] 0.1"), printed


def test_a_client_of_every_service_is_made_and_signs(here: Path) -> None:
    program = f"""
from songid_plugins.aws_clients import client
for service in {left_out.AWS_SERVICES!r}:
    print(service, client(service).meta.endpoint_url)
token = client("rds").generate_db_auth_token("host", 5432, "user")
address = client("s3").generate_presigned_url("get_object", Params={{"Bucket": "b", "Key": "k"}})
print("X-Amz-Signature" in token, "Signature" in address)
"""
    printed = run_in(
        here,
        program,
        AWS_REGION="eu-west-1",
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
    )
    *clients, last = printed.splitlines()
    assert last == "True True"
    assert [line.split()[0] for line in clients] == list(left_out.AWS_SERVICES)
    assert all("eu-west-1.amazonaws.com" in line for line in clients), printed


def test_the_handler_starts_from_it_and_hears_what_comes_into_a_bucket(
    here: Path, cloud: Cloud, tmp_path: Path
) -> None:
    """With the libraries of the layout alone: no other package can be imported."""
    bucket = cloud.bucket()
    station = "songs_to_check/streams/radio1_20260301T120000.00001.ts"
    events = []
    for key, content in (("songs_to_index/one.mp3", song(1)), (station, aired(1))):
        event = created(key, bucket)
        event["detail"]["object"]["etag"] = cloud.put(bucket, key, content)["ETag"].strip('"')
        events.append(event)
    settings = {
        "SONGID_STORE": f"sqlite:{tmp_path / 'store'}",
        "SONGID_INBOX": f"s3://{bucket}",
        "SONGID_REPORTS": f"s3://{bucket}/reports",
        "SONGID_REFRESH_S": "0",
    }
    environment = environment_in(here, **cloud.environment, **settings)
    with runtime(tmp_path, environment, PYTHON) as started:
        ready_s = time.monotonic() - started.began
        print(f"asked for its first event after {ready_s:.2f} s")
        for event in events:
            outcome = started.invoke(batch(event))
            assert outcome.error is None and outcome.exit_code is None, started.output()
            assert failures(outcome.answer) == [], started.output()
        report = started.invoke({"songid": "report", "station": "radio1", "date": "2026-03-01"})
        assert report.error is None, started.output()
        assert ready_s < 10, "generous, for machines with much else to do"
    (document,) = [key for key in cloud.keys(bucket, "reports/") if key.endswith("01.json")]
    day = json.loads(cloud.content(bucket, document))
    assert [play["title"] for play in day["plays"]] == [title(1)]


# -- `songid listen`, from the same image ----------------------------------------------


def test_listen_writes_a_streams_segments_into_a_bucket(
    here: Path, cloud: Cloud, tmp_path: Path
) -> None:
    """As a service that runs the same image does: with no home, and one folder for its spool."""
    bucket = cloud.bucket()
    log = tmp_path / "log"
    with stream_server() as server:
        server.mounts["/radio"] = Mount(
            packets("mp3", 90.0), burst_s=40.0, air_s=time.time() - 45.0
        )
        settings = {"SONGID_STATIONS": json.dumps({"Radio 1": {"source": server.url("/radio")}})}
        options = ["--station", "Radio 1", "--to", f"s3://{bucket}"]
        options += ["--spool", str(tmp_path / "spool")]
        with log.open("wb") as output:
            listening = subprocess.Popen(
                [*PYTHON, "-m", "songid.cli", "listen", *options],
                cwd=tmp_path,
                env=environment_in(here, **cloud.environment, **settings),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            until_s = time.monotonic() + 60
            while len(cloud.keys(bucket)) < 2:
                assert listening.poll() is None, log.read_text()
                assert time.monotonic() < until_s, log.read_text()
                time.sleep(0.2)
            listening.send_signal(signal.SIGTERM)
            assert listening.wait(30) == 0, log.read_text()
        finally:
            listening.kill()
    keys = [key for key in cloud.keys(bucket) if key.endswith(".ts")]
    assert keys and all(key.startswith("songs_to_check/streams/Radio") for key in keys), keys
    assert cloud.content(bucket, keys[0])[:1] == b"\x47"  # MPEG-TS
    assert "listening to 1 station" in log.read_text()
    assert not list((tmp_path / "spool").rglob("*.ts"))


@pytest.mark.parametrize(
    ("command", "missing"), [("run", "songid.scheduler"), ("demo", "songid.demo")]
)
def test_a_command_whose_parts_were_left_out_says_so(
    here: Path, tmp_path: Path, command: str, missing: str
) -> None:
    done = subprocess.run(
        [*PYTHON, "-m", "songid.cli", "--store", "memory", command],
        cwd=tmp_path,
        env=environment_in(here),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"songid: `songid {command}` cannot be run here, for {missing}")
    assert len(done.stderr.splitlines()) == 1


def test_other_commands_work_from_it(here: Path, tmp_path: Path) -> None:
    for arguments in (["--version"], ["settings", "show"], ["plugins"], ["store", "check"]):
        done = subprocess.run(
            [*PYTHON, "-m", "songid.cli", "--store", "sqlite:s", *arguments],
            cwd=tmp_path,
            env=environment_in(here),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
