"""`songid demo`: see what songid does, without a song or a station of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from songid.commands.context import parts_of


@click.command()
@click.option(
    "--music",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Use songs of your own: three quarters are indexed, the rest is aired as unknown.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("demo-out"),
    show_default=True,
    metavar="DIR",
    help="Where everything goes. What an earlier demo made there is cleared first.",
)
@click.option("--keep", is_flag=True, help="Keep the music an earlier demo composed there.")
def demo(music: Path | None, out: Path, keep: bool) -> None:
    """Compose music, air it on two stations, listen, and report what was heard.

    Takes less than a minute on two cores. Your settings and your catalogue play no part.
    """
    with parts_of("demo"):
        from songid.demo.run import run

    if music is not None:
        music = music.expanduser()  # not every shell does, in `make demo MUSIC=~/Music`
        if not music.is_dir():
            raise click.BadParameter(f"there is no folder {music}", param_hint="--music")
    run(out.expanduser(), music, keep=keep)
