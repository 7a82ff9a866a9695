"""Plans a station's programme from songs, so that every trial of a broadcast is there.

Crossfades, talk-overs, songs cut short, a song 3 % fast, unknown pieces, jingles, talk
and silence come in an order drawn from a seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from songid.testing.broadcasts import Element, Jingle, Silence, Song, Spin, Talk

FAST = 1.03


def plan_programme(
    known: Sequence[Song],
    unknown: Sequence[Song],
    length_s: float,
    seed: int = 0,
    *,
    longest_s: float | None = None,
) -> list[Element]:
    """A programme of about `length_s`, over by less than one element.

    Known songs come in turn, each once before one comes again. The second is played 3 %
    fast, and silence follows the third. Every fifth element on is an unknown piece. No
    song is on for longer than `longest_s`.
    """
    if not known:
        raise ValueError("a programme needs songs: give at least one known song")
    rng = np.random.default_rng([seed, 0xA17])
    songs, strangers = _endless(known, rng), _endless(unknown, rng)
    programme: list[Element] = []
    total_s, spins = 0.0, 0
    while total_s < length_s:
        added: list[Element] = [_spin(next(songs), rng, longest_s, fast=spins % 12 == 1)]
        spins += 1
        if spins % 12 == 3:
            added.append(Silence(float(rng.integers(12, 25))))
        elif spins % 4 == 0:
            added.append(Talk(float(rng.integers(15, 40)), crossfade_s=0.5))
        elif spins % 2 == 0:
            added.append(Jingle(float(rng.integers(4, 8)), seed=seed * 100 + spins))
        if unknown and spins % 4 == 2:
            added.append(_spin(next(strangers), rng, longest_s, fast=False))
        programme += added
        total_s += sum(_aired_s(element) - element.crossfade_s for element in added)
    return programme


def _spin(song: Song, rng: np.random.Generator, longest_s: float | None, *, fast: bool) -> Spin:
    duration_s = song.duration_s
    if duration_s < 30:
        return Spin(song)
    offset_s, length_s = 0.0, None
    if rng.random() < 0.35:
        # Faded early, or begun in the middle, as a bed or after the news.
        offset_s = float(np.floor(duration_s * rng.uniform(0.0, 0.25)))
        length_s = float(np.floor((duration_s - offset_s) * rng.uniform(0.6, 0.95)))
    if longest_s is not None and (length_s or duration_s - offset_s) > longest_s:
        length_s = longest_s
    crossfade_s = float(rng.choice([0.0, 2.0, 3.0, 4.0]))
    talk: tuple[tuple[float, float], ...] = ()
    if rng.random() < 0.4:
        talk = ((crossfade_s + 0.5, float(rng.integers(5, 10))),)
    return Spin(song, offset_s, length_s, FAST if fast else 1.0, min(crossfade_s, 3.5), talk)


def _endless(songs: Sequence[Song], rng: np.random.Generator) -> Iterator[Song]:
    while songs:
        for index in rng.permutation(len(songs)):
            yield songs[int(index)]


def _aired_s(element: Element) -> float:
    if not isinstance(element, Spin):
        return element.length_s
    length_s = element.length_s
    if length_s is None:
        length_s = element.song.duration_s - element.offset_s
    return length_s / element.speed
