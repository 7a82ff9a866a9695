"""Answers to the benchmark's queries, and what they add up to: cells with their targets.

Every query's best answer is kept, also one too weak to be reported, so that recall can be
stated at any rate of false positives on unknown music.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields

from benchmarks.chance import wilson
from benchmarks.targets import target

Rank = tuple[float, float]
"""Confidence, then score, by which one answer is better than another."""

NO_ANSWER: Rank = (0.0, 0.0)
OFFSET_TOLERANCE_S = 1.0
"""Where an excerpt lies in a song that repeats itself cannot be told to the second."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query was answered.

    confidence, score: of the best right answer, or, to unknown music, of the best at all;
    weak ones count, 0 is none. wrong_confidence, wrong_score: of the best wrong answer.
    found: the right recording was reported at songid's own threshold; wrong: what else was,
    by title. offset_error_s: of the best right answer; None without one.
    """

    known: bool
    number: int
    title: str
    distortion: str
    length_s: float
    confidence: float
    score: float
    wrong_confidence: float
    wrong_score: float
    found: bool
    offset_error_s: float | None
    wrong: tuple[str, ...]
    cpu_ms: float

    @property
    def rank(self) -> Rank:
        """How good the best (right) answer is."""
        return self.confidence, self.score

    @property
    def placed(self) -> bool:
        """Whether it was found, and at its place in the recording."""
        error_s = self.offset_error_s
        return self.found and error_s is not None and error_s < OFFSET_TOLERANCE_S

    @property
    def key(self) -> tuple[bool, int, str, str, float]:
        """What names the query in every run."""
        return self.known, self.number, self.title, self.distortion, self.length_s


COLUMNS = tuple(field.name for field in fields(Answer))


def as_rows(answers: Iterable[Answer]) -> list[list[object]]:
    """Answers as rows of COLUMNS, for JSON; the titles of wrong ones by a line each."""
    return [[*astuple(a)[:-2], "\n".join(a.wrong), a.cpu_ms] for a in answers]


def from_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[Answer]:
    """The answers that `as_rows` made rows of."""
    answers = []
    for row in rows:
        values = dict(zip(columns, row, strict=True))
        values["wrong"] = tuple(str(values["wrong"]).splitlines())
        answers.append(Answer(**values))  # type: ignore[arg-type]
    return answers


@dataclass(frozen=True, slots=True)
class Cell:
    """One distortion at one length: `known` and `unknown` queries, and how they fared.

    found_at_rate: at the threshold of a rate of false positives; low, high: its share's
    95 % interval; found, placed, named: at songid's own threshold.
    """

    distortion: str
    length_s: float
    known: int
    found_at_rate: int
    low: float
    high: float
    target: float | None
    found: int
    placed: int
    unknown: int
    named: int

    @property
    def recall(self) -> float:
        """The share found at the rate; not a number where nothing was asked."""
        return self.found_at_rate / self.known if self.known else float("nan")

    @property
    def reached(self) -> bool | None:
        """Whether that is what the target asks for."""
        return None if self.target is None or not self.known else self.recall >= self.target


def threshold(unknown: Sequence[Answer], rate: float) -> Rank:
    """The rank that at most `rate` of the queries of unknown music lie above."""
    ranks = sorted((answer.rank for answer in unknown), reverse=True)
    allowed = math.floor(rate * len(ranks) + 1e-9)
    return ranks[allowed] if allowed < len(ranks) else NO_ANSWER


def is_found(answer: Answer, above: Rank) -> bool:
    """Whether the right recording would be reported by a threshold that lies at `above`."""
    return answer.rank > max(above, NO_ANSWER)


def cells(
    answers: Sequence[Answer],
    names: Sequence[str],
    lengths_s: Sequence[float],
    rate: float,
) -> tuple[list[Cell], dict[float, Rank]]:
    """All cells, lengths within distortions, and each length's threshold.

    A threshold is that of all unknown queries of its length, whatever their distortion: a
    user has one, too, and does not know what is to come.
    """
    thresholds = {
        length_s: threshold([a for a in answers if not a.known and a.length_s == length_s], rate)
        for length_s in lengths_s
    }
    by_cell: dict[tuple[str, float], list[Answer]] = {}
    for answer in answers:
        by_cell.setdefault((answer.distortion, answer.length_s), []).append(answer)
    made: dict[tuple[str, float], Cell] = {}
    for name in names:
        for length_s in sorted(lengths_s):
            of_10_s = made.get((name, 10.0))
            made[name, length_s] = _cell(
                by_cell.get((name, length_s), []),
                name,
                length_s,
                thresholds[length_s],
                target(name, length_s, of_10_s.recall if of_10_s else 0.0),
            )
    return list(made.values()), thresholds


def _cell(
    answers: Sequence[Answer], name: str, length_s: float, above: Rank, wanted: float | None
) -> Cell:
    known = [a for a in answers if a.known]
    unknown = [a for a in answers if not a.known]
    found_at_rate = sum(is_found(a, above) for a in known)
    low, high = wilson(found_at_rate, len(known))
    return Cell(
        distortion=name,
        length_s=length_s,
        known=len(known),
        found_at_rate=found_at_rate,
        low=low,
        high=high,
        target=wanted,
        found=sum(a.found for a in known),
        placed=sum(a.placed for a in known),
        unknown=len(unknown),
        named=sum(bool(a.wrong) for a in unknown),
    )
