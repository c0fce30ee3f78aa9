"""What a cohort could not use, said as it happens and kept for the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kummell_ai.cli import console
from kummell_ai.cohort.problems import Fault, Problem

LEAST_WORD = 4

OPTIONS = {
    "--surgery-date": "surgery_date",
    "--index-level": "index_level",
    "--surgical-segment": "surgical_segment",
}
"""What a remedy of other commands calls an option is a column of the manifest here."""

_QUOTES_CELLS = frozenset(
    (
        *(Fault.UNKNOWN_PHASE, Fault.UNKNOWN_LEVEL, Fault.BAD_DATE, Fault.BAD_NUMBER, Fault.OUT_OF_RANGE),
        *(Fault.UNKNOWN_COLUMN, Fault.DECIMAL_COMMA),
    )
)
"""Faults whose lines repeat what stands in a cell."""

_WORD_BEGINS, _WORD_ENDS = re.compile(r"(?<!\w)"), re.compile(r"(?!\w)")
_NAMED_HERE = re.compile(r"(?<=\bpatient )|(?<=\bmanifest )")


@dataclass(slots=True)
class Losses:
    """What could not be used, said as it happens.

    Attributes:
        lines: what has been said.
        refused: films that are not used.
        unused: films that are measured and not in the statistics.
        problems: all else.
        secrets: text that must not be shown, and what stands for it.
        hides_cells: whether what stands in a cell is kept out of the lines too; anything may stand there.
    """

    lines: console.Problems
    refused: list[Problem] = field(default_factory=list)
    unused: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    hides_cells: bool = False
    _lengths: Sequence[int] = ()
    _counted: int = 0

    def scrub(self, text: str) -> str:
        """The text with every secret replaced, longest first; what stands for one is not looked at again.

        A short one, such as a patient called 7, is replaced where a patient is named; elsewhere it is a number. One
        that is not ASCII, such as a Chinese name, is replaced wherever it stands, as no blanks part words there.
        """
        parts, at = [], 0
        for start, end in sorted(self._secrets_in(text)):
            parts += [text[at:start], self.secrets[text[start:end]]]
            at = end
        return "".join((*parts, text[at:]))

    def _secrets_in(self, text: str) -> list[tuple[int, int]]:
        """Where secrets stand in the text (start, end), longest first, none over another.

        The secrets are thousands, of few lengths: a look-up a place and length costs the same for any number of them.
        """
        if len(self.secrets) != self._counted:  # they only grow in number
            self._counted, self._lengths = len(self.secrets), sorted({len(s) for s in self.secrets} - {0}, reverse=True)
        starts = [word.start() for word in _WORD_BEGINS.finditer(text)] if text.isascii() else range(len(text))
        found: list[tuple[int, int]] = []
        for length in self._lengths:
            for start in starts:
                end = start + length
                is_named = end <= len(text) and text[start:end] in self.secrets and _stands_alone(text, start, end)
                if is_named and all(end <= first or last <= start for first, last in found):
                    found.append((start, end))
        return found

    def refuse(self, fault: Fault, place: str, reason: str) -> None:
        """A film that is not used."""
        for option, column in OPTIONS.items():
            reason = reason.replace(option, f"{column} in a manifest")
        problem = self._scrubbed(Problem(fault, place, reason.removeprefix(f"{place}: ")))
        self.refused.append(problem)
        self.lines.fail(problem.place, problem.text)

    def leave_out(self, problem: Problem, *, say: bool) -> None:
        """A film that is measured and not in the statistics."""
        problem = self._scrubbed(problem)
        self.unused.append(problem)
        if say:
            self.lines.warn(problem.place, problem.text)

    def warn(self, problem: Problem) -> None:
        """An input that is used with a limit, or not used and no film."""
        problem = self._scrubbed(problem)
        self.problems.append(problem)
        self.lines.warn(problem.place, problem.text)

    def _scrubbed(self, problem: Problem) -> Problem:
        text = problem.text
        if self.hides_cells and problem.fault in _QUOTES_CELLS:
            text = re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", "'…'", text)
        text = self.scrub(text)
        finding = problem.finding and replace(problem.finding, message=text)
        return replace(problem, place=self.scrub(problem.place), text=text, finding=finding)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a secret is meant there: a word, after "patient" or "manifest" if it is short, or no ASCII."""
    if not text[start:end].isascii():
        return True
    before = _WORD_BEGINS if end - start >= LEAST_WORD else _NAMED_HERE
    return before.match(text, start) is not None and _WORD_ENDS.match(text, end) is not None
