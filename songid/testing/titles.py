"""Invents titles, artists, albums and labels for composed pieces.

The ISRCs begin with ZZ, a country code that is left free for such uses for good.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_FIRST = (
    "Amber", "Paper", "Velvet", "Hollow", "Northern", "Silver", "Quiet", "Copper", "Distant",
    "Electric", "Golden", "Winter", "Crooked", "Salt", "Glass", "Second", "Borrowed", "Slow",
    "Harbour", "Midnight", "Painted", "Lonesome", "Summer", "Broken", "Secret", "Wild",
)  # fmt: skip
_SECOND = (
    "Lanterns", "Rivers", "Letters", "Machines", "Gardens", "Tides", "Mirrors", "Engines",
    "Sparrows", "Highways", "Windows", "Oceans", "Orchards", "Signals", "Bridges", "Echoes",
    "Foxes", "Balconies", "Satellites", "Umbrellas", "Carousels", "Comets", "Islands", "Trains",
)  # fmt: skip
_PLACES = (
    "in the Rain", "at Dawn", "under the Stairs", "by the Sea", "on Fire", "after Hours",
    "for Marianne", "in Lisbon", "before the Frost", "over Tallinn", "until Sunday",
    "on the Radio", "without You", "in Reverse", "at the Station", "of the North",
)  # fmt: skip
_NAMES = (
    "Ada", "Bruno", "Carla", "Dario", "Elin", "Fabio", "Greta", "Hugo", "Ines", "Jonas", "Kaja",
    "Leo", "Mira", "Nils", "Oda", "Pablo", "Rosa", "Sven", "Tilda", "Umar", "Vera", "Yara",
)  # fmt: skip
_SURNAMES = (
    "Alder", "Brandt", "Costa", "Dahl", "Eriksen", "Ferro", "Grau", "Holm", "Ivers", "Jansen",
    "Kovac", "Lund", "Moreau", "Novak", "Okoro", "Prado", "Quist", "Rossi", "Sato", "Tamm",
)  # fmt: skip
_LABELS = ("Low Tide", "Red Kettle", "Ninth Floor", "Paper Boat", "Blue Door", "Old Mill")


@dataclass(frozen=True, slots=True)
class Names:
    """What is printed on the sleeve."""

    title: str
    artist: str
    album: str
    label: str
    isrc: str


def invent_names(seed: int) -> Names:
    """Names for the piece of this seed; the titles of seeds 0 to 9983 all differ."""
    rng = np.random.default_rng([seed, 0x7171])
    # 7919 is prime and shares no factor with the number of titles: a walk through all.
    number = seed * 7919 % (len(_FIRST) * len(_SECOND) * len(_PLACES))
    number, first = divmod(number, len(_FIRST))
    place, second = divmod(number, len(_SECOND))

    def pick(words: tuple[str, ...]) -> str:
        return words[int(rng.integers(len(words)))]

    if rng.random() < 0.5:
        artist = f"{pick(_NAMES)} {pick(_SURNAMES)}"
    else:
        artist = f"The {pick(_FIRST)} {pick(_SECOND)}"
    return Names(
        title=f"{_FIRST[first]} {_SECOND[second]} {_PLACES[place]}",
        artist=artist,
        album=f"{pick(_SECOND)} {pick(_PLACES)}",
        label=f"{pick(_LABELS)} Records",
        isrc=f"ZZSID{25:02d}{seed % 100_000:05d}",
    )
