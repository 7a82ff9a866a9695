"""`make bench-compare`: what changed between two runs of the benchmark, and what is chance.

Queries are the same in both, so each cell is judged by those that only one run answered;
a number without trials is shown with its change, and judged by the reader.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.answers import Answer, Rank, from_rows, is_found
from benchmarks.chance import paired_p, unpaired_p
from benchmarks.page import measure_of
from benchmarks.results import Measure, kept_runs, value_text

from songid.progress import print_table

CHANCE = 0.05
"""A difference that chance alone would show less often than this is marked."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line: a name, both values as texts, what changed, and whether it is marked."""

    name: str
    before: str
    after: str
    change: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """The same queries in both runs: how many each answered, and how many it alone did.

    p: how likely chance alone parts them so.
    """

    name: str
    trials: int
    before: int
    after: int
    lost: int
    gained: int
    p: float


def main() -> None:
    """Read the options and print the comparison."""
    parser = argparse.ArgumentParser(prog="make bench-compare", description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path, help="two JSON files (default: last two)")
    parser.add_argument("--out", type=Path, default=Path("bench-out"), help="where runs are kept")
    parser.add_argument("--all", action="store_true", help="also what is the same")
    options = parser.parse_args()
    before, after = _two(options.runs, options.out)
    print(f"before: {before}\nafter:  {after}")
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in (before, after)]
    show(documents[0], documents[1], everything=options.all)


def _two(runs: Sequence[Path], out: Path) -> tuple[Path, Path]:
    if not runs:
        runs = kept_runs(out)[-2:]
        if len(runs) < 2:
            raise SystemExit(f"{out}: fewer than two runs are kept there; run `make bench` again")
    if len(runs) != 2:
        raise SystemExit("give two files (A=... B=...), or none for the last two")
    for path in runs:
        if not path.is_file():
            raise SystemExit(f"{path}: no such file")
    return runs[0], runs[1]


def show(before: Mapping[str, Any], after: Mapping[str, Any], *, everything: bool) -> None:
    """Print what differs, section by section."""
    for title, older, newer in _in_both(before, after):
        # Where the same queries were asked, they are the better judges.
        paired = bool(older["details"].get("queries") and newer["details"].get("queries"))
        changes = list(measures(older["measures"], newer["measures"], judge=not paired))
        _print(title, [c for c in changes if everything or c.change], len(changes))
        if paired:
            _show_recall(older["details"], newer["details"], everything=everything)
    titles = [{section["title"] for section in run["sections"]} for run in (before, after)]
    for title in sorted(titles[0] ^ titles[1]):
        print(f"\n{title}: only in the {'first' if title in titles[0] else 'second'} run")
    print(
        f"\n* chance alone would part the runs so in fewer than {CHANCE:.0%} of cases; "
        "** also if all cells of the table are reckoned with"
    )


def _in_both(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    newer = {section["title"]: section for section in after["sections"]}
    for section in before["sections"]:
        if section["title"] in newer:
            yield section["title"], section, newer[section["title"]]


def measures(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], *, judge: bool = True
) -> Iterator[Change]:
    """Numbers of one section that both runs have, but for those that its tables show.

    judge: mark shares of trials that chance does not part so.
    """
    newer = {each["name"]: measure_of(each) for each in after}
    for each in before:
        old = measure_of(each)
        if old.in_table or old.name not in newer:
            continue
        new = newer[old.name]
        mark = _mark(old, new) if judge else ""
        yield Change(old.name, value_text(old), value_text(new), _change(old, new), mark)


def _change(old: Measure, new: Measure) -> str:
    parts = []
    if value_text(old) != value_text(new):
        share = f" ({new.value / old.value - 1:+.1%})" if old.value and old.trials is None else ""
        parts.append(f"{new.value - old.value:+.4g}{share}")
    if old.reached is not None and new.reached is not None and old.reached != new.reached:
        parts.append("now reached" if new.reached else "now MISSED")
    return ", ".join(parts)


def _mark(old: Measure, new: Measure) -> str:
    if old.trials is None or new.trials is None:
        return ""
    counts = [round(m.value * m.trials) if m.trials else 0 for m in (old, new)]
    return "*" if unpaired_p(counts[0], old.trials, counts[1], new.trials) < CHANCE else ""


_Pair = tuple[tuple[Any, ...], bool, bool]
"""An excerpt, and whether a query of it was answered before and after."""


def tallies(before: Mapping[str, Any], after: Mapping[str, Any], kind: str) -> list[Tally]:
    """A tally for each cell and, last, for each length, over queries that both runs asked.

    kind: `rate` (found at the rate of false positives), `own` (at songid's own threshold)
    or `named` (unknown music that was).
    """
    older, newer = _answered(before, kind), _answered(after, kind)
    by_name: dict[str, list[_Pair]] = {}
    pooled: dict[str, list[_Pair]] = {}
    for key in older.keys() & newer.keys():
        pair = (key[:3], older[key], newer[key])
        by_name.setdefault(f"{key[3]}, {key[4]:.0f} s", []).append(pair)
        pooled.setdefault(f"all kinds, {key[4]:.0f} s", []).append(pair)
    order = [f"{c['distortion']}, {c['length_s']:.0f} s" for c in after["cells"]]
    cells = [_tally(name, by_name[name]) for name in order if name in by_name]
    return [*cells, *(_tally(name, pooled[name]) for name in sorted(pooled, key=_length))]


def _answered(details: Mapping[str, Any], kind: str) -> dict[tuple[Any, ...], bool]:
    answers = from_rows(details["columns"], details["queries"])
    above = {float(k): (t[0], t[1]) for k, t in details["thresholds"].items()}
    return {
        a.key: _is_answered(a, kind, above[a.length_s])
        for a in answers
        if a.known != (kind == "named")
    }


def _is_answered(answer: Answer, kind: str, above: Rank) -> bool:
    if kind == "named":
        return bool(answer.wrong)
    return answer.found if kind == "own" else is_found(answer, above)


def _tally(name: str, pairs: Sequence[_Pair]) -> Tally:
    # Queries of one excerpt under many distortions are no independent trials: where one
    # fails others will. So an excerpt counts once, by whether it gained or lost in all.
    balance: dict[tuple[Any, ...], int] = {}
    for excerpt, old, new in pairs:
        balance[excerpt] = balance.get(excerpt, 0) + new - old
    signs = list(balance.values())
    return Tally(
        name,
        len(pairs),
        sum(old for _, old, _ in pairs),
        sum(new for _, _, new in pairs),
        sum(old and not new for _, old, new in pairs),
        sum(new and not old for _, old, new in pairs),
        paired_p(sum(sign < 0 for sign in signs), sum(sign > 0 for sign in signs)),
    )


def _length(name: str) -> float:
    return float(name.split()[-2])


def _show_recall(before: Mapping[str, Any], after: Mapping[str, Any], *, everything: bool) -> None:
    if before.get("queries_identity") != after.get("queries_identity"):
        print("\nthe queries were built of other music or by other code: do not compare them")
        return
    for kind, title in (
        ("rate", f"Found at no more than {after['false_rate']:.1%} false positives"),
        ("own", "Found at songid's own threshold"),
        ("named", "Unknown music named, own threshold"),
    ):
        found = tallies(before, after, kind)
        changes = [
            _as_change(tally, len(found))
            for tally in found
            if everything or tally.lost or tally.gained
        ]
        _print(title, changes, len(found))


def _as_change(tally: Tally, cells: int) -> Change:
    mark = "**" if tally.p < CHANCE / cells else "*" if tally.p < CHANCE else ""
    shares = [f"{n / tally.trials:.3f}" for n in (tally.before, tally.after)]
    change = f"{tally.gained} gained, {tally.lost} lost of {tally.trials}"
    return Change(tally.name, shares[0], shares[1], change, mark)


def _print(title: str, changes: Sequence[Change], compared: int) -> None:
    print(f"\n{title}: {len(changes)} of {compared} differ" if compared else f"\n{title}")
    if changes:
        print_table(
            ["", "before", "after", "change", " "],
            [[c.name, c.before, c.after, c.change, c.mark] for c in changes],
            right=["before", "after"],
        )


if __name__ == "__main__":
    main()
