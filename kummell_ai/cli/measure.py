"""``kummell-ai measure``: every film by itself."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kummell_ai.cli import analysis, console, corners, exits, options, outputs
from kummell_ai.cli.console import Problems
from kummell_ai.cli.earlier import check_drawn, is_drawn, say_replaced
from kummell_ai.cli.files import (
    FILM_JSON,
    check_out,
    check_replaced,
    check_tables,
    is_result,
    is_table,
    labels,
    results_in,
    say_stale,
    unique_stems,
)

ENDINGS = (".json", ".overlay.svg", ".overlay.png")
"""Of the files of a film."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("measure", help="vertebrae, heights and angles of single films")
    options.add_inputs(parser)
    corners.add_corners(parser)
    parser.add_argument(
        "--formats",
        nargs="+",
        type=_format,
        default=list(outputs.FORMATS),
        metavar="FORMAT",
        help=f"what to write: {', '.join(outputs.FORMATS)} (default: these), or labelme, to correct corners; put it "
        "behind the films",
    )
    options.add_workers(parser)
    parser.set_defaults(run=run)


def _format(text: str) -> str:
    every = outputs.FORMATS + outputs.FURTHER
    if text not in every:
        known = f"{', '.join(every[:-1])} or {every[-1]}"
        raise argparse.ArgumentTypeError(f"{text!r} is no format; write {known}, and films before --formats")
    return text


def run(args: argparse.Namespace) -> int:
    """Measure the films and write a JSON and an overlay each, and tables over all."""
    problems = Problems()
    folder = check_out(args.out)
    paths = analysis.find_inputs(args.inputs, problems)
    analysis.check_one_frame(args, paths)
    if "json" in args.formats:
        check_replaced([folder / f"{stem}.json" for stem in unique_stems(paths).values()], FILM_JSON)
    if "csv" in args.formats:
        check_tables(folder, outputs.film_tables())
    if corners.LABELME in args.formats:
        corners.check_labelme(folder, unique_stems(paths).values())
    drawn = [kind for kind in outputs.DRAWN if kind in args.formats]
    check_drawn(folder / f"{stem}.overlay.{kind}" for stem in unique_stems(paths).values() for kind in drawn)
    films = _dry_run(args, paths, problems) if args.dry_run else _measure(args, folder, paths, problems)
    code = exits.exit_code(len(films), len(problems.failed))
    _tell(args, folder, films, problems, code)
    return code


def _dry_run(args: argparse.Namespace, paths: list[Path], problems: Problems) -> list[dict[str, Any]]:
    analysis.check_model(args)
    stems, names = unique_stems(paths), labels(paths)
    films = [(film.path, analysis.without_pixels(film.radiograph)) for film in analysis.read_all(paths, args, problems)]
    analysis.say_scales((film for _, film in films), problems)
    return [{"film": names[path], "stem": stems[path]} for path, _ in films]


def _measure(args: argparse.Namespace, folder: Path, paths: list[Path], problems: Problems) -> list[dict[str, Any]]:
    from kummell_ai.measurement.pipeline import with_given_level

    stems, shown = unique_stems(paths), labels(paths)
    films: list[dict[str, Any]] = []
    measurements, read = [], []
    before, written = _results_of_films(folder), set()
    for film in analysis.measure_all(paths, args, problems):
        measurement = film.measurement
        read.append(analysis.without_pixels(film.radiograph))
        if args.index_level is not None:
            measurement = with_given_level(measurement, args.index_level)
        say_replaced(folder, stems[film.path], measurement.reference, problems)
        files = outputs.write_film(
            folder, stems[film.path], film.radiograph, measurement, args.formats, args.index_level
        )
        written |= {folder / name for name in files.values()}
        measurements.append(measurement)
        analysis.say_film_warnings(measurement, shown[film.path], problems)
        if args.index_level is not None and measurement.at(args.index_level) is None:
            problems.warn(shown[film.path], f"{args.index_level} is not found; check the level names on the overlay")
        films.append(
            {
                "film": shown[film.path],
                "levels": [str(v.level) if v.level else None for v in measurement.vertebrae],
                "findings": [f.code for f in measurement.findings],
                "files": files,
            }
        )
        if not args.json:
            names = " ".join(str(v.level or "?") for v in measurement.vertebrae)
            count = len(measurement.vertebrae)
            console.tell(f"{shown[film.path]}: {count} vertebra{'' if count == 1 else 'e'} ({names})")
    analysis.say_scales(read, problems)
    if measurements and "csv" in args.formats:
        outputs.write_tables(folder, measurements, problems)
        written |= {folder / name for name in outputs.film_tables()}
    if measurements:
        say_stale(folder, before, written, problems)
    if not args.json:
        analysis.tell_of_intervals(measurements)
    return films


def _results_of_films(folder: Path) -> set[Path]:
    """The files of films and the tables over them in ``folder``, as an earlier run may have left them."""
    found = results_in(folder, (f"*{ending}" for ending in ENDINGS))
    tables = {folder / name for name, columns in outputs.film_tables().items() if is_table(folder / name, columns)}
    own = {path for path in found if (is_result(path, FILM_JSON) if path.suffix == ".json" else is_drawn(path))}
    return tables | own


def _tell(args: argparse.Namespace, folder: Path, films: list[dict[str, Any]], problems: Problems, code: int) -> None:
    if args.json:
        console.tell_json(
            {
                "command": "measure",
                "dry_run": args.dry_run,
                "out": str(folder),
                "films": films,
                "failed": problems.failed,
                "warnings": problems.warnings,
                "exit_code": code,
            }
        )
    elif args.dry_run:
        for film in films:
            console.tell(f"{film['film']}: would be measured and written as {film['stem']}.*")
    elif films:
        console.tell(f"{len(films)} film{'s' if len(films) != 1 else ''} measured; results in {folder}")
