"""docs/output.md lists every code a finding can have, each with the severities that the package gives it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

from kummell_ai.measurement.results import Severity
from kummell_ai.reporting.finding_words_zh import FINDING_ZH
from tests.reporting.test_finding_words_zh import PACKAGE

PAGE = (Path(__file__).parents[2] / "docs" / "output.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([a-z-]+)` \| (\w+(?: or \w+)?) \| .+ \|$", PAGE.partition("## Findings")[2], re.MULTILINE)


def severities_in_code() -> dict[str, set[str]]:
    """Severities by code, of the calls that name both."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Finding":
                code, severity = call.args[:2]
                if isinstance(code, ast.Constant):
                    names = (n.attr for n in ast.walk(severity) if isinstance(n, ast.Attribute))
                    found[str(code.value)] |= {Severity[name].value for name in names}
    return {code: severities for code, severities in found.items() if severities}


def test_every_code_stands_once_on_the_page_and_no_other() -> None:
    codes = [code for code, _ in ROWS]
    assert sorted(codes) == sorted(FINDING_ZH), "the Chinese sentences are held against the code in their own test"


def test_severities_are_those_of_the_code() -> None:
    known = severities_in_code()
    assert len(known) > 40
    listed = {code: set(severities.split(" or ")) for code, severities in ROWS}
    assert {code: listed[code] for code in known} == known
