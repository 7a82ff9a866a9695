"""The demo from end to end, shortened: it tells the truth, and keeps to its own folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from songid import cli
from songid.audio.encode import encode
from songid.audio.tags import Tags
from songid.demo import run as demo
from songid.errors import CatalogueError
from songid.testing.music import compose

RATE_HZ = 22_050


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four songs of one's own."""
    folder = tmp_path_factory.mktemp("my music")
    for seed in range(4):
        samples, piece = compose(seed, 50, RATE_HZ)
        encode(samples, RATE_HZ, folder / f"{seed}.flac", tags=Tags(piece.title, piece.artist))
    return folder


def test_a_short_demo_hears_both_stations_reports_them_and_can_be_run_again(
    music: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SONGID_STORE", "sqlite:/nowhere/that/can/be")
    out = tmp_path / "a demo"
    for _ in range(2):
        demo.run(out, music, minutes=3)
        said = capsys.readouterr().out
        assert said.count("right, ") >= 4
        assert "no false plays" in said
        assert "(3 % faster)" in said
        assert re.search(r"(\d+) songs aired, \1 found", said)
        (link,) = re.findall(r"The report: file://(\S+)", said)
        assert Path(link.replace("%20", " ")).is_file()
        assert len(list((out / "reports").glob("*/*.html"))) == 2
        (out / "notes.txt").write_text("mine")
    assert sorted(path.name for path in music.iterdir()) == [f"{n}.flac" for n in range(4)]
    assert (out / "notes.txt").read_text() == "mine"
    # What it left is a place to work in.
    monkeypatch.chdir(out)
    monkeypatch.delenv("SONGID_STORE")
    assert cli.run(["plays", "harbour_fm"]) == 0
    assert "Europe/Lisbon" in capsys.readouterr().out
    assert cli.run(["identify", str(next(iter(sorted(music.iterdir()))))]) in (0, 1)


def test_a_folder_that_the_demo_did_not_make_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "reports" / "last-year.html"
    precious.parent.mkdir()
    precious.write_text("precious")
    with pytest.raises(CatalogueError, match="was not made by the demo"):
        demo.run(tmp_path, None)
    assert precious.read_text() == "precious"


def test_music_that_is_not_there_is_an_error_that_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.run(["demo", "--music", str(tmp_path / "no"), "--out", str(tmp_path / "out")])
    assert code == 2
    assert f"there is no folder {tmp_path}/no" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
