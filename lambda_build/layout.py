"""Lays out the files of songid's function in a folder, as its container image holds them.

Needs Python and uv, not Docker: packages come as wheels, in the versions and with the
hashes of uv.lock, for either architecture; the same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from left_out import PACKAGES, NothingLeft, leave_out

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

ELF_MACHINES = {"arm64": 183, "x86_64": 62}
"""Architectures by the names AWS Lambda gives them, and what ELF headers call them."""

# Amazon Linux 2023, and so every current runtime of Lambda, has glibc 2.34.
_PLATFORMS = {"arm64": "aarch64-manylinux_2_34", "x86_64": "x86_64-manylinux_2_34"}
# Zip files know no earlier time; any fixed one will do.
_MTIME_S = 315_532_800
_IN_IMAGE = "/opt/songid"
"""Where the image has the layout; tracebacks name files so."""


Command = Sequence[str | Path]
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"


class LayoutError(Exception):
    """The layout cannot be made; says what was wrong and what to do."""


def main() -> None:
    """Lay out what the command line asks for, and print what it weighs."""
    options = _options()
    try:
        uv = find_uv(options.uv)
        lay_out(
            options.to,
            architecture=options.architecture,
            python=options.python,
            uv=uv,
            plugins=options.plugins,
            whole=options.whole,
        )
    except (LayoutError, NothingLeft) as error:
        sys.exit(f"layout: {error}")
    sys.stdout.write(as_table(sizes(options.to)) + "\n")


def lay_out(
    folder: Path,
    *,
    architecture: str,
    python: str,
    uv: Path,
    plugins: Path | None = None,
    whole: Iterable[str] = (),
) -> None:
    """Fill `folder`, which must be new or empty, with all that the function imports.

    architecture: `arm64` or `x86_64`; python: as `3.13`; plugins: a requirements file of
    packages to add; whole: packages (their folders' names) of which nothing is left out.
    LayoutError if uv fails or a wheel does not fit.
    """
    if folder.exists() and any(folder.iterdir()):
        raise LayoutError(f"{folder} is not empty; name another folder or delete it")
    try:
        _install(folder, architecture, python, uv, plugins)
        leave_out(folder, whole)
        compile_all(folder, python)
        _settle(folder)
        check_architecture(folder, architecture)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # half of it is no layout
        raise


def _install(folder: Path, architecture: str, python: str, uv: Path, plugins: Path | None) -> None:
    install: Command = [uv, "pip", "install", "--target", folder, "--only-binary", ":all:"]
    target = ["--python-version", python, "--python-platform", _PLATFORMS[architecture]]
    # Hard links would hand what is changed below to the cache.
    install = [*install, *target, "--python", sys.executable, "--link-mode", "copy"]
    with tempfile.TemporaryDirectory(prefix="songid-layout-") as name:
        locked = _locked(uv, Path(name))
        _run([*install, "--no-deps", "--require-hashes", "-r", locked])
        _run([*install, "--no-deps", _own_wheel(uv, Path(name))])
        if plugins is not None and _requirements(plugins):
            _run([*install, "-r", plugins, "-c", locked, "--excludes", _excludes(plugins, name)])


def _locked(uv: Path, folder: Path) -> Path:
    """What uv.lock pins for the function, with hashes, as a requirements file."""
    file = folder / "locked.txt"
    export: Command = [uv, "export", "--frozen", "--no-dev", "--no-emit-project"]
    wanted = ["--extra", "lambda", "--format", "requirements.txt"]
    without = [part for package in PACKAGES for part in ("--no-emit-package", package)]
    _run([*export, *wanted, *without, "--output-file", file])
    return file


def _own_wheel(uv: Path, folder: Path) -> Path:
    build: Command = [uv, "build", "--wheel", "--require-hashes", "--out-dir", folder]
    _run([*build, "--build-constraints", HERE / "build-requirements.txt", ROOT])
    (wheel,) = folder.glob("songid_airplay-*.whl")
    return wheel


def _excludes(plugins: Path, folder: str) -> Path:
    """The packages that songid asks for, but the function needs as little with plugins.

    Those that the plugins' own file names are wanted all the same.
    """
    named = {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower() for line in _requirements(plugins)}
    file = Path(folder) / "excludes.txt"
    file.write_text("\n".join(sorted(set(PACKAGES) - named)), encoding="utf-8")
    return file


def _requirements(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise LayoutError(f"the plugins cannot be read: {error}") from error
    return [line for line in lines if line.partition("#")[0].strip()]


# -- bytecode and times ---------------------------------------------------------------


def compile_all(folder: Path, python: str) -> None:
    """Compile every module for `python`, so that a start compiles none and checks none.

    A function cannot keep what it compiles: its files are read-only. LayoutError where no
    interpreter of that version is there.
    """
    compiler: Command = [_interpreter(python), "-m", "compileall", "-q", "-f"]
    unchecked = ["--invalidation-mode", "unchecked-hash"]
    # The order of sets of names, and so the bytes, follow the seed.
    _run(
        [*compiler, *unchecked, "-s", folder, "-p", _IN_IMAGE, folder],
        PYTHONHASHSEED="0",
        PYTHONWARNINGS="ignore",
    )


def _interpreter(python: str) -> str:
    for candidate in (sys.executable, f"python{python}"):
        path = shutil.which(candidate)
        if path is None:
            continue
        ask = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(ask, capture_output=True, text=True, check=False)
        if answer.returncode == 0 and answer.stdout.strip() == python:
            return path
    raise LayoutError(
        f"compiling for Python {python} needs its interpreter: run this with one, put a"
        f" python{python} on the PATH, or ask for --python {RUNNING}"
    )


def _settle(folder: Path) -> None:
    """Fix what else would differ from one run to the next: modes and times."""
    for path in folder.rglob("*"):
        executable = path.is_dir() or ".so" in path.suffixes
        path.chmod(0o755 if executable else 0o644)
        os.utime(path, (_MTIME_S, _MTIME_S))
    os.utime(folder, (_MTIME_S, _MTIME_S))


# -- what came of it ------------------------------------------------------------------


def check_architecture(folder: Path, architecture: str) -> None:
    """LayoutError if a library in the folder is made for another kind of processor."""
    wrong = [
        str(path.relative_to(folder))
        for path, machine in elf_files(folder)
        if machine != ELF_MACHINES[architecture]
    ]
    if wrong:
        raise LayoutError(f"not made for {architecture}: {', '.join(wrong)}")


def elf_files(folder: Path) -> list[tuple[Path, int]]:
    """The ELF files of a folder, each with the number of the processor it is made for."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                head = file.read(20)
            if head[:4] == b"\x7fELF":
                byte_order: Literal["little", "big"] = "little" if head[5] == 1 else "big"
                found.append((path, int.from_bytes(head[18:20], byte_order)))
    return found


def sizes(folder: Path) -> dict[str, int]:
    """Bytes by package: its modules, libraries and metadata; largest first."""
    total: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file():
            first, *rest = path.relative_to(folder).parts
            name = rest[0].partition(".")[0] if first == "__pycache__" else _package(first)
            total[name] += path.stat().st_size
    return dict(total.most_common())


def _package(name: str) -> str:
    """`numpy` for numpy, numpy.libs and numpy-2.4.6.dist-info."""
    base = re.sub(r"-[^-]+\.dist-info$", "", name)
    return re.sub(r"\.libs$|\..*\.so$|\.py$", "", base).replace("_binary", "")


def as_table(by_package: dict[str, int]) -> str:
    """The sizes in megabytes (10^6 bytes); packages under 0.1 MB together."""
    large = {name: size for name, size in by_package.items() if size >= 100_000}
    rest = len(by_package) - len(large)
    lines = [f"{name:<24}{size / 1e6:8.1f} MB" for name, size in large.items()]
    if rest:
        small = sum(by_package.values()) - sum(large.values())
        lines.append(f"{f'{rest} others':<24}{small / 1e6:8.1f} MB")
    lines.append(f"{'together':<24}{sum(by_package.values()) / 1e6:8.1f} MB")
    return "\n".join(lines)


# -- the edge -------------------------------------------------------------------------


def find_uv(named: str = "") -> Path:
    """The uv that is named, or lies beside this Python, or is on the PATH."""
    beside = Path(sys.executable).with_name("uv")
    found = named or (str(beside) if beside.exists() else shutil.which("uv"))
    if not found:
        raise LayoutError("uv is needed and not there: pip install uv")
    return Path(found)


def _run(command: Command, **environment: str) -> None:
    settings = {**os.environ, "SOURCE_DATE_EPOCH": str(_MTIME_S), "UV_NO_PROGRESS": "1"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**settings, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        words = " ".join(str(part) for part in command[:3])
        raise LayoutError(f"{words} failed:\n{(done.stderr or done.stdout).strip()}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="layout.py", description=__doc__)
    add = parser.add_argument
    add("--architecture", choices=sorted(_PLATFORMS), required=True)
    add("--python", default=RUNNING, help="version of the image's Python (default: this one's)")
    add("--to", type=Path, required=True, help="a folder that is new or empty")
    add("--plugins", type=Path, help="requirements of packages to add")
    add("--whole", action="append", default=[], metavar="PACKAGE", help="leave out nothing of it")
    add("--uv", default="", help="the uv to use (default: beside this Python, or on the PATH)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
