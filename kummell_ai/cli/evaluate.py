"""``kummell-ai evaluate``: a model held against films whose truth is known."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kummell_ai.anatomy import Facing
from kummell_ai.cli import console, exits, models, options, outputs
from kummell_ai.cli.console import Problems
from kummell_ai.cli.earlier import check_drawn
from kummell_ai.cli.files import check_out, check_replaced, check_tables, results_in, say_stale, write_atomic
from kummell_ai.errors import InputError, UsageError

if TYPE_CHECKING:
    from kummell_ai.evaluation.dataset import Evaluation
    from kummell_ai.evaluation.summary import Row

SHOWN = {
    "found_percent": "found, %",
    "corner_median_mm": "corner median, mm",
    "corner_p90_mm": "corner 90th, mm",
    "corner_median_percent": "corner median, % of depth",
    "segmental_cobb_mae_deg": "Cobb MAE, °",
    "wedge_angle_mae_deg": "wedge MAE, °",
    "anterior_height_mae_mm": "height MAE, mm",
}
"""Columns of the terminal table; all of them stand in the files."""

_MEANING = "Corner: distance of found from true corner, median and 90th percentile. MAE: mean absolute error."

EXCHANGED_PERCENT = 70.0
"""Median corner error of a film (% of depth) beyond which front and back seem exchanged: that makes it some 100 %."""

MOST_PICTURES = 12
"""Pictures in the report at most."""


_FORMS = "auto, coco, buu-lspine, mendeley, nhanes2, labelme, label-studio, cvat"
"""`annotations.FORMS`, which cannot be asked without loading all readers."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("evaluate", help="a model against films whose truth is known")
    parser.add_argument(
        "dataset",
        type=options.path_of_input,
        metavar="DATASET",
        help="annotated set: folder or file; see docs/annotations.md",
    )
    parser.add_argument(
        "--out", required=True, type=options.path_of_input, metavar="DIR", help="folder for the results, not the set's"
    )
    options.add_model(parser)
    parser.add_argument(
        "--form", type=_form, default="auto", metavar="FORM", help=f"of the annotations: {_FORMS} (default: auto)"
    )
    parser.add_argument("--facing", choices=("left", "right"), help="front of all films, for sets that do not say")
    parser.add_argument("--limit", type=options.positive, metavar="N", help="only the first N films")
    parser.add_argument(
        "--workers", type=options.positive, default=1, metavar="N", help="processes, one a processor core (default: 1)"
    )
    parser.add_argument(
        "--gallery",
        type=_gallery,
        default=MOST_PICTURES,
        metavar="N",
        help="pictures of the worst films, of a third at most (default: 12)",
    )
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="of the bootstrap (default: 0)")
    options.add_json(parser)
    parser.set_defaults(run=run)


def _form(text: str) -> str:
    from kummell_ai.annotations import FORMS

    if text not in FORMS:
        raise argparse.ArgumentTypeError(f"{text!r} is no form of annotations; use one of {', '.join(FORMS)}")
    return text


def _gallery(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_PICTURES:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of pictures; use 0 to {MOST_PICTURES}")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no seed; use a whole number of 0 or more")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Write the report, the tables and the JSON files, and print the main columns.

    An annotation or film that cannot be read is said and left out; one that the network refuses is said, and counts as
    missed.
    """
    from kummell_ai.annotations import as_coco, read_coco
    from kummell_ai.cli import evaluation_files
    from kummell_ai.evaluation import evaluate_dataset
    from kummell_ai.evaluation.dataset import UnusedFilm
    from kummell_ai.evaluation.study import study_of

    folder = check_out(args.out)
    _refuse_folder_of_set(args.dataset, folder)
    check_tables(folder, evaluation_files.columns())
    check_drawn([folder / "report.html"])
    check_replaced([folder / "summary.json"], evaluation_files.SCHEMA.removesuffix("1"))
    before = results_in(folder, ("truth.json",))
    predictor = models.load_predictor(args.model, precision=args.precision, device=args.device)
    faults: list[UnusedFilm] = []
    facing = None if args.facing is None else Facing(args.facing)
    try:
        coco = as_coco(
            args.dataset,
            folder / "truth.json",
            args.form,
            facing=facing,
            on_fault=lambda name, error: faults.append(UnusedFilm(name, str(error))),
        )
        annotated = read_coco(coco)[: args.limit]
        total = len(annotated)
        with console.counter("evaluating", total) as advance:
            result = evaluate_dataset(
                coco,
                predictor,
                limit=args.limit,
                progress=lambda done, of: advance(1),
                keep_worst=args.gallery,
                workers=args.workers,
                make_predictor=partial(models.load_predictor, args.model, precision=args.precision, device=args.device),
            )
    except InputError as error:
        for fault in faults:
            console.say(console.one_line(fault.name, fault.reason))
        console.say(console.one_line(str(args.dataset), str(error)))
        return exits.NONE_USABLE
    result = replace(result, unused=(*faults, *result.unused))
    problems = _say_problems(result)
    _say_exchanged(result)
    unused = {film.name for film in result.unused}
    simulated = sum(f.landmarks.reference.simulated for f in annotated if f.file_name not in unused)
    code = exits.exit_code(len(result.films), len(problems.failed))
    facts = {
        "command": "evaluate",
        "dataset": str(args.dataset),
        "films": len(result.films),
        "simulated": simulated,
        "model": predictor.bundle.name,
        "weights_sha256": predictor.bundle.weights_sha256,
        **models.options_of(predictor),
        "rows": list(result.rows),
        "failed": problems.failed,
        "exit_code": code,
    }
    _write(folder, facts, result.rows)
    study = study_of(result.films, result.together, seed=args.seed)
    evaluation_files.write(folder, coco.parent, result, study, facts)
    say_stale(folder, before, {coco}, problems)
    if args.json:
        console.tell_json(facts)
    else:
        console.tell_table(_table(result.rows))
        console.tell(_MEANING)
        console.tell(f"{_count(result, simulated)}; all figures in {folder / 'summary.csv'}")
        console.tell(f"Report: {folder / 'report.html'}")
    return code


def _refuse_folder_of_set(dataset: Path, out: Path) -> None:
    """The tables of an evaluation have names that those of a simulated set have, too."""
    own = dataset if dataset.is_dir() else dataset.parent
    if dataset.exists() and own.resolve() == out.resolve():
        raise UsageError(f"--out {out}: the set lies there, and its files would be replaced; name another folder", out)


def _say_problems(result: Evaluation) -> Problems:
    """A line for each film that was not used or refused."""
    problems = Problems()
    for film in result.unused:
        problems.fail(film.name, film.reason)
    for film in result.refused:
        problems.fail(film.name, f"refused, all its vertebrae count as missed: {film.reason}")
    return problems


def _say_exchanged(result: Evaluation) -> None:
    """Say on which films the true corners seem to be named by the wrong side of the front."""
    import numpy as np

    exchanged = []
    for film in result.films:
        errors = np.array([v.corners.percent for v in film.vertebrae if v.corners is not None])
        known = errors[np.isfinite(errors)]
        exchanged += [film.name] if known.size and np.median(known) > EXCHANGED_PERCENT else []
    if exchanged:
        named = console.first_of(exchanged)
        text = f"the true front lies where the model finds the back ({named}); look at them, and check --facing"
        console.say(f"{len(exchanged)} of {len(result.films)} films: {text}")


def _count(result: Evaluation, simulated: int) -> str:
    films = f"{len(result.films)} film{'' if len(result.films) == 1 else 's'}"
    some = "all" if simulated == len(result.films) else f"{simulated}"
    origin = f", {some} simulated" if simulated else ""
    return f"{films}{origin}, {len(result.refused)} of them refused, {len(result.unused)} more not usable"


def _write(folder: Path, facts: dict[str, Any], rows: Sequence[Row]) -> None:
    from kummell_ai.reporting.table import to_csv

    columns = list(dict.fromkeys(name for row in rows for name in row))
    write_atomic(folder / "evaluation.json", outputs.json_text(facts))
    write_atomic(folder / "evaluation.csv", to_csv(columns, rows))


def _table(rows: Sequence[Row]) -> object:
    from rich.table import Table

    table = Table()
    names = ("stratum", "phase", "vertebrae", *(name for name in SHOWN if any(name in row for row in rows)))
    for name in names:
        is_word = name in ("stratum", "phase")
        table.add_column(SHOWN.get(name, name), justify="left" if is_word else "right", no_wrap=is_word)
    for row in rows:
        table.add_row(*(_text(row.get(name), 1 if "percent" in name else 2) for name in names))
    return table


def _text(value: float | int | str | None, digits: int) -> str:
    if value is None:
        return "–"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)
