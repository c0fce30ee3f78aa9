"""Every python block of the documents runs; every command in them is one the parser knows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from kummell_ai.cli.main import build_parser

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[object]:
    found = []
    for page in PAGES:
        for i, match in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8"))):
            if match[1] == language:
                found.append(pytest.param(match[2], id=f"{page.relative_to(ROOT).as_posix()}-{i}"))
    return found


@pytest.mark.parametrize("code", blocks("python"))
def test_python_blocks_run(code: str) -> None:
    exec(compile(code, "document", "exec"), {})


def commands() -> list[str]:
    lines = [line.split("#")[0].strip() for block in blocks("sh") for line in block.values[0].splitlines()]  # type: ignore[attr-defined]
    return sorted({line for line in lines if "kummell-ai " in line})


@pytest.mark.parametrize("line", commands())
def test_commands_parse(line: str) -> None:
    words = shlex.split(line.split("kummell-ai ", 1)[1].replace("--count N", "--count 3"))
    assert build_parser().parse_args(words).run


def test_make_targets_in_the_documents_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for target in re.findall(r"\bmake (demo|test|check|[a-z]+)\b(?=`| |\n)", page.read_text(encoding="utf-8")):
            if target in ("demo", "test", "check", "fix", "clean"):
                assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_links_between_documents_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not link.startswith("http") and "pictures/" not in link:
                assert (page.parent / link).exists(), f"{page.name} links to {link}"
