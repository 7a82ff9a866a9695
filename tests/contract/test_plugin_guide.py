"""plugins/README.md: every example runs, and every hook has a heading with one."""

from __future__ import annotations

import inspect
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from songid import hookspecs, interfaces
from songid.model import Heard, Recording, SoundKind, SoundSpan
from songid.plugin_manager import EVENTS, OFFERS, Plugins, PluginStatus, load
from songid.testing.sinks import event

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "plugins" / "README.md").read_text("utf-8")
TEMPLATE = ROOT / "plugins" / "template"
# Headings begin with a capital or a backtick; the first lines of examples do not.
SECTIONS = dict(re.findall(r"^#+ `?([^`\n]+)`?\n(.*?)(?=^#+ [`A-Z]|\Z)", GUIDE, re.M | re.S))
EXAMPLES: dict[str, str] = {
    re.match(r"# (\w+)\.py\n", code)[1]: code  # type: ignore[index]  # None fails, as it should
    for code in re.findall(r"^```python\n(.*?)^```", GUIDE, re.M | re.S)
}
PLUGINS = [name for name in EXAMPLES if not name.startswith("test_")]
PROTOCOLS: dict[str, Any] = {
    "sources": interfaces.Source,
    "fingerprinters": interfaces.Fingerprinter,
    "stores": interfaces.Store,
    "sinks": interfaces.Sink,
    "report_formats": interfaces.ReportFormat,
    "folders": interfaces.Folder,
}
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
ARGUMENTS: dict[str, dict[str, Any]] = {
    "songid_recording_indexed": {"recording": Recording("r1", "Blue Train", source="a.mp3")},
    "songid_heard": {
        "heard": Heard("Radio 1", NOW, 12.0, sounds=(SoundSpan(0, 12, SoundKind.SILENCE),))
    },
    "songid_play_started": {"event": event()},
    "songid_play_ended": {"event": event()},
    "songid_report_rendered": {
        "station": "Radio 1",
        "date": "2024-05-01",
        "files": ["reports/radio1/2024-05-01.html"],
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples as the files that their first lines name."""
    folder = tmp_path_factory.mktemp("guide")
    for name, code in EXAMPLES.items():
        (folder / f"{name}.py").write_text(code, "utf-8")
    return folder


@pytest.fixture
def plugins(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    monkeypatch.chdir(tmp_path)
    return load([str(folder / f"{name}.py") for name in PLUGINS])


def example_of(hook: str) -> str:
    (name,) = re.findall(r"^```python\n# (\w+)\.py$", SECTIONS[hook], re.M)
    return str(name)


@pytest.mark.parametrize("hook", [*OFFERS.values(), *sorted(EVENTS)])
def test_every_hook_has_a_heading_an_entry_in_the_contents_and_one_example(hook: str) -> None:
    assert f"\n## `{hook}`\n" in GUIDE
    assert f"[`{hook}`](#{hook})" in GUIDE
    assert f"def {hook}(" in EXAMPLES[example_of(hook)]


@pytest.mark.parametrize("hook", OFFERS.values())
def test_an_offer_is_shown_with_its_signature(hook: str) -> None:
    register = get_type_hints(getattr(hookspecs, hook))["register"]
    (scheme, open_), _ = get_args(register)
    (url,), component = get_args(open_)
    assert scheme is str
    assert SECTIONS[hook].startswith(
        f"\n`{hook}(register)`, with `register(scheme: str,"
        f" open: Callable[[{url.__name__}], {component.__name__}])`\n"
    )


@pytest.mark.parametrize("hook", sorted(EVENTS))
def test_an_event_is_shown_with_its_signature(hook: str) -> None:
    signature = str(inspect.signature(getattr(hookspecs, hook))).replace("'", "")
    assert SECTIONS[hook].startswith(f"\n`{hook}{signature.removesuffix(' -> None')}`\n")


def test_every_interface_has_a_kit_that_is_there() -> None:
    rows = re.findall(r"^\| (`.*) \| `(\w+)\.(\w+)` \|$", SECTIONS["Conformance kits"], re.M)
    named = {name for cell, _, _ in rows for name in re.findall(r"`(\w+)`", cell)}
    protocols = {
        name
        for name, value in vars(interfaces).items()
        if getattr(value, "_is_protocol", False) and value.__module__ == interfaces.__name__
    }
    assert named == protocols - {"Analysis"}, "what a fingerprinter returns is held to its kit"
    for _, module, kit in rows:
        assert inspect.isclass(getattr(import_module(f"songid.testing.{module}"), kit))


def test_no_hook_is_described_that_does_not_exist() -> None:
    known = {*OFFERS.values(), *EVENTS}
    assert {name for name in SECTIONS if name.startswith("songid_")} == known


@pytest.mark.parametrize("name", PLUGINS)
def test_every_example_is_loaded_with_nothing_to_complain_about(
    plugins: Plugins, name: str
) -> None:
    (row,) = [each for each in plugins.listing() if each.name == name]
    assert row.status is PluginStatus.LOADED, row.why
    assert row.offers or row.observes
    assert not row.notes


@pytest.mark.parametrize("family", OFFERS)
def test_the_example_of_an_offer_opens_a_component_of_its_family(
    plugins: Plugins, family: str, tmp_path: Path
) -> None:
    name = example_of(OFFERS[family])
    (row,) = [each for each in plugins.listing() if each.name == name]
    scheme = row.offers[0].removeprefix(f"{family}: ")
    path = "" if family in ("fingerprinters", "report_formats") else f":{tmp_path}/place"
    component = plugins.open(family, f"{scheme}{path}")
    assert isinstance(component, PROTOCOLS[family])
    if hasattr(component, "close"):
        component.close()


@pytest.mark.parametrize("hook", sorted(EVENTS))
def test_the_example_of_an_event_does_what_it_says(
    folder: Path,
    hook: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.INFO):
        load([str(folder / f"{example_of(hook)}.py")]).notify(hook, **ARGUMENTS[hook])
    assert "raised" not in caplog.text
    assert caplog.records or any(tmp_path.iterdir()), "it was called and left a trace"


def test_the_examples_pass_the_conformance_kits(folder: Path) -> None:
    # The store is the shipped one but for how heards are dropped, and that one has its tests.
    done = _pytest(folder, folder, "test_guide.py", "-k", "not Archive or heards")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def test_the_example_of_a_store_writes_down_what_it_drops(plugins: Plugins, tmp_path: Path) -> None:
    store = plugins.open("stores", f"archive:{tmp_path}/place")
    store.put_heards([Heard("Radio 1", NOW, 12.0)])
    assert store.drop_heards(NOW + timedelta(days=1)) == 1
    store.close()
    assert '"station":"Radio 1"' in (tmp_path / "place" / "archive.ndjson").read_text("utf-8")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the template was installed as a distribution of its own."""
    copy = tmp_path_factory.mktemp("template") / "copy"
    shutil.copytree(TEMPLATE, copy, ignore=shutil.ignore_patterns("__pycache__", "dist"))
    target = copy.with_name("installed")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", target, copy]
        return _installed([pip], target)
    command = [uv, "pip", "install", "--no-deps", "--python", sys.executable]
    command += ["--target", str(target), str(copy)]
    # What builds it was fetched when songid itself was built, if that was on this machine.
    return _installed([[*command, "--offline"], command, [*command, "--no-cache"]], target)


def _installed(commands: Sequence[Sequence[str | Path]], target: Path) -> Path:
    said = ""
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return target
        said = done.stdout + done.stderr
    if re.search(r"hatchling|resolve|connect|network|No module named pip", said):
        pytest.skip(f"nothing here can build a distribution: {said.strip()[-300:]}")
    raise AssertionError(said)


def test_the_template_is_discovered_once_it_is_installed(installed: Path, tmp_path: Path) -> None:
    program = f"""
from songid.plugin_manager import load
plugins = load()
(row,) = [row for row in plugins.listing() if row.name == "template"]
print(row.status, row.version, row.origin, *row.offers, *row.observes, sep="|")
plugins.open("sinks", {f"table:{tmp_path}/results.sqlite3"!r}).close()
import songid_template
print(songid_template.__file__)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    listed, file = done.stdout.splitlines()
    assert listed == (
        "loaded|0.1.0|songid-template: songid_template"
        "|sources: playlist|sinks: table|songid_play_started"
    )
    assert Path(file).is_relative_to(installed)
    assert (tmp_path / "results.sqlite3").exists()


def test_the_installed_template_passes_its_own_tests(installed: Path, tmp_path: Path) -> None:
    shutil.copytree(TEMPLATE / "tests", tmp_path / "tests")  # away from its source
    done = _pytest(tmp_path, tmp_path, "tests", python_path=installed)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def test_the_template_depends_on_nothing_by_the_name_of_songid() -> None:
    text = (TEMPLATE / "pyproject.toml").read_text("utf-8")
    assert not re.search(r'"songid\s*([<>=~!\[;"])', text)


def _pytest(
    place: Path, scratch: Path, *arguments: str, python_path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run pytest in `place`, leaving nothing behind there."""
    program = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", place]
    return subprocess.run(
        [*program, "--import-mode=importlib", *arguments],
        cwd=place,
        env={
            **os.environ,
            "PYTHONPATH": str(python_path or place),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_ADDOPTS": "",
            "HYPOTHESIS_STORAGE_DIRECTORY": str(scratch),
        },
        capture_output=True,
        text=True,
        check=False,
    )
