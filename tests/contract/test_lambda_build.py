"""The image's Dockerfile, and that what is left out of the image is not what is needed.

No engine of Docker is needed: the Dockerfile is read, and what it names is looked up.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib.metadata import requires
from pathlib import Path

import pytest

import image
import layout
import left_out

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "lambda_build"


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile, on one line; `stage` counts from 0, -1 before all."""

    stage: int
    word: str
    rest: str


def _instructions() -> list[Instruction]:
    text = (BUILD / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found: list[Instruction] = []
    stage = -1
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            stage += word == "FROM"
            found.append(Instruction(stage, word, " ".join(rest.split())))
    return found


INSTRUCTIONS = _instructions()
LAST_STAGE = max(each.stage for each in INSTRUCTIONS)


def _of(word: str, stage: int | None = None) -> list[str]:
    return [
        each.rest
        for each in INSTRUCTIONS
        if each.word == word and (stage is None or each.stage == stage)
    ]


def _environment() -> dict[str, str]:
    (line,) = _of("ENV", LAST_STAGE)
    return dict(pair.split("=", 1) for pair in line.split())


# -- the Dockerfile -------------------------------------------------------------------


def test_the_last_layers_are_filled_by_copying_alone() -> None:
    """So that nothing installs or builds in them, and no emulator is needed."""
    words = {each.word for each in INSTRUCTIONS if each.stage == LAST_STAGE}
    assert words == {"FROM", "COPY", "ENV", "WORKDIR", "USER", "ENTRYPOINT", "CMD"}
    assert _of("FROM", LAST_STAGE) == ["scratch"]
    assert all(copied.startswith("--from=builder ") for copied in _of("COPY", LAST_STAGE))


def test_all_that_runs_while_building_runs_on_the_building_machine() -> None:
    running = {each.stage for each in INSTRUCTIONS if each.word == "RUN"}
    assert running == {1}
    assert _of("FROM", 1)[0].startswith("--platform=${BUILDPLATFORM} ")


def test_the_base_is_one_image_named_by_a_full_version_and_can_be_given_by_digest() -> None:
    (base,) = [rest for rest in _of("ARG", -1) if rest.startswith("PYTHON_IMAGE=")]
    assert re.search(r":3\.\d+\.\d+-slim-[a-z]+$", base)
    assert [rest.split()[-3] for rest in _of("FROM")[:LAST_STAGE]] == ["${PYTHON_IMAGE}"] * 2


def test_the_base_has_a_python_that_songid_says_it_works_with() -> None:
    (base,) = [rest for rest in _of("ARG", -1) if rest.startswith("PYTHON_IMAGE=")]
    found = re.search(r":(3\.\d+)\.", base)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert found and f"Programming Language :: Python :: {found[1]}" in project["classifiers"]


def test_uv_has_the_version_that_the_makefile_has() -> None:
    made = re.search(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.M)
    assert made and f"UV_VERSION={made[1]}" in _of("ARG", 1)


def test_what_is_copied_from_the_source_is_there_and_not_ignored() -> None:
    ignore = (BUILD / "Dockerfile.dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in ignore if line.startswith("!")}
    sources = {
        source
        for rest in _of("COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert sources == let_in
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_build_backend_finds_all_that_the_wheel_is_made_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = {rest.split()[0] for rest in _of("COPY", 1)} | set(_of("COPY", 1)[1].split())
    assert {package.split("/")[0] for package in packages} <= copied
    assert {project["project"]["readme"], *project["project"]["license-files"]} <= copied


def test_it_runs_as_no_privileged_user() -> None:
    (user,) = _of("USER", LAST_STAGE)
    assert user.split(":")[0] not in {"", "0", "root"}


def test_it_starts_the_handler_under_the_runtimes_client() -> None:
    (entry,) = _of("ENTRYPOINT", LAST_STAGE)
    assert json.loads(entry)[1:] == ["-m", "awslambdaric"]
    (command,) = _of("CMD", LAST_STAGE)
    (handler,) = json.loads(command)
    module, _, function = handler.rpartition(".")
    tree = ast.parse((ROOT / Path(*module.split("."))).with_suffix(".py").read_text())
    assert function in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


def test_the_command_line_can_be_run_in_place_of_the_handler() -> None:
    """As `/usr/local/bin/python -m songid.cli`, for there is no script."""
    (entry,) = _of("ENTRYPOINT", LAST_STAGE)
    assert json.loads(entry)[0] == "/usr/local/bin/python"
    done = subprocess.run(
        [sys.executable, "-m", "songid.cli", "listen", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout.startswith("Usage: songid listen "), done


def test_the_layout_lies_where_python_looks_and_where_its_bytecode_says() -> None:
    (copied,) = [rest for rest in _of("COPY", LAST_STAGE) if "/function/" in rest]
    target = copied.split()[-1].rstrip("/")
    assert _environment()["PYTHONPATH"] == target == layout._IN_IMAGE


def test_nothing_is_written_but_below_tmp() -> None:
    environment = _environment()
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert environment["HOME"] == "/tmp"
    assert environment["XDG_CACHE_HOME"].startswith("/tmp/")
    # Whoever can write to the working directory adds no modules.
    assert environment["PYTHONSAFEPATH"] == "1"


def test_the_builder_calls_the_layout_with_options_it_has(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = [rest for rest in _of("RUN", 1) if "layout.py" in rest]
    arguments = run.partition("layout.py ")[2].replace("${LAYOUT_OPTIONS}", "").split()
    architectures = set(re.findall(r"architecture=(\w+)", run))
    assert architectures == set(layout.ELF_MACHINES) == set(image.PLATFORMS)
    for architecture in architectures:
        filled = [each.replace('"${architecture}"', architecture) for each in arguments]
        monkeypatch.setattr(sys, "argv", ["layout.py", *filled, "--whole", "scipy"])
        options = layout._options()
        assert options.architecture == architecture
        assert (ROOT / options.plugins).is_file()


# -- what is left out -----------------------------------------------------------------


def test_what_builds_songid_is_pinned_with_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (backend,) = project["build-system"]["requires"]
    pinned = (BUILD / "build-requirements.txt").read_text()
    assert re.search(rf"^{re.split('[<>=]', backend)[0]}==\S+ \\\n +--hash=sha256:", pinned, re.M)


def test_packages_are_left_out_that_songid_or_the_lock_names() -> None:
    """One that is no longer there is to be struck off the list."""
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    assert set(left_out.PACKAGES) <= {package["name"] for package in locked}
    named = " ".join(requires("songid-airplay") or ())
    assert "psycopg" in named and not {"psycopg", "numpy", "botocore"} & set(left_out.PACKAGES)


def test_parts_of_songid_that_are_left_out_are_there() -> None:
    assert [part for part in left_out.OWN if not (ROOT / part).exists()] == []


def test_the_models_of_all_services_that_plugins_call_are_kept() -> None:
    called = set()
    for path in (ROOT / "plugins" / "songid_plugins").rglob("*.py"):
        called |= set(re.findall(r"\bclient\(\s*\"([a-z0-9-]+)\"", path.read_text()))
    assert called and called <= set(left_out.AWS_SERVICES)


def test_importing_the_handler_imports_nothing_that_is_left_out_or_not_used() -> None:
    program = (
        "import sys, songid.lambda_handler, songid_plugins.fingerprinters.landmark;"
        "import songid_plugins.sources.s3, songid_plugins.stores.memory; print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    modules = set(done.stdout.split())
    roots = {name.partition(".")[0] for name in modules}
    unused = {name.replace("-", "_") for name in left_out.PACKAGES} | {"audioop", "markdown_it"}
    assert not roots & (unused | {"psycopg", "jinja2", "pytest", "hypothesis", "sqlite3"})
    # Those of the command line are there for `songid listen` alone.
    assert not roots & {"click", "rich", "pygments"}
    own = {part.removesuffix(".py").replace("/", ".") for part in left_out.OWN}
    assert not modules & (own | {"songid.cli", "songid.commands", "songid.progress"})
    assert not modules & {"scipy.fft", "scipy.special", "numpy.testing", "numpy.f2py"}


def test_a_package_that_changed_its_form_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "botocore/data/s3").mkdir(parents=True)
    with pytest.raises(left_out.NothingLeft, match="dynamodb"):
        left_out.leave_out(tmp_path)
    with pytest.raises(left_out.NothingLeft, match=r"scipy has no scipy/__init__\.py"):
        left_out.leave_out(tmp_path, whole=["botocore"])
    left_out.leave_out(tmp_path, whole=["botocore", "scipy"])


def test_models_lose_their_texts_and_nothing_else(tmp_path: Path) -> None:
    data = tmp_path / "botocore" / "data"
    for service in (*left_out.AWS_SERVICES, "ec2"):
        (data / service / "2006").mkdir(parents=True)
    model = {
        "documentation": "<p>long</p>",
        "shapes": {"documentation": {"type": "string", "documentation": "long", "min": 1}},
        "list": [{"documentation": "long", "name": "x"}],
    }
    packed = data / "s3" / "2006" / "service-2.json.gz"
    packed.write_bytes(gzip.compress(json.dumps(model).encode()))
    endpoints = {"partitions": [{"services": {"s3": {"a": 1}, "ec2": {}}, "regions": {"r": {}}}]}
    (data / "endpoints.json").write_text(json.dumps(endpoints))
    left_out.leave_out(tmp_path, whole=["scipy"])
    assert not (data / "ec2").exists() and not packed.exists()
    assert json.loads(packed.with_suffix("").read_text()) == {
        "documentation": "",
        "shapes": {"documentation": {"type": "string", "documentation": "", "min": 1}},
        "list": [{"documentation": "", "name": "x"}],
    }
    assert json.loads((data / "endpoints.json").read_text()) == {
        "partitions": [{"services": {"s3": {"a": 1}}, "regions": {"r": {}}}]
    }


# -- the script's edges ---------------------------------------------------------------


def _run(script: str, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, BUILD / script, *arguments],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    done = _run(
        "layout.py", "--architecture", "arm64", "--to", str(tmp_path), "--uv", sys.executable
    )
    assert done.returncode == 1
    assert done.stderr == f"layout: {tmp_path} is not empty; name another folder or delete it\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_without_uv_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout.sys, "executable", "/nowhere/python")
    monkeypatch.setattr(layout.shutil, "which", lambda name: None)
    with pytest.raises(layout.LayoutError, match="pip install uv"):
        layout.find_uv()


def test_without_an_interpreter_of_the_images_version_it_says_what_to_do() -> None:
    with pytest.raises(layout.LayoutError, match=r"3\.2 needs its interpreter.*--python 3\."):
        layout._interpreter("3.2")


def test_an_added_library_of_the_wrong_processor_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lib.so").write_bytes(b"\x7fELF\x02\x01" + bytes(12) + (62).to_bytes(2, "little"))
    layout.check_architecture(tmp_path, "x86_64")
    with pytest.raises(layout.LayoutError, match=r"not made for arm64: lib\.so"):
        layout.check_architecture(tmp_path, "arm64")


def test_sizes_are_told_by_package(tmp_path: Path) -> None:
    for name, size in {
        "numpy/core.py": 300_000,
        "numpy.libs/blas.so": 200_000,
        "numpy-2.4.6.dist-info/METADATA": 10,
        "six.py": 4,
        "__pycache__/six.cpython-313.pyc": 6,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    by_package = layout.sizes(tmp_path)
    assert by_package == {"numpy": 500_010, "six": 10}
    assert layout.as_table(by_package).splitlines()[-1].split() == ["together", "0.5", "MB"]


def test_without_docker_it_says_what_to_do_instead() -> None:
    done = _run("image.py")
    assert done.returncode == 1
    assert "no docker on the PATH" in done.stderr and "make lambda-layout" in done.stderr


def test_an_image_that_is_pushed_is_of_one_architecture_and_no_list() -> None:
    options: argparse.Namespace = argparse.Namespace(
        repository="a.example/songid", build_arg=["UV_VERSION=1"]
    )
    command = image.build_command("arm64", "a.example/songid:v1-arm64", options, Path("m.json"))
    assert command[command.index("--platform") + 1] == "linux/arm64"
    assert {"--provenance=false", "--sbom=false", "--push"} <= set(command)
    options.repository = ""
    assert "--load" in image.build_command("x86_64", "songid:v1", options, Path("m.json"))


def test_the_guide_names_the_services_and_files_there_are() -> None:
    guide = (BUILD / "README.md").read_text(encoding="utf-8")
    spelt = {"dynamodb": "DynamoDB", "secretsmanager": "Secrets Manager"}
    for service in left_out.AWS_SERVICES:
        assert spelt.get(service, service.upper()) in guide
    for linked in re.findall(r"\]\(([\w.-]+)\)", guide):
        assert (BUILD / linked).is_file(), linked
    for target, options in re.findall(r"^make ([\w-]+)(.*)$", guide, re.M):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M), options
