"""Write the figures of evaluations into the documents: their tables, and the metrics of the model's card.

    kummell-ai evaluate runs/test --out runs/test-evaluation             # docs/accuracy.md names the four sets
    python scripts/document_figures.py --own runs/test-evaluation --finer runs/test-1024-evaluation \
        --finest runs/test-2048-evaluation --others runs/test-others-evaluation

Each table between ``<!-- figures: NAME -->`` and ``<!-- end of figures -->`` is written anew from the
``summary.json`` of the folders, and so are the rows of the README's table that are of simulated films. ``--card`` also
writes the metrics of simulated films in the model folder (others, of real films, stay). ``--check`` writes nothing: it
names the documents that would change and leaves with code 1 if any would. The prose about the tables is not touched:
read it again.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ending import end

from kummell_ai.cli.files import write_atomic
from kummell_ai.errors import InputError
from kummell_ai.landmarks.checkpoint import read_info, write_info

ROOT = Path(__file__).parents[1]
TABLE = re.compile(r"(<!-- figures: ([a-z-]+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)
STRATA = ("all", "intact", "fractured", "instrumented", "cemented")
SETS = {
    "own": "1,000 simulated films, own bones (seed 70000000)",
    "finer": "300 simulated films of 1,024 rows, own bones (seed 70000000)",
    "finest": "300 simulated films of 2,048 rows, own bones (seed 70000000)",
    "others": "300 simulated films, bones and tissue of others (seed 71000000)",
}
METRICS = {
    "vertebrae found (%)": "found_percent",
    "false vertebrae a film": "false_vertebrae_per_film",
    "level right, film by film (%)": "level_exact_percent_any_field",
    "level right, films of a patient together (%)": "level_exact_jointly_percent_any_field",
    "corner error, median (mm)": "corner_median_mm",
    "corner error, mean (mm)": "corner_mean_mm",
    "corner error, 90th percentile (mm)": "corner_p90_mm",
    "corner error of injured vertebrae, mean (mm)": "corner_mean_mm_injured",
    "corners within 2 mm, missed ones counted (%)": "sdr_2mm_percent",
    "segmental Cobb, mean absolute error (deg)": "cobb_mae_deg",
    "wedge angle, mean absolute error (deg)": "wedge_mae_deg",
    "anterior height, mean absolute error (mm)": "anterior_height_mae_mm",
    "corners in their 95 % ellipse (%)": "corner_ellipse_coverage_percent",
    "Cobb angles in their 95 % interval (%)": "cobb_interval_coverage_percent",
    "wedge angles in their 95 % interval (%)": "wedge_interval_coverage_percent",
    "anterior heights in their 95 % interval (%)": "anterior_height_interval_coverage_percent",
    "films of a patient measured together, corner error, mean (mm)": "corner_mean_mm_jointly",
    "films of a patient measured together, corners within 2 mm, missed ones counted (%)": "sdr_2mm_percent_jointly",
    "films of a patient measured together, segmental Cobb, mean absolute error (deg)": "cobb_mae_deg_jointly",
    "films of a patient measured together, wedge angle, mean absolute error (deg)": "wedge_mae_deg_jointly",
    "films of a patient measured together, anterior height, mean absolute error (mm)": "anterior_height_mae_mm_jointly",
    "change of the Cobb angle by surgery, mean absolute error (deg)": "cobb_change_mae_deg_jointly",
    "changes of the Cobb angle by surgery in their 95 % interval (%)": "cobb_change_interval_coverage_percent",
}
UNITS = {
    "anterior_height": "mm",
    "posterior_height": "mm",
    "wedge_angle": "deg",
    "segmental_cobb": "deg",
    "height_loss": "%",
}
SIGNS = {"mm": " mm", "deg": "°", "%": " %"}


@dataclass(frozen=True)
class Evaluation:
    """What ``kummell-ai evaluate`` wrote of a set."""

    folder: Path
    main: dict[str, float]
    figures: dict[tuple[str, ...], float] = field(repr=False)
    counts: dict[tuple[str, ...], int] = field(repr=False)
    films: int = 0

    @classmethod
    def read(cls, folder: Path) -> Evaluation:
        """The evaluation in a folder.

        Raises:
            InputError: no summary there, none of this program's form, or one without what the tables show.
        """
        path = folder / "summary.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            keys = ("section", "subject", "figure", "unit", "stratum", "phase")
            figures = {tuple(f[key] for key in keys): f for f in found["figures"]}
            main = {name: figure["value"] for name, figure in found["main"].items()}
            films = int(found["films"])
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{path}: cannot be read as figures of an evaluation; give a folder that "
                             "kummell-ai evaluate wrote") from None  # fmt: skip
        if len(figures) != len(found["figures"]):
            raise InputError(f"{path}: two figures of one name; evaluate anew")
        if missing := [name for name in METRICS.values() if main.get(name) is None]:
            raise InputError(f"{path}: no {missing[0]}; the tables need films with a scale, of operated patients")
        values = {key: figure["value"] for key, figure in figures.items()}
        return cls(folder, main, values, {key: figure["n"] for key, figure in figures.items()}, films)

    def __call__(self, section: str, subject: str, figure: str, unit: str, stratum: str = "all") -> float:
        """The value over all phases; InputError where the evaluation has none."""
        try:
            return self.figures[section, subject, figure, unit, stratum, "all"]
        except KeyError:
            raise InputError(f"{self.folder}: no figure {section}, {subject}, {figure} in {unit} of {stratum}; the "
                             "tables need films with a scale, of operated patients") from None  # fmt: skip


Sets = dict[str, Evaluation]


def pair(one: float, other: float, form: str) -> str:
    """Both values with an arrow between them: film by film, and films of a patient together."""
    return f"{one:{form}} → {other:{form}}"


def row(label: str, cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join([label, *cells])} |"


def accuracy(sets: Sets) -> list[str]:
    """The main table of docs/accuracy.md."""
    chosen = [sets[name] for name in ("own", "finer", "finest", "others")]
    lines = [
        "| film by film → films of a patient together | 1,000 films, 512 rows | 300, 1,024 rows | 300, 2,048 rows | "
        "300, 512 rows, bones of others |",
        "|---|---|---|---|---|",
    ]

    def both(label: str, name: str, form: str, together: str | None = None) -> None:
        other = together or f"{name}_jointly"
        lines.append(row(label, [pair(e.main[name], e.main[other], form) for e in chosen]))

    def single(label: str, name: str, form: str) -> None:
        lines.append(row(label, [f"{e.main[name]:{form}}" for e in chosen]))

    both("corner error, mean, mm", "corner_mean_mm", ".2f")
    single("– of the injured vertebra", "corner_mean_mm_injured", ".2f")
    both("corners within 2 mm, missed ones counted, %", "sdr_2mm_percent", ".1f")
    both("Cobb angle, MAE, °", "cobb_mae_deg", ".2f")
    both("wedge angle, MAE, °", "wedge_mae_deg", ".2f")
    both("anterior height, MAE, mm", "anterior_height_mae_mm", ".2f")
    single("Cobb angle, MAE post-op minus pre-op, °", "cobb_mae_post_minus_pre_deg", ".2f")
    both("names right, %", "level_exact_percent_any_field", ".1f", "level_exact_jointly_percent_any_field")
    for label, phase in (("before", "pre"), ("after", "post")):
        both(f"usable films {label} surgery, %", f"usable_films_percent_{phase}_op", ".1f",
             f"usable_jointly_films_percent_{phase}_op")  # fmt: skip
    single("vertebrae found, %", "found_percent", ".1f")
    single("false vertebrae a film", "false_vertebrae_per_film", ".3f")
    return lines


def rates(sets: Sets) -> list[str]:
    """The rates of docs/accuracy.md."""
    chosen = [sets[name] for name in ("own", "finest", "others")]
    lines = ["| by surgery; each film by itself → together | own bones, 512 rows | 2,048 rows | bones of others |",
             "|---|---|---|---|"]  # fmt: skip
    for rate, label in (
        ("height_restoration_rate", "Height restored, of what was lost"),
        ("height_gain_rate", "Height gained, of the height before"),
        ("correction_rate", "Kyphosis corrected, of the kyphosis before"),
    ):
        for words, figure, by, form, after in (
            (f"{label}: MAE", "mae", 1, ".1f", " pp"),
            ("– half width of its interval", "width_mean", 2, ".0f", " pp"),
            ("– intervals that hold the truth, %", "coverage", 1, ".0f", ""),
        ):
            cells = []
            for e in chosen:
                alone, together = (
                    e(section, rate, f"correction_{figure}", "%", "injured") / by
                    for section in ("changes", "changes together")
                )
                cells.append(pair(alone, together, form) + after)
            lines.append(row(words, cells))
    return lines


def slopes(sets: Sets) -> list[str]:
    """How much of a change is read, in docs/accuracy.md."""
    chosen = [(sets[name], words) for name, words in (
        ("own", "own bones, 512 rows"), ("finest", "2,048 rows"), ("others", "bones of others"),
    )]  # fmt: skip
    quantities = (
        ("anterior_height", "anterior height"),
        ("wedge_angle", "wedge angle"),
        ("segmental_cobb", "Cobb angle"),
    )
    head = [""]
    for evaluation, words in chosen:
        counts = [
            evaluation.counts["changes together", q, f"{change}_bias", UNITS[q], "injured", "all"]
            for q, _ in quantities for change in ("correction", "loss")
        ]  # fmt: skip
        head.append(f"{words} ({'n = ' if len(head) == 1 else ''}{min(counts)} to {max(counts)})")
    lines = [f"| {' | '.join(head)} |".replace("|  |", "| |", 1), "|---|---|---|---|"]
    for quantity, label in quantities:
        unit = UNITS[quantity]
        for change, when in (("correction", "by"), ("loss", "after")):
            cells = []
            for evaluation, _ in chosen:
                slope, bias = (
                    evaluation("changes together", quantity, f"{change}_{figure}", of, "injured")
                    for figure, of in (("slope", "1"), ("bias", unit))
                )
                cells.append(f"{slope:.2f}; {bias:+.1f}{SIGNS[unit]}".replace("-", "−"))
            lines.append(row(f"{label} {when} surgery", cells))
    return lines


def shapes(sets: Sets) -> list[str]:
    """What measuring together wins, in docs/shapes.md."""
    chosen = [sets[name] for name in ("own", "finest", "others")]
    heads = ("own bones, 512 rows", "own bones, 2,048 rows", "bones of others, 512 rows")
    lines = [row("each film by itself → together", heads), "|---|---|---|---|"]

    def add(label: str, what: tuple[str, ...], form: str = ".2f", after: str = "", by: int = 1) -> None:
        section, *rest = what
        cells = [[e(section + way, *rest) / by for way in ("", " together")] for e in chosen]
        lines.append(row(label, [" → ".join(f"{value:{form}}{after}" for value in two) for two in cells]))

    add("corner error, mean, mm", ("corners", "error", "mean", "mm"))
    add("– of vertebrae with screws", ("corners", "error", "mean", "mm", "instrumented"))
    add("Cobb angle, MAE", ("quantities", "segmental_cobb", "mae", "deg"), after="°")
    add("wedge angle, MAE", ("quantities", "wedge_angle", "mae", "deg"), after="°")
    add("anterior height, MAE, mm", ("quantities", "anterior_height", "mae", "mm"))
    for quantity, label, after in (
        ("segmental_cobb", "Cobb angle", "°"), ("wedge_angle", "wedge angle", "°"),
        ("anterior_height", "anterior height (mm)", ""),
    ):  # fmt: skip
        for change, when in (("correction", "by"), ("loss", "after")):
            what = ("changes", quantity)
            add(f"change of the {label} {when} surgery: MAE",
                (*what, f"{change}_mae", UNITS[quantity], "injured"), after=after)  # fmt: skip
            add(
                "– half width of its interval",
                (*what, f"{change}_width_mean", UNITS[quantity], "injured"),
                ".1f",
                after,
                2,
            )
            add("– intervals that hold the truth, %", (*what, f"{change}_coverage", "%", "injured"), ".0f")
    return lines


def intervals(sets: Sets, way: str) -> list[str]:
    """What share of the truth the intervals hold, in docs/uncertainty.md."""
    quantities = ("anterior_height", "posterior_height", "wedge_angle", "segmental_cobb", "height_loss")
    lines = ["| | Ha | Hp | wedge | Cobb | height loss | ellipses |", "|---|---|---|---|---|---|---|"]
    for name, words in (
        ("own", "own bones"), ("others", "others' bones"), ("finer", "own bones, films of 1,024 rows"),
        ("finest", "own bones, films of 2,048 rows"),
    ):  # fmt: skip
        of = sets[name]
        for stratum in STRATA:
            held = [of(f"quantities{way}", quantity, "coverage", "%", stratum) for quantity in quantities]
            held.append(of(f"corners{way}", "ellipse", "coverage", "%", stratum))
            label = f"{words}, all" if stratum == "all" else f"– {stratum}"
            lines.append(row(label, [f"{value:.1f}" for value in held]))
        widths = [(of(f"quantities{way}", q, "width_mean", UNITS[q]) / 2, SIGNS[UNITS[q]]) for q in quantities]
        lines.append(f"| – mean half width | {' | '.join(f'{value:.1f}{sign}' for value, sign in widths)} | |")
    return lines


TABLES: dict[str, Callable[[Sets], list[str]]] = {
    "accuracy": accuracy,
    "rates": rates,
    "slopes": slopes,
    "shapes": shapes,
    "intervals": lambda sets: intervals(sets, ""),
    "intervals-together": lambda sets: intervals(sets, " together"),
}


def readme_rows(sets: Sets) -> dict[str, list[str]]:
    """Label of a row of the README's table -> its other cells."""

    def cells(e: Evaluation, stratum: str, cobb: str = ".1f") -> list[str]:
        return [
            f"{e('corners', 'error', 'median', 'mm', stratum):.2f} mm",
            f"{e('quantities', 'segmental_cobb', 'mae', 'deg', stratum):{cobb}}°",
            f"{e('quantities', 'wedge_angle', 'mae', 'deg', stratum):.1f}°",
            f"{e('quantities', 'anterior_height', 'mae', 'mm', stratum):.2f} mm",
        ]

    def first(e: Evaluation, cobb: str = ".1f") -> list[str]:
        found = ("vertebrae", "vertebra", "found", "%", "all", "all")
        false = round(e.main["false_vertebrae_per_film"] * e.films)
        names = pair(e.main["level_exact_percent_any_field"], e.main["level_exact_jointly_percent_any_field"], ".1f")
        return [f"{e.figures[found]:.1f} % of {e.counts[found]:,}, {false} false", f"{names} %", *cells(e, "all", cobb)]

    own = sets["own"]
    rows = {"1,000 **simulated** films of 334 patients, 512 rows": first(own, ".2f")}
    for stratum, label in (
        ("fractured", "fractured vertebrae"),
        ("instrumented", "with screws"),
        ("cemented", "with cement"),
    ):
        rows[f"– {label}"] = [f"{own('vertebrae', 'vertebra', 'found', '%', stratum):.1f} %", "", *cells(own, stratum)]
    rows["– the films of a patient [measured together](docs/shapes.md)"] = [
        "", "", "", f"{own.main['cobb_mae_deg_jointly']:.2f}°", f"{own.main['wedge_mae_deg_jointly']:.1f}°",
        f"{own.main['anterior_height_mae_mm_jointly']:.2f} mm",
    ]  # fmt: skip
    rows["300 **simulated** films of 2,048 rows, as clinical ones have"] = first(sets["finest"])
    rows["300 **simulated** films, bones and tissue of others"] = first(sets["others"])
    return rows


def with_tables(text: str, sets: Sets) -> str:
    """The document with its marked tables written anew."""
    return TABLE.sub(lambda found: found[1] + "\n".join(TABLES[found[2]](sets)) + "\n" + found[3], text)


def with_rows(text: str, rows: dict[str, list[str]]) -> str:
    """The document with these rows of its tables; InputError where one is missing or stands twice."""
    for label, cells in rows.items():
        line = re.sub(r"(?<=\|)  (?=\|)", " ", row(label, cells))
        text, count = re.subn(rf"^\| {re.escape(label)} \|.*\|$", lambda _, line=line: line, text, flags=re.MULTILINE)  # type: ignore[misc]
        if count != 1:
            raise InputError(f"the table of README.md has {count} rows {label!r}; expected one")
    return text


def card_metrics(sets: Sets, before: dict[str, float]) -> dict[str, float]:
    """The metrics of a model's card; what ``before`` says of real films stays."""
    metrics = {
        f"{SETS[name]}: {words}": float(f"{sets[name].main[key]:.4g}")
        for name in SETS
        for words, key in METRICS.items()
    }
    return metrics | {name: value for name, value in before.items() if "simulated" not in name}


def documents(sets: Sets, root: Path = ROOT) -> dict[Path, str]:
    """The documents that differ from the evaluations -> what they ought to be."""
    changed: dict[Path, str] = {}
    for path in (root / "README.md", *sorted((root / "docs").glob("*.md"))):
        before = path.read_text(encoding="utf-8")
        after = with_tables(before, sets)
        if path.name == "README.md":
            after = with_rows(after, readme_rows(sets))
        if after != before:
            changed[path] = after
    return changed


def main() -> int:
    """Write, or check, the documents that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, words in SETS.items():
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"evaluation of {words}")
    parser.add_argument("--card", type=Path, help="model folder whose card gets the metrics")
    parser.add_argument("--check", action="store_true", help="write nothing; name what would change")
    args = parser.parse_args()
    sets = {name: Evaluation.read(getattr(args, name)) for name in SETS}
    changed = documents(sets)
    info = read_info(args.card) if args.card else {}
    metrics = card_metrics(sets, info.get("metrics", {}))
    stale = bool(args.card) and metrics != info.get("metrics")
    names = [path.name for path in changed] + [args.card.name] * stale
    if not args.check:
        for path, text in changed.items():
            write_atomic(path, text)
        if stale:
            write_info(args.card, info | {"metrics": metrics})
    for name in names:
        print(f"{name} {'would change' if args.check else 'written'}")
    if not names:
        print("all as the evaluations have it")
    return 1 if args.check and names else 0


if __name__ == "__main__":
    end(main)
