"""A short run of scripts/fuzz_reader.py over one film of every kind; the script itself does the long form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dicom_films import compressed, dataset, ramp, save
from PIL import Image
from pydicom import uid

SCRIPT = Path(__file__).parents[2] / "scripts" / "fuzz_reader.py"
NATIVE = (uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian, uid.ExplicitVRBigEndian)
COMPRESSED = (
    uid.RLELossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.HTJ2KLossless,
    uid.JPEGBaseline8Bit,
)


def test_damaged_films_end_as_a_film_or_as_one_clear_error(tmp_path: Path) -> None:
    tags = {"ImagerPixelSpacing": [0.25, 0.25], "PatientOrientation": ["A", "F"], "WindowCenter": 2048}
    for syntax in NATIVE:
        save(tmp_path / f"{syntax}", dataset(syntax=syntax, **tags))
    for syntax in COMPRESSED:
        save(tmp_path / f"{syntax}", compressed(syntax, **tags))
    for kind in ("png", "tiff", "jpeg"):
        Image.fromarray(ramp("u1", 255)).save(tmp_path / f"picture.{kind}")
    command = [sys.executable, str(SCRIPT), "--films", str(tmp_path), "--count", "600"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "600 cases from 12 films" in done.stdout
