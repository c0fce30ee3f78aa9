"""Tiny DICOM films made for the tests: any tag, any transfer syntax."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate

ROWS, COLUMNS = 36, 40


def ramp(dtype: str = "u2", top: int = 4095) -> NDArray[Any]:
    """(36, 40) rising to the right and downwards, 0 to about ``top``."""
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    return np.asarray((columns * 64 + rows * 45) * top // (39 * 64 + 35 * 45), dtype=dtype)


def dataset(
    stored: NDArray[Any] | None = None, *, syntax: str = uid.ExplicitVRLittleEndian, **tags: Any
) -> FileDataset:
    """A DX data set with ``stored`` (H, W) uncompressed; ``tags`` set or, when None, delete elements."""
    stored = ramp() if stored is None else stored
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = uid.DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    meta.TransferSyntaxUID = uid.UID(syntax)
    native = uid.UID(syntax)
    film = FileDataset("", {}, bytes(128), meta, native.is_implicit_VR, native.is_little_endian)
    film.SOPClassUID, film.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3.4"
    film.Modality, film.PatientID, film.PatientName = "DX", "P1", "Test^Film"
    film.AcquisitionDate = "20240102"
    film.Rows, film.Columns = stored.shape[-2:]
    film.SamplesPerPixel, film.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = stored.dtype.itemsize * 8
    film.BitsAllocated = bits
    film.BitsStored = 12 if bits == 16 and stored.dtype.kind == "u" else bits
    film.HighBit = film.BitsStored - 1
    film.PixelRepresentation = int(stored.dtype.kind == "i")
    if stored.ndim == 3:
        film.NumberOfFrames = len(stored)
    order = ">" if syntax == uid.ExplicitVRBigEndian else "<"
    film.PixelData = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    film["PixelData"].VR = "OB" if bits == 8 else "OW"
    for keyword, value in tags.items():
        if value is None:
            delattr(film, keyword)
        else:
            setattr(film, keyword, value)
    return film


def save(path: Path, film: FileDataset) -> Path:
    """Write ``film`` as its transfer syntax asks."""
    film.save_as(path, enforce_file_format=True)
    return path


def put_stream(film: FileDataset, stream: bytes, syntax: str) -> FileDataset:
    """Replace the pixels by one compressed frame."""
    film.file_meta.TransferSyntaxUID = uid.UID(syntax)
    film.PixelData = encapsulate([stream])
    film["PixelData"].VR = "OB"
    film["PixelData"].is_undefined_length = True
    return film


def compressed(syntax: str, stored: NDArray[Any] | None = None, **tags: Any) -> FileDataset:
    """A film compressed by whichever encoder the syntax needs."""
    if syntax == uid.JPEGBaseline8Bit:
        picture = BytesIO()
        eight = ramp("u1", 255)
        Image.fromarray(eight).save(picture, "JPEG", quality=100)
        return put_stream(dataset(eight, **tags), picture.getvalue(), syntax)
    if syntax in (uid.JPEGLossless, uid.JPEGLosslessSV1):
        return put_stream(dataset(**tags), JPEG_LOSSLESS, syntax)
    if syntax == uid.HTJ2KLossless:
        return put_stream(dataset(**tags), HTJ2K, syntax)
    film = dataset(stored, **tags)
    if syntax == uid.JPEGLSNearLossless:
        film.compress(syntax, encoding_plugin="pyjpegls", jls_error=2, generate_instance_uid=False)
    elif syntax == uid.JPEG2000:
        film.compress(syntax, j2k_cr=[2], generate_instance_uid=False)
    else:
        film.compress(syntax, generate_instance_uid=False)
    return film


HTJ2K = b64decode(
    "/0//UQApQAAAAAAoAAAAJAAAAAAAAAAAAAAAKAAAACQAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCIkJCQkJCQkJ"
    "CQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAhkAAf+TwAArACsAv/Sj7znkAsM0AMAAE0AAEoDH5QCLdACz/jIzAMAA"
    "FTAABPAABIDJATj+CfCCdQAJrswrfLQA/QHjAMAAFqwAAVkAAFQAgBIkAAQAoARJJQIP6T/otID9tXsAcC/czQDI+QW1lBgAT/oShyy1dgDAAB"
    "dTAABdPAABbIACBID0+A8A8AAJPIKEACAg4hEAAPng5+9m6TBp5a+yq7zZzquuDFMUAQACAACAmalUZlYylZnKBD0QgPdRCA9zjdtt1o2nk0vz"
    "e+/Zgdg5AQAQGBAg/gdfef5t983fO41arxX3zbMzAwHAAC9ogABezwAAvRwAAD8AAAD4AQAAAPgBAACA3w8AwO8HAACAHwAAAMAPAADQD0kC+P"
    "2ApcTxOM0YqpnW2tpbS2diZbS2lUqrODqqzLNstm7lstlskv9yS8neXeV927y7y7y7yG7d5ds7a1kIBw6HQ6HRBAAAAAAAAAAAAAAAAACrBTAA"
    "w7QYgGG1WADDNCyAYRoW0P4AIQI48IQI48IQI9IQga5QhA5q6mUJZtlvRLZbPlN6qm9bN+Wy2Wy2WyQWyS8O2tZWta1ra22brba2rWpsvkqVFR"
    "UoNQQACAABCAkBAAAAQKIA+gO2y2fKb1q9vWzflstlstlstlstkl4dtYXbWtbW21i22tq1qbWHm1rWtbVB51QyhLNsza83NzcJA//Z"
)
"""``imagecodecs.htj2k_encode(ramp(), reversible=True)`` with imagecodecs 2026.3.6 (OpenJPH)."""

JPEG_LOSSLESS = b64decode(
    "/9j/xAAXAAEBAQEAAAAAAAAAAAAAAAAFBwYM/8MACwwAJAAoAQARAP/aAAgBAAAGAADn/wCgUCg0CgUGgUGgUCg0CgUGgUGgUCg0CgUGgUGgUC"
    "g0CgUGgUGgUCg0CgUGga1dhZdhZdddhZdhZdddhZdhZdddhZdhZdddhZdhZfWrrrsLLsLLrrsLLsLLrrsLLsLLrrsLLsLLrrsLLsa1hZdddhZd"
    "hZdddhZdhZdddhZdhZdddhZdhZhZdhbXLLsLLrrsLLsLLrrsLLsLLrrsLLsLMLLsLLrrsLL61dhZdhZdddhZdhZdddhZdhZhZdhZdddhZdhZdd"
    "djWrrrsLLsLLrrsLLsLMLLsLLrrsLLsLLrrsLLsLLr61hZdddhZdhZhZdhZdddhZdhZdddhZdhZdddhZdhbXLLsLMLLsLLrrsLLsLLrrsLLsLL"
    "rrsLLsLLrrsLL61dhZdddhZdhZdddhZdhZdddhZdhZdddhZdhZdddjWsLLsLLrrsLLsLLrrsLLsLLrrsLLsLLrrsLLsLLr61ddhZdhZdddhZdh"
    "ZdddhZdhZdddhZdhZdddhZdhbXLLrrsLLsLLrrsLLsLLrrsLLsLLrrsLLsLMLLsLL61dhZdddhZdhZdddhZdhZdddhZdhZhZdhZdddhZdjWsLL"
    "sLLrrsLLsLLrrsLLsLMLLsLLrrsLLsLLrrsLa1ddhZdhZdddhZdhZhZdhZdddhZdhZdddhZdhZddfXLLrrsLLsLMLLsLLrrsLLsLLrrsLLsLLr"
    "rsLLsLL61dhZhZdhZdddhZdhZdddhZdhZdddhZdhZdddhZdjWsLLrrsLLsLLrrsLLsLLrrsLLsLLrrsLLsLLrrsLa5ZdhZdddhZdhZdddhZdhZ"
    "dddhZdhZdddhZdhZhZfWrsLLsLLrrsLLsLLrrsLLsLLrrsLLsLMLLsLLrrsa1dddhZdhZdddhZdhZdddhZdhZhZdhZdddhZdhZdfWsLLrrsLLs"
    "LLrrsLLsLMLLsLLrrsLLsLLrrsLLsLa5ZdhZdddhZdhZhZdhZdddhZdhZdddhZdhZdddhZfWrsLLsLMLLsLLrrsLLsLLrrsLLsLLrrsLLsLLrr"
    "sa1hZdhZdddhZdhZdddhZdhZdddhZdhZdddhZdhZdfWrrsLLsLLrrsLLsLLrrsLLsLLrrsLLsLLrrsLLsLa5ZdddhZdhZdddhZdhZdddhZdhZd"
    "ddhZdhZdddhZfWrsLLrrsLLsLLrrsLLsLLrrsLLsLLrrsLLsLMLLsa1hZdhZdddhZdhZdddhZdhZdddhZdhZhZdhZdddhbWrrsLLsLLrrsLLsL"
    "LrrsLLsLMLLsLLrrsLLsLLrr65ZdddhZdhZdddhZdhZhZdhZdddhZdhZdddhZdhZfWrsLLrrsLLsLMLLsLLrrsLLsLLrrsLLsLLrrsLLsa1hZd"
    "hZhZdhZdddhZdhZdddhZdhZdddhZdhZdddhbXLLsLLrrsLLsLLrrsLLsLLrrsLLsLLrrsLLsLLrr61dhZdhZdddhZdhZdddhZdhZdddhZdhZdd"
    "dhZdhZj/2Q=="
)
"""``imagecodecs.ljpeg_encode(ramp(), bitspersample=12)`` with imagecodecs 2026.3.6."""
