"""Builds the container images of songid's function, one for each architecture.

With a repository they are pushed, and named by their digests, as a deployment wants them:
AWS Lambda takes an image of one architecture, not a list of several.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

PLATFORMS = {"arm64": "linux/arm64", "x86_64": "linux/amd64"}
"""Architectures by the names AWS Lambda gives them, and as Docker calls them."""


class ImageError(Exception):
    """The images cannot be built; says what is missing and what to do."""


def main() -> None:
    """Build what the command line asks for; print the name of each image."""
    options = _options()
    try:
        check_docker()
        for architecture in options.architecture or sorted(PLATFORMS):
            sys.stdout.write(build(architecture, options) + "\n")
    except ImageError as error:
        sys.exit(f"image: {error}")


def check_docker() -> None:
    """ImageError unless docker, its buildx and an engine are there."""
    if shutil.which("docker") is None:
        raise ImageError(
            "building the image needs Docker, and there is no docker on the PATH; without"
            " it, `make lambda-layout` lays out the same files in a folder"
        )
    for command, missing in (
        (["docker", "buildx", "version"], "Docker's buildx is not there; install that plugin"),
        (["docker", "version", "--format", "{{.Server.Version}}"], "Docker's engine is not there"),
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise ImageError(f"{missing} ({said[-1] if said else 'it said nothing'})")


def build(architecture: str, options: argparse.Namespace) -> str:
    """Build one image; its name with its digest if it is pushed, else with its tag."""
    name = f"{options.repository or 'songid'}:{options.tag}-{architecture}"
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


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="image.py", description=__doc__)
    add = parser.add_argument
    add("--architecture", action="append", choices=sorted(PLATFORMS), help="(default: both)")
    add(
        "--repository",
        default="",
        help="push there: a repository of Amazon ECR",
    )
    add("--tag", default="latest", help="the tags are this and the architecture")
    add("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    return parser.parse_args()


if __name__ == "__main__":
    main()
