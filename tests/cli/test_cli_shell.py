"""What does not need a film: help, info, file names, imports."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from kummell_ai.cli import console, exits, files, models
from kummell_ai.cli.main import main
from kummell_ai.shipped import model_folders

HEAVY = ("torch", "lightning", "albumentations", "numba", "cv2", "scipy", "pydicom")


@pytest.mark.parametrize(
    "action",
    [
        "import kummell_ai",
        "from kummell_ai.cli.main import main; main(['--help'])",
        "from kummell_ai.cli.main import main; main(['measure', '--help'])",
        "from kummell_ai.cli.main import main; main(['info', '--json'])",
    ],
)
def test_nothing_heavy_is_imported(action: str) -> None:
    code = f"import sys; {action}; print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_the_package_runs_as_a_module() -> None:
    asked = [sys.executable, "-m", "kummell_ai"]
    done = subprocess.run([*asked, "info", "--json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["packages"]["torch"]
    wrong = subprocess.run([*asked, "measur"], capture_output=True, text=True)
    assert wrong.returncode == exits.WRONG_USE
    assert wrong.stderr.startswith("kummell-ai: ")


def test_info_names_versions_models_and_codecs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert set(facts) == {"version", "python", "platform", "packages", "codecs", "models", "statement"}
    assert facts["packages"]["torch"]
    assert main(["info"]) == 0
    assert "Research use, not a medical device" in capsys.readouterr().out


def test_shipped_models_carry_the_hash_that_results_name() -> None:
    from kummell_ai.landmarks.checkpoint import load_bundle

    for model, folder in zip(models.shipped_models(), model_folders(), strict=True):
        assert model["weights_sha256"] == load_bundle(folder).weights_sha256
        assert (folder / "weights.safetensors").stat().st_size <= 25e6
    assert sum(model["bytes"] for model in models.shipped_models()) <= 30e6  # both stages of all models


def test_no_command_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == exits.WRONG_USE
    assert "see kummell-ai --help" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("kummell-ai ")


@pytest.mark.parametrize(
    "hostile", ["../../etc/passwd", "a/b\\c", "..", "", "CON", "x" * 500, "Über=1", "-rf", "\x00\n"]
)
def test_file_names_are_safe_and_distinct(hostile: str) -> None:
    name = files.safe_name(hostile)
    assert name not in ("", ".", "..")
    assert not set(name) & set("/\\:=\x00\n ")
    assert not name.startswith(("-", "."))
    assert len(name) <= files.MAX_NAME
    assert files.safe_name(hostile + "!") != name


def test_stems_differ_even_by_case() -> None:
    stems = files.unique_stems([Path("a/IM1.dcm"), Path("b/im1.dcm"), Path("c/IM2.dcm")])
    assert len({stem.lower() for stem in stems.values()}) == 3
    assert stems[Path("c/IM2.dcm")] == "IM2"


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.write_atomic(tmp_path / "a.txt", "old")

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        files.write_atomic(path, "new")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


def test_lines_hold_no_control_characters() -> None:
    assert console.one_line("a\x1b[31m.dcm", "bad\n\x07 thing") == "a [31m.dcm: bad thing"


@pytest.mark.parametrize("command", ["measure", "series"])
def test_an_unknown_option_points_to_the_help_of_its_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "a.dcm", "--out", "b", "--spacng", "1"]) == exits.WRONG_USE
    err = capsys.readouterr().err
    assert err == f"kummell-ai {command}: unrecognized arguments: --spacng 1; see kummell-ai {command} --help\n"


@pytest.mark.parametrize("unbuffered", ["1", ""])
def test_output_that_nobody_reads_is_no_success(unbuffered: str) -> None:
    read, write = os.pipe()
    os.close(read)
    code = "import sys; from kummell_ai.cli.main import main; sys.exit(main(['info', '--json']))"
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, env=environment)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="no such terminals there")
@pytest.mark.parametrize("redirected", [False, True])
def test_results_do_not_stand_in_the_line_of_the_progress_bar(redirected: bool) -> None:
    screen, terminal = os.openpty()
    code = "from kummell_ai.cli.console import tell, track\nfor i in track(range(3), 'measuring', 3): tell(f'film {i}')"
    out = subprocess.PIPE if redirected else terminal
    env = {**os.environ, "TERM": "xterm"}
    run = subprocess.run([sys.executable, "-c", code], stdin=terminal, stdout=out, stderr=terminal, env=env, check=True)
    os.close(terminal)
    shown = b""
    with suppress(OSError):  # the end of what a terminal shows
        while read := os.read(screen, 1 << 16):
            shown += read
    os.close(screen)
    assert b"measuring" in shown
    if redirected:
        assert run.stdout == b"film 0\nfilm 1\nfilm 2\n"
        assert b"film" not in shown
    else:
        assert [len(re.findall(rb"(?:^|\n|\x1b\[2K)film %d\r?\n" % i, shown)) for i in range(3)] == [1, 1, 1]


@pytest.mark.skipif(sys.platform == "win32", reason="no such shell there")
@pytest.mark.parametrize(("closed", "said"), [(">&-", ""), ("2>&-", "kummell_ai "), (">&- 2>&-", "")])
def test_a_closed_output_is_no_traceback(closed: str, said: str) -> None:
    line = f'exec "{sys.executable}" -m kummell_ai.cli.main info {closed}'
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout[: len("kummell_ai ")] == said
