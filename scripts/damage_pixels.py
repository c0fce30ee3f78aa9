"""How many films are measured whose compressed pixels are damaged: a table by codec.

    python scripts/damage_pixels.py [--film FILE] [--count 150]

FILE is any film that the reader reads (default: one of the example's, which is simulated). It is saved with each codec,
then COUNT times with one to five random bytes of the codestream changed (seeds 0 to COUNT - 1). Of each codec the table
gives how many of these are refused, how many are read, and how many of those have over 2 % of their pixels off by over
5 % of the grey range.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.encaps import encapsulate, get_frame

from kummell_ai.dicom import read_radiograph, write_simulated_dicom
from kummell_ai.errors import InputError

EXAMPLE = Path(__file__).parents[1] / "examples" / "patient-01" / "SIM00000004-1-post-op.dcm"
DAY = dt.datetime(2024, 1, 1)
OFF_BY, OFF_SHARE = 0.05, 0.02
LOSSLESS = {"RLE": uid.RLELossless, "JPEG-LS": uid.JPEGLSLossless, "JPEG 2000": uid.JPEG2000Lossless}


def plain_film(source: Path, path: Path) -> pydicom.FileDataset:
    """The film without compression, as DICOM at ``path``."""
    film = read_radiograph(source)
    write_simulated_dicom(path, film.pixels, spacing=film.spacing, patient_id="damaged", acquired=DAY)
    dataset = pydicom.dcmread(path)
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress()
        dataset.save_as(path)
    return dataset


def jpeg_lossless(path: Path) -> bytes:
    """The codestream of the film at ``path`` as JPEG Lossless, first-order prediction."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    out = path.with_name("lossless.dcm")
    writer.SetFileName(str(out))
    writer.Write()
    return get_frame(pydicom.dcmread(out).PixelData, 0, number_of_frames=1)


def with_stream(dataset: pydicom.FileDataset, stream: bytes, syntax: str, path: Path) -> Path:
    """The film at ``path`` with ``stream`` for its pixels."""
    dataset.file_meta.TransferSyntaxUID = uid.UID(syntax)
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path)
    return path


def mutant(stream: bytes, start: int, seed: int) -> bytes:
    """``stream`` with one to five bytes changed behind ``start``."""
    rng, out = np.random.default_rng(seed), bytearray(stream)
    for at in rng.integers(start, len(stream) - 2, int(rng.integers(1, 6))):
        out[at] = int(rng.integers(256))
    return bytes(out)


def count(stream: bytes, start: int, number: int, save: Callable[[bytes], Path]) -> tuple[int, int, int]:
    """Of ``number`` damaged films those refused, those read, and those of the latter that are wrong."""
    whole = read_radiograph(save(stream)).pixels
    refused = wrong = 0
    for seed in range(number):
        try:
            wrong += _is_wrong(read_radiograph(save(mutant(stream, start, seed))).pixels, whole)
        except InputError:
            refused += 1
    return refused, number - refused, wrong


def _is_wrong(pixels: NDArray[np.float32], whole: NDArray[np.float32]) -> bool:
    return pixels.shape != whole.shape or bool((np.abs(pixels - whole) > OFF_BY).mean() > OFF_SHARE)


def scan_start(stream: bytes) -> int:
    """Behind the header of the last scan of a JPEG."""
    return stream.rfind(b"\xff\xda") + 10


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--film", type=Path, default=EXAMPLE)
    parser.add_argument("--count", type=int, default=150)
    args = parser.parse_args()
    rows: list[tuple[str, tuple[int, int, int]]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.dcm"
        dataset = plain_film(args.film, path)
        stream = jpeg_lossless(path)

        def saved(syntax: str) -> Callable[[bytes], Path]:
            return lambda own: with_stream(pydicom.dcmread(path), own, syntax, path.with_name("out.dcm"))

        rows.append(("JPEG Lossless", count(stream, scan_start(stream), args.count, saved(uid.JPEGLosslessSV1))))
        for name, syntax in LOSSLESS.items():
            packed = pydicom.dcmread(path)
            packed.compress(syntax, generate_instance_uid=False)
            stream = get_frame(packed.PixelData, 0, number_of_frames=1)
            rows.append((name, count(stream, 64 if name == "RLE" else 200, args.count, saved(syntax))))
        rows += _pictures(dataset.pixel_array, path.with_name("film"), args.count)
    print("| codec | refused | read | of these wrong |\n|---|---|---|---|")
    for name, (refused, read, wrong) in rows:
        print(f"| {name} | {refused} | {read} | {wrong} |")


def _pictures(pixels: NDArray[Any], path: Path, number: int) -> list[tuple[str, tuple[int, int, int]]]:
    eight = Image.fromarray((pixels / max(int(pixels.max()), 1) * 255).astype("u1"))
    kinds: dict[str, dict[str, Any]] = {
        "JPEG baseline": {"format": "JPEG", "quality": 90},
        "JPEG progressive": {"format": "JPEG", "quality": 90, "progressive": True},
    }
    rows = []
    for name, options in kinds.items():
        file = io.BytesIO()
        eight.save(file, **options)
        stream = file.getvalue()

        def save(own: bytes) -> Path:
            path.write_bytes(own)
            return path

        start = stream.find(b"\xff\xda") + 10
        rows.append((name, count(stream, start, number, save)))
    return rows


if __name__ == "__main__":
    from ending import end

    end(main)
