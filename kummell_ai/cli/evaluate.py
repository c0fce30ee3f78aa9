"""``kummell-ai evaluate``: a model held against films whose truth is known."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kummell_ai.anatomy import Facing
from kummell_ai.cli import console, exits, models, options
from kummell_ai.cli.console import Problems
from kummell_ai.cli.files import check_out, results_in, say_stale
from kummell_ai.errors import InputError, UsageError

if TYPE_CHECKING:
    from kummell_ai.annotations import AnnotatedFilm
    from kummell_ai.evaluation.dataset import Evaluation, UnusedFilm
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
        "--workers",
        type=options.positive,
        default=1,
        metavar="N",
        help=f"processes, one a processor core, and no more than {options.MOST_PROCESSES} (default: 1)",
    )
    parser.add_argument(
        "--gallery",
        type=_gallery,
        default=MOST_PICTURES,
        metavar="N",
        help="pictures of the worst films, of a third at most (default: 12)",
    )
    parser.add_argument("--seed", type=options.seed, default=0, metavar="N", help="of the bootstrap (default: 0)")
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


def run(args: argparse.Namespace) -> int:
    """Write the report, the tables and the JSON files, and print the main columns.

    An annotation or film that cannot be read is said and left out; one that the network refuses is said, and counts as
    missed.
    """
    from kummell_ai.cli import evaluation_files

    folder = check_out(args.out)
    _refuse_folder_of_set(args.dataset, folder)
    evaluation_files.check(folder)
    before = results_in(folder, (evaluation_files.TRUTH,))
    predictor = models.load_predictor(args.model, precision=args.precision, device=args.device)
    faults: list[UnusedFilm] = []
    try:
        films, written = _read_set(args, folder, faults)
        result = _judge(args, films, predictor)
    except InputError as error:
        for fault in faults:
            console.say(console.one_line(fault.name, fault.reason))
        console.say(console.one_line(str(args.dataset), str(error)))
        return exits.NONE_USABLE
    result = replace(result, unused=(*faults, *result.unused))
    problems = _say_problems(result)
    _say_exchanged(result)
    facts = _facts(args, films, predictor, result, problems)
    evaluation_files.write(folder, args.dataset, result, facts, seed=args.seed)
    say_stale(folder, before, written, problems)
    _tell(args, result, facts)
    return int(facts["exit_code"])


def _read_set(
    args: argparse.Namespace, folder: Path, faults: list[UnusedFilm]
) -> tuple[Sequence[AnnotatedFilm], Sequence[Path]]:
    """The films to judge, and the COCO file of all films of the set, where they have none that can be used as it is.

    Args:
        args: of the command.
        folder: for that file.
        faults: gets the annotations that cannot be used.

    Raises:
        InputError: the annotations cannot be read, or no film is left.
        UsageError: a file of another kind would be replaced.
    """
    from kummell_ai.annotations import detect_form, read_annotations
    from kummell_ai.cli import evaluation_files
    from kummell_ai.evaluation.dataset import UnusedFilm

    def note(name: str, error: InputError) -> None:
        faults.append(UnusedFilm(name, str(error)))

    form = detect_form(args.dataset) if args.form == "auto" else args.form
    facing = None if args.facing is None else Facing(args.facing)
    films = read_annotations(args.dataset, form, facing=facing, on_fault=note)
    if faults and not films:
        raise InputError(f"{args.dataset}: no film is left; correct what is said above", str(args.dataset))
    is_usable = form == "coco" and facing is None and not faults
    written = [] if is_usable else [evaluation_files.write_truth(folder, args.dataset, films)]
    return [replace(film, details=()) for film in films[: args.limit]], written


def _judge(args: argparse.Namespace, films: Sequence[AnnotatedFilm], predictor: models.Locator) -> Evaluation:
    """The films held against their truth, behind a progress bar.

    Raises:
        InputError: there is no film, or none can be used.
        KummellError: a process was ended from outside.
    """
    from kummell_ai.evaluation.dataset import evaluate_films

    with console.counter("evaluating", len(films)) as advance:
        return evaluate_films(
            args.dataset,
            films,
            predictor,
            progress=lambda done, of: advance(1),
            keep_worst=args.gallery,
            workers=min(args.workers, options.useful_processes()),
            make_predictor=partial(models.load_predictor, args.model, precision=args.precision, device=args.device),
        )


def _facts(
    args: argparse.Namespace,
    films: Sequence[AnnotatedFilm],
    predictor: models.Locator,
    result: Evaluation,
    problems: Problems,
) -> dict[str, Any]:
    """Of the run, as ``--json`` gives them."""
    unused = {film.name for film in result.unused}
    return {
        "command": "evaluate",
        "dataset": str(args.dataset),
        "films": len(result.films),
        "simulated": sum(f.landmarks.reference.simulated for f in films if f.file_name not in unused),
        "model": predictor.bundle.name,
        "weights_sha256": predictor.bundle.weights_sha256,
        **models.options_of(predictor),
        "rows": list(result.rows),
        "failed": problems.failed,
        "exit_code": exits.exit_code(len(result.films), len(problems.failed)),
    }


def _tell(args: argparse.Namespace, result: Evaluation, facts: dict[str, Any]) -> None:
    if args.json:
        console.tell_json(facts)
        return
    console.tell_table(_table(result.rows))
    console.tell(_MEANING)
    console.tell(f"{_count(result, facts['simulated'])}; all figures in {args.out / 'summary.csv'}")
    console.tell(f"Report: {args.out / 'report.html'}")


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
