"""Checks the Terraform code: form, validity, its own tests, checkov, and the README's tables.

All of it runs on a copy, so that nothing is left in the tree; no cloud is asked for anything.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

HERE = Path(__file__).resolve().parent
TERRAFORM = HERE.parent
ROOT = TERRAFORM.parent
# Where the provider's registry is out of reach, these run terraform all the same.
OFFLINE = ROOT.parent / "shared" / "terraform-offline"
VENV = Path(os.environ.get("UV_PROJECT_ENVIRONMENT", ROOT / ".venv")).absolute()

MISSING = 69
"""The exit code where this machine has no terraform, or no provider for it (EX_UNAVAILABLE)."""

# Any provider that the modules may ask for: what they do ask for is checked with each.
_PROBE = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100, < 7.0" }
  }
}
"""
_STEP_S = 600.0
_START_S = 60.0
_AT_ONCE = 2
# What the stand-in makes terraform say at each run.
_STANDS_IN = re.compile(
    r"Warning: Provider development overrides.*?published\s+releases\.\s+", re.S
)
# What somebody's own apply leaves beside the code: neither checked nor let into the tests.
_PRIVATE = (
    *(".terraform", ".terraform.lock.hcl", "*.tfstate*", "*.tfplan", "crash*.log"),
    *("*.auto.tfvars*", "terraform.tfvars*", "__pycache__"),
)


Command = Sequence[str | Path]


class CannotCheck(Exception):
    """What checks is not to be had on this machine."""


@dataclass
class Results:
    """What each step gave, printed as soon as it is known."""

    failed: list[str] = field(default_factory=list)
    steps: int = 0
    _lock: Lock = field(default_factory=Lock)

    def add(self, place: str, step: str, took_s: float, output: str, ok: bool) -> bool:
        passed = re.search(r"^Success! (\d+ passed)", output, re.M)
        outcome = (passed[1] if passed else "ok") if ok else "FAILED"
        with self._lock:
            self.steps += 1
            print(f"{place:<26} {step:<24} {outcome:<10} {took_s:5.1f} s")
            if not ok:
                self.failed.append(f"{place} {step}")
                print("\n".join(f"    {line}" for line in output.strip().splitlines()))
            sys.stdout.flush()
        return ok


@dataclass(frozen=True)
class Terraform:
    """One way to run terraform, and the environment to run it in."""

    command: tuple[str, ...]
    env: Mapping[str, str]
    stands_in: bool = False
    """Whether it comes with a stand-in for the provider, and so neither needs nor knows init."""
    provider: str = ""
    """Where a provider is already running."""

    def run(self, folder: Path, *arguments: str) -> tuple[bool, str]:
        # init does without, so as to see whether it is one that the module asks for.
        running = self.provider and arguments[0] != "init"
        env = {**self.env, "TF_REATTACH_PROVIDERS": self.provider} if running else self.env
        return run([*self.command, *arguments], folder, env)


def run(command: Command, folder: Path, env: Mapping[str, str] | None = None) -> tuple[bool, str]:
    """Whether `command` succeeded in `folder`, and all that it printed."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_STEP_S,
        )
    except subprocess.TimeoutExpired as hung:
        said = hung.stdout.decode("utf-8", "replace") if isinstance(hung.stdout, bytes) else ""
        return False, f"{said}\nnot done after {_STEP_S:.0f} s: {' '.join(map(str, command))}"
    except OSError as unable:
        return False, str(unable)
    return done.returncode == 0, done.stdout


# -- terraform --------------------------------------------------------------------------


def clean_environment(work: Path) -> dict[str, str]:
    """The environment without what would let a user's own setup, or account, into a check."""
    theirs = (
        *("AWS_", "TF_CLI_ARGS", "TF_DATA_DIR", "TF_LOG", "TF_REATTACH_PROVIDERS"),
        *("TF_VAR_", "TF_WORKSPACE"),
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    nowhere = str(work / "no-such-file")
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CHECKPOINT_DISABLE": "1",
        # Reading the provider's thousands of schemas is most of the work, and collecting its
        # garbage a third of that.
        "GOGC": "400",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
    }


def find_terraform(work: Path) -> tuple[Terraform, Path]:
    """A terraform that gets the provider, and the folder in which it has done so."""
    if not shutil.which("terraform"):
        raise CannotCheck("there is no terraform on this machine (1.9 or newer is needed)")
    plugins = VENV / "terraform" / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    env = {"TF_PLUGIN_CACHE_DIR": str(plugins), **clean_environment(work)}
    ways = [Terraform(("terraform",), env)]
    if (OFFLINE / "tf").exists():
        ways.append(Terraform((str(OFFLINE / "tf"),), env))
    said = ""
    for number, way in enumerate(ways):
        probe = work / f"probe-{number}"
        probe.mkdir()
        (probe / "main.tf").write_text(_PROBE)
        found, output = way.run(probe, "init", "-backend=false", "-no-color")
        if found:
            return way, probe
        said += f"\n{way.command[0]} init:\n{output.strip()}\n"
    raise CannotCheck(f"terraform gets no provider on this machine\n{said}")


def find_next_major(work: Path, results: Results) -> Terraform | None:
    """A terraform that knows the names and types of the provider's next major version."""
    program = OFFLINE / "tf-offline"
    if not program.exists():
        return None
    empty = work / "empty"
    empty.mkdir()
    way = Terraform((str(program),), clean_environment(work), stands_in=True)
    # The first run of all sets it up, which two at once would do into each other's files.
    begun = time.monotonic()
    ready, output = way.run(empty, "get")
    if not ready:
        results.add("terraform", "next major: set up", time.monotonic() - begun, output, False)
    return way if ready else None


def alone(way: Terraform, own: Path) -> Terraform:
    """`way` with data and caches of its own, so that it may run beside others."""
    shared = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tf-offline"
    cache = own / "cache" / "tf-offline"
    cache.mkdir(parents=True)
    # What took long to make or find; all else there is written at each run.
    for made in ("provider", "venv"):
        if (shared / made).exists():
            (cache / made).symlink_to(shared / made)
    env = {**way.env, "TF_DATA_DIR": str(own / "data"), "XDG_CACHE_HOME": str(own / "cache")}
    return replace(way, env=env)


@contextmanager
def kept_running(way: Terraform, probe: Path) -> Iterator[Terraform]:
    """`way` with one provider for all its runs, which else start it several times each.

    That is most of what a run costs. Where it cannot be had, `way` is as it was.
    """
    installed = probe.glob(".terraform/providers/*/hashicorp/aws/*/*/terraform-provider-aws*")
    program = next(installed, None)
    if program is None:
        yield way
        return
    output = probe / "provider.log"
    with output.open("wb") as log:
        provider = subprocess.Popen(
            [program, "-debug"], env=way.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        until = time.monotonic() + _START_S
        where = None
        while not where and provider.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
            where = re.search(r"TF_REATTACH_PROVIDERS='(.*)'\n", output.read_text())
        if where:
            way = replace(way, provider=where[1])
        yield way
    finally:
        provider.kill()
        provider.wait()


def folders() -> list[str]:
    """The root, each example and each module, relative to the root, the slowest first."""
    files = [*TERRAFORM.glob("examples/*/*.tf"), *TERRAFORM.glob("modules/*/*.tf")]
    return [".", *sorted({path.parent.relative_to(TERRAFORM).as_posix() for path in files})]


def has_tests(folder: Path) -> bool:
    return any(folder.glob("*.tftest.hcl")) or any(folder.glob("tests/*.tftest.hcl"))


def check_folder(way: Terraform, copy: Path, name: str, results: Results, all_tests: bool) -> None:
    """Validates and tests one folder of `copy`."""
    folder = copy / name
    prefix = "next major: " if way.stands_in else ""
    place = "terraform" if name == "." else name
    own = Path(tempfile.mkdtemp(dir=copy.parent))
    way = alone(way, own)
    steps = [["validate"]] if way.stands_in else [["init", "-backend=false"], ["validate"]]
    # The stand-in starts slowly, and the examples use every module.
    if has_tests(folder) and (all_tests or name.startswith("examples/") or not way.stands_in):
        steps.append(["test"])
    for step in steps:
        begun = time.monotonic()
        ok, output = way.run(folder, *step, "-no-color")
        output = _STANDS_IN.sub("", output)
        if ok and step == ["init", "-backend=false"]:
            continue
        took_s = time.monotonic() - begun
        if not results.add(place, prefix + step[0], took_s, output, ok):
            break
    shutil.rmtree(own, ignore_errors=True)


# -- checkov ----------------------------------------------------------------------------


def checkov() -> Path:
    """checkov's program, in an environment of its own that is made or renewed as pinned."""
    place = VENV / "checkov"
    requirements = HERE / "requirements.txt"
    pinned = hashlib.sha256(requirements.read_bytes()).hexdigest()
    stamp = place / "pinned"
    program = place / "bin" / "checkov"
    if program.exists() and stamp.exists() and stamp.read_text() == pinned:
        return program
    print(f"Installing checkov into {place} ...", flush=True)
    uv = VENV / "bin" / "uv"
    making: Command = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, place]
    filling: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", place / "bin/python"]
    filling += ["--require-hashes", "-r", requirements]
    for command in (making, filling):
        made, output = run(command, ROOT, {"UV_SYSTEM_CERTS": "1", **os.environ})
        if not made:
            raise CannotCheck(f"checkov cannot be installed into {place}:\n{output.strip()}")
    stamp.write_text(pinned)
    return program


def check_with_checkov(copy: Path, results: Results) -> None:
    begun = time.monotonic()
    try:
        command: Command = [checkov(), "--config-file", HERE / "checkov.yaml", "--directory", "."]
        ok, output = run(command, copy, clean_environment(copy.parent))
    except CannotCheck as unable:
        ok, output = False, str(unable)
    results.add("all folders", "checkov", time.monotonic() - begun, output, ok)


# -- all of it --------------------------------------------------------------------------


def check_all(work: Path, results: Results, all_tests: bool) -> None:
    def step(place: str, name: str, command: Command) -> None:
        begun = time.monotonic()
        ok, output = run(command, TERRAFORM)
        results.add(place, name, time.monotonic() - begun, output, ok)

    now, probe = find_terraform(work)
    following = find_next_major(work, results)
    lock = probe / ".terraform.lock.hcl"
    (provider,) = re.findall(r'version\s*=\s*"(.*?)"', lock.read_text()) or ["?"]
    print(f"{now.command[0]} with hashicorp/aws {provider}", end="")
    print(f"; names and types of the next major by {following.command[0]}" if following else "")
    print(flush=True)
    copies = {way: work / way / "terraform" for way in ("now", "next")}
    for copy in copies.values():
        shutil.copytree(TERRAFORM, copy, ignore=shutil.ignore_patterns(*_PRIVATE))
    # The stand-in knows what is named in a folder and below modules/, not what is named between.
    named = re.findall(r"\baws_\w+", "".join(map(Path.read_text, copies["next"].glob("*.tf"))))
    (copies["next"] / "modules" / "names.tf").write_text("".join(f"# {name}\n" for name in named))
    step("all folders", "format", ["terraform", "fmt", "-check", "-diff", "-recursive"])
    step("README.md", "docs", [sys.executable, HERE / "docs.py", "--check"])
    with kept_running(now, probe) as now, ThreadPoolExecutor(_AT_ONCE) as pool:
        waiting = [pool.submit(check_with_checkov, copies["now"], results)]
        for name in folders():
            shutil.copy(lock, copies["now"] / name)
            for way, copy in ((now, copies["now"]), (following, copies["next"])):
                if way:
                    waiting.append(pool.submit(check_folder, way, copy, name, results, all_tests))
        for each in waiting:
            each.result()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--or-skip",
        action="store_true",
        help="succeed, loudly, where this machine has no terraform or no provider for it",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="run all tests against the next major, not the examples' only",
    )
    options = parser.parse_args()
    results = Results()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="songid-tf-", ignore_cleanup_errors=True) as work:
        try:
            check_all(Path(work).resolve(), results, options.all)
        except CannotCheck as unable:
            print(f"tf-check: {unable}")
            if not options.or_skip:
                return MISSING
            print(f"{'=' * 80}\nSKIPPED: the Terraform code was not checked on this machine.")
            print("=" * 80)
            return 0
    took_s = time.monotonic() - begun
    if results.failed:
        count = f"{len(results.failed)} of {results.steps}"
        print(f"\ntf-check: {count} steps failed ({took_s:.0f} s):")
        print("\n".join(f"  {name}" for name in results.failed))
        return 1
    print(f"\ntf-check: all {results.steps} steps ok ({took_s:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
