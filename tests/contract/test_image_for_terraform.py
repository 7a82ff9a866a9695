"""`make image NAME=...`: the repository, the image in it, and the file that Terraform reads.

Terraform, its AWS provider and songid's module of the repository are the real ones, moto is
the cloud. Only Docker is a stand-in: it notes how it is called and pushes an image's manifest.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from cloud_material import environment

ROOT = Path(__file__).parents[2]
# Where the provider's registry is out of reach, this runs terraform all the same.
_OFFLINE = ROOT.parent / "shared/terraform-offline/tf"
_FILE = "image.auto.tfvars.json"

_DOCKER = f"""#!{sys.executable}
import base64, hashlib, json, os, sys
from pathlib import Path

notes, arguments = Path(os.environ["STAND_IN_NOTES"]), sys.argv[1:]
with notes.open("a") as file:
    file.write(json.dumps(arguments) + "\\n")
if os.environ.get("STAND_IN_FAILS") in arguments:
    sys.exit("docker: it fails")
if arguments[0] == "login" or "--push" in arguments:
    import boto3  # takes long, and most calls need it not
if arguments[0] == "login":
    ecr = boto3.client("ecr")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    if sys.stdin.read() != base64.b64decode(token).decode().partition(":")[2]:
        sys.exit("docker: unauthorized")
    Path(os.environ["STAND_IN_NOTES"] + ".in").touch()
if "--push" in arguments:
    if not Path(os.environ["STAND_IN_NOTES"] + ".in").exists():
        sys.exit("docker: no basic auth credentials")
    repository, _, tag = arguments[arguments.index("--tag") + 1].partition(":")
    kind = "application/vnd.oci.image.manifest.v1+json"
    config = "sha256:" + hashlib.sha256(tag.encode()).hexdigest()
    part = {{"mediaType": "application/vnd.oci.image.config.v1+json", "size": 2, "digest": config}}
    manifest = {{"schemaVersion": 2, "mediaType": kind, "config": part, "layers": [part]}}
    pushed = boto3.client("ecr").put_image(
        repositoryName=repository.partition("/")[2], imageTag=tag,
        imageManifest=json.dumps(manifest), imageManifestMediaType=kind,
    )
    digest = pushed["image"]["imageId"]["imageDigest"]
    metadata = {{"containerimage.digest": digest}}
    Path(arguments[arguments.index("--metadata-file") + 1]).write_text(json.dumps(metadata))
"""

_ROOT = """
variable "name" {
  type = string
}
variable "image" {
  type    = string
  default = null
}
variable "architecture" {
  type    = string
  default = "arm64"
}
module "image" {
  source = "./modules/image"
  name   = var.name
  tags   = {}
}
resource "terraform_data" "function" {
  input = var.architecture
  lifecycle {
    precondition {
      condition     = var.image != null
      error_message = "There is no image yet."
    }
  }
}
"""
_OWN = """
variable "image" {
  type    = string
  default = null
}
module "songid" {
  source = "../terraform"
  name   = "NAME"
  image  = var.image
}
"""


@dataclass
class Place:
    """songid's folder with a `terraform/` in it, before a cloud, with a stand-in for Docker."""

    folder: Path
    endpoint: str
    name: str = field(default_factory=lambda: f"radio-{uuid4().hex[:8]}")

    @property
    def notes(self) -> Path:
        """What the stand-in was called with, a line for each call."""
        return self.folder / "docker.ndjson"

    @property
    def variables(self) -> dict[str, str]:
        """What is written for Terraform."""
        document: dict[str, str] = json.loads((self.folder / "terraform" / _FILE).read_text())
        return document

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find the stand-in, Terraform and the cloud."""
        foreign = ("TF_", "AWS_", "DOCKER_")
        kept = {key: text for key, text in os.environ.items() if not key.startswith(foreign)}
        return {
            **kept,
            **environment(self.endpoint),
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "TERRAFORM": str(_OFFLINE) if _OFFLINE.exists() else "terraform",
            "STAND_IN_NOTES": str(self.notes),
            "DOCKER_CONFIG": str(self.folder / "no-docker-config"),
            "CHECKPOINT_DISABLE": "1",
        }

    def run(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run `image.py`; `changes` are to the environment."""
        return subprocess.run(
            [sys.executable, "lambda_build/image.py", *arguments],
            cwd=self.folder,
            env={**self.environment, **changes},
            capture_output=True,
            text=True,
            check=False,
        )

    def image(self, *arguments: str, **changes: str) -> str:
        """Run it; the image that it names. A failure is the test's."""
        done = self.run(*arguments, **changes)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("\n") == 1
        return done.stdout.strip()

    def calls(self) -> list[list[str]]:
        """How the stand-in was called since this was asked last."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        self.notes.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]

    def change_source(self) -> None:
        """Change what goes into the image."""
        with (self.folder / "songid/__init__.py").open("a") as file:
            file.write(f"# {uuid4().hex}\n")

    def terraform(self, *arguments: str) -> str:
        """What Terraform itself says."""
        command = [self.environment["TERRAFORM"], "-chdir=terraform", *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def _copy(folder: Path) -> None:
    """The files of songid that its image is made of, and a small `terraform/`."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("songid", "plugins", "reports_templates", "lambda_build"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "uv.lock", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    module = folder / "terraform/modules/image"
    module.mkdir(parents=True)
    for path in (ROOT / "terraform/modules/image").glob("*.tf"):
        shutil.copy(path, module)
    (folder / "terraform/main.tf").write_text(_ROOT)
    (folder / "bin").mkdir()
    (folder / "bin/docker").write_text(_DOCKER)
    (folder / "bin/docker").chmod(0o755)


@pytest.fixture
def place(tmp_path: Path, cloud_endpoint: str) -> Place:
    """A place in which nothing was run yet."""
    _copy(tmp_path)
    return Place(tmp_path, cloud_endpoint)


@pytest.fixture
def terraform(place: Place, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where there is no Terraform, or it does not get its AWS provider."""
    command = place.environment["TERRAFORM"]
    if shutil.which(command) is None:
        pytest.skip(f"no {command} here")
    session = tmp_path_factory.getbasetemp().parent
    with (session / "image-probe.lock").open("a") as lock:  # one process tries it for all
        fcntl.flock(lock, fcntl.LOCK_EX)
        probe = session / "image-probe"
        if not probe.exists():
            probe.mkdir()
            shutil.copy(place.folder / "terraform/modules/image/versions.tf", probe)
            done = subprocess.run(
                [command, f"-chdir={probe}", "init", "-input=false", "-no-color"],
                env=place.environment,
                capture_output=True,
                text=True,
                check=False,
            )
            (probe / "failed").write_text(done.stderr[-300:] if done.returncode else "")
    failed = (probe / "failed").read_text()
    if failed:
        pytest.skip(f"terraform cannot get the AWS provider: {failed}")


def _builds(calls: list[list[str]]) -> list[list[str]]:
    return [call for call in calls if "build" in call]


# -- with Terraform -------------------------------------------------------------------


@pytest.mark.usefixtures("terraform")
def test_one_command_makes_the_repository_pushes_the_image_and_tells_terraform(
    place: Place,
) -> None:
    first = place.run("--name", place.name)
    assert first.returncode == 0, first.stderr
    image = first.stdout.strip()
    url = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{place.name}"
    assert re.fullmatch(rf"{re.escape(url)}@sha256:[0-9a-f]{{64}}", image)
    assert place.variables == {"name": place.name, "image": image, "architecture": "arm64"}
    # It is told beforehand what is made, and afterwards what to do.
    assert "nothing else; it costs nothing while it is empty" in first.stderr
    assert first.stderr.endswith("Next: terraform -chdir=terraform apply\n")
    state = place.terraform("state", "list").split()
    parts = ("aws_ecr_lifecycle_policy", "aws_ecr_repository", "aws_ecr_repository_policy")
    made = [each for each in state if ".data." not in each]
    assert made == [f"module.image.{part}.this" for part in parts]
    calls = place.calls()
    (build,) = _builds(calls)
    assert build[build.index("--platform") + 1] == "linux/arm64"
    # Docker's password is in no argument, and nothing says it.
    assert ["login", "--username", "AWS", "--password-stdin", url.partition("/")[0]] in calls
    assert "auth-token" not in json.dumps(calls) + first.stdout + first.stderr

    # Nothing has changed: nothing is built, pushed, or written anew.
    written = (place.folder / "terraform" / _FILE).stat()
    assert place.image() == place.image("--name", place.name) == image
    assert not [call for call in place.calls() if "build" in call or "login" in call]
    assert (place.folder / "terraform" / _FILE).stat().st_mtime_ns == written.st_mtime_ns

    # Another name would be another deployment.
    other = place.run("--name", "another")
    assert other.returncode == 1
    assert f"image: terraform deploys '{place.name}'" in other.stderr and "DIR=" in other.stderr
    # Not even without that file does Terraform put one in the other's place.
    (place.folder / "terraform" / _FILE).rename(place.folder / "kept")
    other = place.run("--name", "another")
    assert other.returncode == 1
    assert "would delete module.image.aws_ecr_" in other.stderr
    assert "nothing was changed" in other.stderr
    (place.folder / "kept").rename(place.folder / "terraform" / _FILE)
    assert place.image() == image

    # The source has changed, but what is pushed does not arrive: what was there stays.
    place.calls()
    place.change_source()
    failed = place.run(STAND_IN_FAILS="--push")
    assert failed.returncode == 1
    assert "docker could not build" in failed.stderr
    assert place.variables["image"] == image
    second = place.image()
    assert second != image and second.startswith(f"{url}@sha256:")
    assert place.variables == {"name": place.name, "image": second, "architecture": "arm64"}

    # Another processor is another image, and stays chosen.
    third = place.image("--architecture", "x86_64")
    (*_, build) = _builds(place.calls())
    assert build[build.index("--platform") + 1] == "linux/amd64"
    assert third not in (image, second) and place.image() == third
    assert place.variables["architecture"] == "x86_64"
    assert sorted(path.name for path in (place.folder / "terraform").glob("*.json*")) == [_FILE]


@pytest.mark.usefixtures("terraform")
def test_a_configuration_of_ones_own_gives_the_name_and_needs_no_outputs(place: Place) -> None:
    own = place.folder / "own"
    own.mkdir()
    (own / "main.tf").write_text(_OWN.replace("NAME", place.name))
    done = place.run("--dir", "own", "--module", "module.songid")
    assert done.returncode == 0, done.stderr
    assert f".amazonaws.com/{place.name}@sha256:" in done.stdout
    variables = json.loads((own / _FILE).read_text())
    assert variables == {"image": done.stdout.strip(), "architecture": "arm64"}
    # What the configuration lacks is shown, as it is to be written.
    assert 'variable "architecture" {\n  type    = string\n  default = "arm64"\n}' in done.stderr
    assert 'variable "image"' not in done.stderr
    assert done.stderr.endswith("Next: terraform -chdir=own apply\n")
    named = place.run("--dir", "own", "--module", "songid", "--name", "other")
    assert named.returncode == 1 and "leave NAME out" in named.stderr
    (own / _FILE).unlink()
    lost = place.run("--dir", "own")
    assert lost.returncode == 1 and "MODULE=module.NAME" in lost.stderr
    assert not (own / _FILE).exists()


@pytest.mark.usefixtures("terraform")
def test_what_terraform_lacks_is_said_and_nothing_is_built(place: Place) -> None:
    unnamed = place.run("--dir", "terraform")
    assert unnamed.returncode == 1
    assert "terraform plan failed:" in unnamed.stderr and "NAME=..." in unnamed.stderr
    nowhere = place.run("--name", place.name, AWS_REGION="", AWS_DEFAULT_REGION="")
    assert nowhere.returncode == 1 and "export AWS_REGION=" in nowhere.stderr
    assert not _builds(place.calls())
    assert not (place.folder / "terraform" / _FILE).exists()


_INTERRUPTED = """#!/bin/sh
case "$*" in
*plan*) trap 'sleep 1; touch kept; exit 1' INT; touch begun; while :; do sleep 0.1; done ;;
*) echo '{"terraform_version": "1.9.0"}' ;;
esac
"""


def test_ctrl_c_lets_terraform_keep_its_state(place: Place) -> None:
    slow = place.folder / "slow"
    slow.write_text(_INTERRUPTED)
    slow.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "lambda_build/image.py", "--name", "radio"],
        cwd=place.folder,
        env={**place.environment, "TERRAFORM": str(slow)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Whoever runs these tests in the background may have had them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        while not (place.folder / "begun").exists():
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 1 and said.endswith("the same command goes on from here\n")
    assert (place.folder / "kept").exists()


# -- without it -----------------------------------------------------------------------


def _without(place: Place, missing: str) -> Mapping[str, str]:
    """A PATH that has the stand-in but for one command, and nothing else."""
    only = place.folder / "only"
    only.mkdir()
    for name in {"docker", "terraform"} - {missing}:
        (only / name).write_text('#!/bin/sh\necho \'{"terraform_version": "1.9.0"}\'\n')
        (only / name).chmod(0o755)
    return {"PATH": str(only), "TERRAFORM": ""}


def test_without_docker_it_says_what_to_install(place: Place) -> None:
    done = place.run("--name", "radio", **_without(place, "docker"))
    assert done.returncode == 1
    assert "no docker on the PATH; install Docker" in done.stderr


@pytest.mark.parametrize(
    ("fails", "says"),
    [("buildx", "install that plugin"), ("{{.Server.Version}}", "does not answer; start it")],
)
def test_without_all_of_docker_it_says_what_is_missing(place: Place, fails: str, says: str) -> None:
    done = place.run("--name", "radio", STAND_IN_FAILS=fails)
    assert done.returncode == 1
    assert says in done.stderr and "(docker: it fails)" in done.stderr


def test_without_terraform_it_says_what_to_install(place: Place) -> None:
    done = place.run("--name", "radio", **_without(place, "terraform"))
    assert done.returncode == 1
    assert "no terraform on the PATH; install Terraform 1.9 or newer" in done.stderr
    assert "TERRAFORM=" in done.stderr


@pytest.mark.parametrize(
    ("version", "says"),
    [('{"terraform_version": "1.8.5"}', "is 1.8.5"), ("", "does not tell its version")],
)
def test_a_terraform_that_is_too_old_is_told_its_version(
    place: Place, version: str, says: str
) -> None:
    old = place.folder / "old"
    old.write_text(f"#!/bin/sh\necho '{version}'\n")
    old.chmod(0o755)
    done = place.run("--name", "radio", TERRAFORM=str(old))
    assert done.returncode == 1 and says in done.stderr


def test_without_credentials_it_says_how_to_name_them(place: Place) -> None:
    changes = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", **_without(place, "")}
    done = place.run("--name", "radio", **changes)
    assert done.returncode == 1
    assert "no AWS credentials are found" in done.stderr and "AWS_PROFILE" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--name", "radio", "--repository", "a/b"], "leave REPOSITORY and TAG out"),
        (["--name", "radio", "--dir", "nowhere"], "nowhere holds no Terraform configuration"),
        (
            ["--name", "radio", "--architecture", "arm64", "--architecture", "x86_64"],
            "a deployment has one architecture",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    place: Place, arguments: list[str], says: str
) -> None:
    done = place.run(*arguments, **_without(place, ""))
    assert done.returncode == 1 and says in done.stderr


def test_a_broken_file_is_named_and_left_alone(place: Place) -> None:
    file = place.folder / "terraform" / _FILE
    file.write_text("{")
    done = place.run(**_without(place, ""))
    assert done.returncode == 1
    assert f"terraform/{_FILE} cannot be read" in done.stderr and file.read_text() == "{"


def test_without_a_deployment_both_images_are_built_here(place: Place) -> None:
    done = place.run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["songid:latest-arm64", "songid:latest-x86_64"]
    assert ["--load" in call for call in _builds(place.calls())] == [True, True]
    # With one, a tag says that they are meant.
    (place.folder / "terraform" / _FILE).write_text("{}")
    done = place.run("--tag", "v1", "--architecture", "arm64")
    assert done.stdout.split() == ["songid:v1-arm64"], done.stderr


# -- by make --------------------------------------------------------------------------


def _command(*variables: str, **changes: str) -> str:
    """What `make image` would run."""
    if shutil.which("make") is None:
        pytest.skip("no make here")
    done = subprocess.run(
        ["make", "--dry-run", "image", *variables],
        cwd=ROOT,
        env={**os.environ, **changes},
        capture_output=True,
        text=True,
        check=True,
    )
    return " ".join(done.stdout.partition("lambda_build/image.py")[2].replace("\\\n", "").split())


def test_make_hands_on_a_name_that_is_given_to_it_and_none_that_the_system_has() -> None:
    assert '--name "$NAME"' in _command("NAME=radio")
    assert "--name" not in _command(NAME="MACHINE")


def test_make_hands_on_an_architecture_only_where_one_is_named() -> None:
    assert '--architecture "x86_64"' in _command("ARCH=x86_64")
    assert "--architecture" not in _command()
