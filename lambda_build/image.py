"""Builds the container images of songid's function, one for each architecture.

With a repository they are pushed, and named by their digests, as a deployment wants them:
AWS Lambda takes an image of one architecture, not a list of several. For a deployment by
Terraform the repository is made first, and the image's name written where Terraform reads it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from deployment import VARIABLES, Deployment, DeploymentError
from docker_login import LoginError, log_in
from image_context import content_hash
from repository import Repository, RepositoryError, check_credentials
from terraform_command import TerraformError, find_terraform, say

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

PLATFORMS = {"arm64": "linux/arm64", "x86_64": "linux/amd64"}
"""Architectures by the names AWS Lambda gives them, and as Docker calls them."""

_DEPLOYED = "arm64"  # cheaper, and the default of Terraform's variable `architecture`


class ImageError(Exception):
    """The images cannot be built; says what is missing and what to do."""


_FAILURES = (ImageError, DeploymentError, LoginError, RepositoryError, TerraformError)


def main() -> None:
    """Build what the command line asks for; print the name of each image."""
    options = _options()
    try:
        if _is_for_terraform(options):
            images = [deploy(options)]
        else:
            check_docker()
            wanted = options.architecture or sorted(PLATFORMS)
            images = [build(architecture, options) for architecture in wanted]
    except _FAILURES as error:
        sys.exit(f"image: {error}")
    except KeyboardInterrupt:
        sys.exit("image: stopped; the same command goes on from here")
    sys.stdout.write("".join(f"{image}\n" for image in images))


def check_docker() -> None:
    """ImageError unless docker, its buildx and an engine are there."""
    if shutil.which("docker") is None:
        raise ImageError(
            "building the image needs Docker, and there is no docker on the PATH; install Docker"
            " Desktop or Docker Engine (https://docs.docker.com/get-docker/). Without it,"
            " `make lambda-layout` lays out the same files in a folder"
        )
    for command, missing in (
        (
            ["docker", "buildx", "version"],
            "Docker's buildx is not there; install that plugin, as docker-buildx-plugin or"
            " docker-buildx",
        ),
        (
            ["docker", "version", "--format", "{{.Server.Version}}"],
            "Docker's engine does not answer; start it",
        ),
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise ImageError(f"{missing} ({said[-1] if said else 'it said nothing'})")


def build(architecture: str, options: argparse.Namespace) -> str:
    """Build one image; its name with its digest if it is pushed, else with its tag."""
    name = f"{options.repository or 'songid'}:{options.tag or 'latest'}-{architecture}"
    with tempfile.TemporaryDirectory(prefix="songid-image-") as folder:
        metadata = Path(folder) / "image.json"
        command = build_command(architecture, name, options, metadata)
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            raise ImageError(f"docker could not build {name}; what it said stands above")
        if not options.repository:
            return name
        digest = json.loads(metadata.read_text(encoding="utf-8"))["containerimage.digest"]
        return f"{options.repository}@{digest}"


def build_command(
    architecture: str, name: str, options: argparse.Namespace, metadata: Path
) -> list[str]:
    """The command that builds `name`, and pushes it where there is a repository."""
    command = ["docker", "buildx", "build", "--file", str(HERE / "Dockerfile")]
    command += ["--platform", PLATFORMS[architecture], "--tag", name]
    # An attestation would make it a list of manifests, which Lambda refuses.
    command += ["--provenance=false", "--sbom=false", "--metadata-file", str(metadata)]
    command += [part for each in options.build_arg for part in ("--build-arg", each)]
    command += ["--push" if options.repository else "--load", str(ROOT)]
    return command


# -- for a deployment by Terraform ------------------------------------------------------


def deploy(options: argparse.Namespace) -> str:
    """Have the image in the deployment's repository, and Terraform told of it; its name.

    What is there already is not made again: not the repository, and not an image of the same
    files. Whatever fails leaves what Terraform reads as it was.
    """
    check_docker()
    given = Deployment(find_terraform(options.dir), _module(options), options.name)
    given.check()
    check_credentials()
    architecture = _architecture(options, given)
    tag = _tag(architecture, options)
    repository = _repository(given)
    digest = repository.digest(tag)
    if digest is None:
        log_in(repository)
        say(f"Building the image for {architecture} ...")
        options.repository, options.tag = repository.url, tag.removesuffix(f"-{architecture}")
        image = build(architecture, options)
    else:
        say(f"The image of these files is there already, as {tag}.")
        image = f"{repository.url}@{digest}"
    given.write(image, architecture)
    _say_what_is_next(given)
    return image


def _is_for_terraform(options: argparse.Namespace) -> bool:
    asked = bool(options.name or options.dir or options.module)
    if asked and (options.repository or options.tag):
        raise ImageError(
            "with NAME, DIR or MODULE the repository is the deployment's and the tag made of what"
            " goes in; leave REPOSITORY and TAG out"
        )
    if options.dir is None:
        options.dir = _shown(ROOT / "terraform")
    known = (options.dir / VARIABLES).exists() and not (options.repository or options.tag)
    return asked or known


def _shown(path: Path) -> Path:
    """A path as one would type it here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _module(options: argparse.Namespace) -> str:
    module: str = options.module
    return module if not module or module.startswith("module.") else f"module.{module}"


def _architecture(options: argparse.Namespace, given: Deployment) -> str:
    """The one that is asked for, or else that of the image before, or else the usual one."""
    if options.architecture is None:
        options.architecture = [given.variables().get("architecture", _DEPLOYED)]
    if len(options.architecture) > 1 or options.architecture[0] not in PLATFORMS:
        raise ImageError(f"a deployment has one architecture: ARCH={' or ARCH='.join(PLATFORMS)}")
    architecture: str = options.architecture[0]
    return architecture


def _tag(architecture: str, options: argparse.Namespace) -> str:
    ignore = HERE / "Dockerfile.dockerignore"
    return f"{content_hash(ROOT, ignore, options.build_arg)}-{architecture}"


def _repository(given: Deployment) -> Repository:
    """The repository that the deployment has, made if need be."""
    # A name that no earlier run wrote is first held against what is deployed.
    told = not given.name or given.variables().get("name") == given.name
    # Terraform would take seconds to tell what the file tells.
    last = given.last_repository() if told else None
    if last is not None and last.is_there():
        return last
    say(
        f"Making the image's repository, {given.target} of {given.folder}, and nothing else; it"
        " costs nothing while it is empty ..."
    )
    return given.make_repository()


def _say_what_is_next(given: Deployment) -> None:
    say(f"{given.folder / VARIABLES} names it.")
    missing = given.missing_variables()
    if missing:
        handed_on = ", ".join(f"{name} = var.{name}" for name in missing)
        say(
            f"It gives values to variables that {given.folder} must declare, and hand on to the"
            f" module ({handed_on}):"
        )
        for name in missing:
            default = "null" if name == "image" else f'"{_DEPLOYED}"'
            say(f'variable "{name}" {{\n  type    = string\n  default = {default}\n}}')
    say(f"Next: {given.next_command}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="image.py", description=__doc__)
    add = parser.add_argument
    add("--architecture", action="append", choices=sorted(PLATFORMS), help="(default: both)")
    add(
        "--repository",
        default="",
        help="push there: a repository of Amazon ECR that Docker is logged in to",
    )
    add("--tag", default="", help="the tags are this and the architecture (default: latest)")
    add("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    add("--name", default="", help="push it for Terraform, to a deployment of that name")
    add("--dir", type=Path, help="Terraform's configuration (default: terraform)")
    add("--module", default="", help="songid's module in a configuration of your own")
    return parser.parse_args()


if __name__ == "__main__":
    main()
