"""Measured against truth: points, names, quantities, intervals; by stratum."""

from kummell_ai.evaluation.dataset import Evaluation, Locator, evaluate_dataset
from kummell_ai.evaluation.figures import Figure
from kummell_ai.evaluation.films import evaluate_film
from kummell_ai.evaluation.matching import Matching, match_vertebrae
from kummell_ai.evaluation.points import CornerErrors, corner_errors
from kummell_ai.evaluation.results import FilmResult, QuantityError, VertebraResult
from kummell_ai.evaluation.study import Study, study_of
from kummell_ai.evaluation.summary import summarise

__all__ = [
    "CornerErrors",
    "Evaluation",
    "Figure",
    "FilmResult",
    "Locator",
    "Matching",
    "QuantityError",
    "Study",
    "VertebraResult",
    "corner_errors",
    "evaluate_dataset",
    "evaluate_film",
    "match_vertebrae",
    "study_of",
    "summarise",
]
