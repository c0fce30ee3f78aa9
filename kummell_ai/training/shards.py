"""Shards of films or crops on disk: how one is read, what it is known by wherever its folder lies, and what made it."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kummell_ai import __version__
from kummell_ai.errors import ConfigError, InputError
from kummell_ai.synthesis.recipe import Recipe

MADE_BY = "made_by"
"""Entry of a shard of simulated films: what makes them again, as `made_by` gives it."""

NOT_RECORDED = "not recorded; data_note says it"

_DAMAGED = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile)


class ShardFacts(NamedTuple):
    """What a shard is known by.

    Attributes:
        content: hash of all that it holds; a copy of the file has the same.
        looks: films or crops in it.
        simulated: whether it says what simulated its films.
    """

    content: str
    looks: int
    simulated: bool


class Shards(Protocol):
    """What reads a folder of shards."""

    folder: Path
    known: dict[str, ShardFacts]
    """Of the shards read so far, by file name."""


def load_shard(path: Path, kind: str, needed: Sequence[str]) -> tuple[dict[str, NDArray[Any]], ShardFacts]:
    """All entries of a shard of ``kind`` (films or crops), and what it is known by.

    Raises:
        InputError: it is damaged, or lacks an entry of ``needed``.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            shard = {name: archive[name] for name in {*needed, *archive.files}}
            return shard, _facts(archive)
    except _DAMAGED as error:
        raise InputError(f"{path.name} is not a whole shard of {kind} ({error}); write it again", path) from error


def read_facts(path: Path) -> ShardFacts | None:
    """What a shard is known by, without reading its pixels; None where there is no whole one."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return _facts(archive)
    except _DAMAGED:
        return None


def _facts(archive: Any) -> ShardFacts:
    """Of an open shard; its file keeps a checksum of every entry, so that none has to be read for the hash."""
    sums = sorted((entry.filename, entry.file_size, entry.CRC) for entry in archive.zip.infolist())
    content = hashlib.sha256(repr(sums).encode()).hexdigest()[:16]
    return ShardFacts(content, len(archive["spacing_mm"]), MADE_BY in archive.files)


def check_kept(key: str, reader: Shards, begun: Mapping[str, ShardFacts], runs: str) -> None:
    """Whether the folder that ``key`` of the configuration names still has the shards that a run began with.

    Raises:
        ConfigError: one is not there or holds something else; more shards than then are no fault.
    """
    for name, facts in begun.items():
        found = reader.known.get(name) or read_facts(reader.folder / name)
        if found is None or found.content != facts.content:
            has = "has none" if found is None else "has another"
            raise ConfigError(
                f"{runs} holds a run with {name} among its {key}, {reader.folder} {has} of that name; "
                f"give another folder as runs, or the {key} it began with to go on",
                key,
            )


def described(known: Iterable[ShardFacts], simulated: str) -> str:
    """What a model card says of films that nobody wrote a note about, from what their shards say.

    Args:
        known: of the shards trained on.
        simulated: words for so many looks at simulated films, as ``{:,} simulated films``.

    >>> described([ShardFacts("", 64, True), ShardFacts("", 2000, True)], "{:,} simulated films")
    '2,064 simulated films'
    >>> described([ShardFacts("", 64, True), ShardFacts("", 9, False)], "{:,} simulated films")
    '64 simulated films, and 9 of which nothing is recorded; data_note says it'
    >>> described([ShardFacts("", 9, False)], "{:,} simulated films")
    'not recorded; data_note says it'
    """
    counts = {True: 0, False: 0}
    for facts in known:
        counts[facts.simulated] += facts.looks
    if not counts[True]:
        return NOT_RECORDED
    rest = f", and {counts[False]:,} of which nothing is recorded; data_note says it" if counts[False] else ""
    return simulated.format(counts[True]) + rest


def made_by(recipe: Recipe, seed: int, films: int, *, crops: bool) -> str:
    """What makes the ``films`` of a shard again, the first by ``seed``, as JSON; ``crops``: made of the same films."""
    made = {"films": films, "seed": seed, "crops": crops, "recipe": asdict(recipe), "version": __version__}
    return json.dumps(made)


def check_made(path: Path, by: str) -> None:
    """Whether a shard that is there is the one that would be made; of older ones the seeds of the films have to do.

    Args:
        path: of the shard.
        by: as `made_by` gives it.

    Raises:
        InputError: it is damaged, or was made by something else.
    """
    asked, then = _flat(json.loads(by)), _made(path)
    for key in then:
        if then[key] != asked.get(key):
            raise InputError(
                f"{path} was made with {key}={then[key]}, asked for is {asked.get(key)}; give another folder, the same "
                "settings to go on, or delete that shard to have it made again",
                key,
            )


def _made(path: Path) -> dict[str, Any]:
    """What a shard was made by, as far as it says."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            if MADE_BY in archive.files:
                return _flat(json.loads(str(archive[MADE_BY])))
            seeds = archive["seeds"]
            of_films = len(np.unique(seeds)) == len(seeds)  # a film gives several crops, or none
            return {"films": len(seeds), "seed": int(seeds[0])} if of_films else {}
    except _DAMAGED as error:
        raise InputError(f"{path} is not a whole shard ({error}); delete it to have it made again", path) from error


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values under keys with dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
