"""The plugin manager against real distributions, modules and files, sound and broken."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest

from songid.errors import PluginError, StoreError, UnknownSchemeError
from songid.model import ComponentURL, Heard
from songid.plugin_manager import EVENTS, OFFERS, PluginRow, Plugins, PluginStatus, load

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution of one module and one entry point, as pip would leave it."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def do(name: str, source: str, *, target: str = "", requires: str = "") -> None:
        (tmp_path / f"{name}.py").write_text(dedent(source))
        info = tmp_path / f"{name}-1.2.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n{requires}\n"
        (info / "METADATA").write_text(metadata)
        (info / "entry_points.txt").write_text(f"[songid]\n{name} = {target or name}\n")

    yield do
    for added in set(sys.modules) - before:
        del sys.modules[added]


def row(plugins: Plugins, name: str) -> PluginRow:
    (found,) = [each for each in plugins.listing() if each.name == name]
    return found


SOUND = """
from songid.hookspecs import hookimpl

class Store:
    def __init__(self, url):
        self.url = url

@hookimpl
def songid_stores(register):
    register("{scheme}", Store)

seen = []

@hookimpl
def songid_heard(heard):
    seen.append(heard)
"""


def test_families_and_events_come_from_the_hook_specifications() -> None:
    assert {"sources", "fingerprinters", "stores", "sinks", "report_formats"} <= set(OFFERS)
    assert "songid_heard" in EVENTS
    assert not EVENTS & set(OFFERS.values())


def test_an_installed_distribution_offers_its_components_by_url(install: Install) -> None:
    install("shelf_plugin", SOUND.format(scheme="shelf"))
    plugins = load()
    store = plugins.open("stores", "shelf://host/x?size=3")
    assert store.url == ComponentURL("shelf://host/x?size=3", "shelf", "//host/x", {"size": "3"})
    listed = row(plugins, "shelf_plugin")
    assert listed.version == "1.2"
    assert listed.origin == "shelf_plugin: shelf_plugin"
    assert listed.offers == ("stores: shelf",)
    assert listed.observes == ("songid_heard",)
    assert listed.status is PluginStatus.LOADED


def test_the_shipped_components_come_through_an_ordinary_entry_point() -> None:
    plugins = load()
    assert plugins.schemes("stores") == ["dynamodb", "memory", "postgresql", "sqlite"]
    assert plugins.schemes("sinks") == ["file", "http", "https", "s3", "sns", "sqs", "stdout"]
    assert plugins.schemes("sources") == ["folder", "logger", "s3"]
    assert plugins.schemes("fingerprinters") == ["bands", "landmark"]
    assert plugins.schemes("report_formats") == ["csv", "html", "json"]
    assert plugins.schemes("folders") == ["folder", "s3"]


def test_registering_the_shipped_components_imports_none_of_them() -> None:
    program = """
        import sys
        from songid.plugin_manager import load
        rows = load().listing()
        assert [row.status for row in rows] == ["loaded"], rows
        print([name for name in sys.modules if name.startswith("songid_plugins.")])
        heavy = ("sqlite3", "av", "scipy", "jinja2", "boto3", "psycopg")
        print([name for name in heavy if name in sys.modules])
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(program)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("import nothing_of_this_name", "", "ModuleNotFoundError: No module named"),
        ("raise RuntimeError('no luck')", "", "RuntimeError: no luck"),
        ("raise SystemExit(3)", "", "SystemExit: 3"),
        ("def f(:", "", "SyntaxError"),
        ("", "broken_plugin:gone", "AttributeError"),
        ("class Plugin: pass", "broken_plugin:Plugin", "is a class"),
        (
            "from songid.hookspecs import hookimpl\n@hookimpl\ndef songid_store(register): ...",
            "",
            "unknown hook songid_store: did you mean songid_stores?",
        ),
        (
            "def songid_stores(register): ...",
            "",
            "songid_stores is not marked with @songid.hookspecs.hookimpl",
        ),
        (
            "from songid.hookspecs import hookimpl\n@hookimpl\ndef songid_heard(herd): ...",
            "",
            "herd",
        ),
        (
            "from songid.hookspecs import hookimpl\n"
            "@hookimpl(wrapper=True)\ndef songid_heard(heard): yield",
            "",
            "songid_heard is a hook wrapper",
        ),
    ],
)
def test_a_broken_plugin_is_reported_by_name_and_the_others_load(
    install: Install, source: str, target: str, why: str
) -> None:
    install("broken_plugin", source, target=target)
    install("sound_plugin", SOUND.format(scheme="sound"))
    plugins = load()
    broken = row(plugins, "broken_plugin")
    assert broken.status is PluginStatus.FAILED
    assert why in broken.why
    assert row(plugins, "sound_plugin").status is PluginStatus.LOADED
    assert "sqlite" in plugins.schemes("stores")
    plugins.notify("songid_heard", heard=Heard("s", datetime(2024, 1, 1, tzinfo=UTC), 1.0))


def test_a_raising_offer_is_reported_and_what_else_was_offered_works(install: Install) -> None:
    install(
        "half_plugin",
        """
        from songid.hookspecs import hookimpl

        @hookimpl
        def songid_sinks(register):
            register("early", lambda url: "early")
            raise OSError("the disk is upside down")

        @hookimpl
        def songid_stores(register):
            register("whole", lambda url: "whole")
        """,
    )
    plugins = load()
    half = row(plugins, "half_plugin")
    assert half.status is PluginStatus.FAILED
    assert half.why == "songid_sinks raised OSError: the disk is upside down"
    assert plugins.open("sinks", "early") == "early"
    assert plugins.open("stores", "whole") == "whole"
    assert "stdout" in plugins.schemes("sinks")


@pytest.mark.parametrize("scheme", ["", "Upper", "with space", "1st", "a:b"])
def test_an_unusable_scheme_is_refused_by_name(install: Install, scheme: str) -> None:
    install("odd_plugin", SOUND.format(scheme=scheme))
    assert f"{scheme!r} is not a scheme" in row(load(), "odd_plugin").why


def test_a_users_plugin_replaces_a_shipped_component_and_both_say_so(install: Install) -> None:
    install("zz_plugin", SOUND.format(scheme="memory"))
    plugins = load()
    assert type(plugins.open("stores", "memory")).__module__ == "zz_plugin"
    assert row(plugins, "zz_plugin").notes == (
        "stores: 'memory' is offered by 'songid_plugins' too; this one is used",
    )
    assert row(plugins, "songid_plugins").notes == (
        "stores: 'memory' is offered by 'zz_plugin' too, which is used",
    )


def test_an_unknown_scheme_lists_the_installed_ones_and_guesses(install: Install) -> None:
    install("broken_plugin", "1 / 0")
    with pytest.raises(UnknownSchemeError) as raised:
        load().open("stores", "sqlit:songs")
    text = str(raised.value)
    assert "Did you mean 'sqlite'?" in text
    assert "Installed: dynamodb, memory, postgresql, sqlite." in text
    assert "Failed to load: broken_plugin" in text


def test_a_component_that_cannot_be_opened_names_plugin_and_url_but_no_password(
    install: Install,
) -> None:
    install(
        "raising_plugin",
        """
        from songid.errors import StoreError
        from songid.hookspecs import hookimpl

        def fail(url):
            raise ValueError(f"cannot reach {url}")

        def damaged(url):
            raise StoreError("the store is damaged")

        def missing(url):
            import far_away_sdk.client

        @hookimpl
        def songid_stores(register):
            register("raising", fail)
            register("damaged", damaged)
            register("missing", missing)
            register("nothing", lambda url: None)
        """,
        requires="Provides-Extra: far\nRequires-Dist: far-away.SDK>=2; extra == 'far'",
    )
    plugins = load()
    with pytest.raises(PluginError) as raised:
        plugins.open("stores", "raising://me:secret@host/x")
    assert "'raising_plugin'" in str(raised.value)
    assert "raising://me:***@host/x" in str(raised.value)
    assert "secret" not in str(raised.value)
    with pytest.raises(StoreError, match=r"^the store is damaged$"):
        plugins.open("stores", "damaged:")
    with pytest.raises(PluginError, match=r"pip install 'raising_plugin\[far\]'"):
        plugins.open("stores", "missing:x")
    with pytest.raises(PluginError, match="opened nothing"):
        plugins.open("stores", "nothing:x")


def test_one_raising_observer_is_logged_and_the_others_are_told(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("aa_plugin", SOUND.format(scheme="aa"))
    install(
        "mm_plugin",
        """
        from songid.hookspecs import hookimpl

        @hookimpl
        def songid_heard():
            raise KeyError("boom")
        """,
    )
    install("zz_plugin", SOUND.format(scheme="zz"))
    plugins = load()
    heard = Heard("s", datetime(2024, 1, 1, tzinfo=UTC), 1.0)
    with caplog.at_level(logging.ERROR):
        plugins.notify("songid_heard", heard=heard)
    assert sys.modules["aa_plugin"].seen == [heard]
    assert sys.modules["zz_plugin"].seen == [heard]
    assert "mm_plugin" in caplog.text
    assert "boom" in caplog.text


def test_notifying_of_what_is_no_event_is_a_defect_and_raises() -> None:
    with pytest.raises(ValueError, match="songid_stores"):
        load().notify("songid_stores", register=print)
    with pytest.raises(TypeError, match="heard"):
        load().notify("songid_heard", herd=1)


def test_settings_name_modules_files_and_folders(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "by_name.py").write_text("__version__ = '7'\n" + SOUND.format(scheme="named"))
    own = tmp_path / "own plugins"
    (own / "package").mkdir(parents=True)
    (own / "package" / "__init__.py").write_text(SOUND.format(scheme="package"))
    (own / "one.py").write_text(SOUND.format(scheme="one"))
    (own / "two.py").write_text("raise OSError('torn')")
    (own / "_not_a_plugin.py").write_text("raise OSError('must not be imported')")
    single = tmp_path / "single.py"
    single.write_text(SOUND.format(scheme="single"))
    plugins = load(["by_name", str(own), str(single), str(tmp_path / "gone.py"), "no.such.module"])
    rows = plugins.listing()
    assert [(each.name, each.status.value) for each in rows] == [
        ("by_name", "loaded"),
        ("one", "loaded"),
        ("package", "loaded"),
        ("two", "failed"),
        ("single", "loaded"),
        ("gone", "failed"),
        ("no.such.module", "failed"),
        ("songid_plugins", "loaded"),
    ]
    assert rows[0].version == "7"
    assert "torn" in rows[3].why
    assert "there is no file" in rows[5].why
    for scheme in ("named", "one", "package", "single"):
        assert plugins.open("stores", scheme) is not None


def test_a_plugin_named_twice_is_loaded_once(install: Install, tmp_path: Path) -> None:
    install("twice_plugin", SOUND.format(scheme="twice"))
    plugins = load(["twice_plugin", "twice_plugin", str(tmp_path / "twice_plugin.py")])
    names = [each.name for each in plugins.listing()]
    assert names == ["twice_plugin", "twice_plugin", "songid_plugins"]  # module and file differ
    assert load(["twice_plugin"]).open("stores", "twice") is not None
