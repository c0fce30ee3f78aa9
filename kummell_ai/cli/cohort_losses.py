"""What a cohort could not use, said as it happens and kept for the page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from kummell_ai.cli import console
from kummell_ai.cohort.problems import Fault, Problem


@dataclass(slots=True)
class Losses:
    """What could not be used, said as it happens.

    Attributes:
        lines: what has been said.
        refused: films that are not used.
        unused: films that are measured and not in the statistics.
        problems: all else.
        secrets: text that must not be shown, and what stands for it.
    """

    lines: console.Problems
    refused: list[Problem] = field(default_factory=list)
    unused: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)

    def scrub(self, text: str) -> str:
        """The text with every secret replaced, longest first."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", self.secrets[secret], text)
        return text

    def refuse(self, fault: Fault, place: str, reason: str) -> None:
        """A film that is not used; what a remedy of other commands calls an option is a column of the manifest here."""
        reason = reason.replace("--index-level", "index_level in a manifest")
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
        return Problem(problem.fault, self.scrub(problem.place), self.scrub(problem.text))
