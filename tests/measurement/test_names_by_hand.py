"""Names that a person set hold against what other films, or a given level, would make of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kummell_ai.measurement.naming import name_films
from kummell_ai.measurement.results import Severity
from tests.measurement.spines import L
from tests.measurement.test_naming import FIVE, OFF, SURE, codes, film, names

ROW = "T11 T12 L1 L2 L3"


@pytest.mark.parametrize("by_hand_first", [True, False])
def test_films_with_evidence_are_named_to_fit_one_named_by_hand(by_hand_first: bool) -> None:
    films = [film(None, "hand"), film(OFF, "other")]
    named, findings = name_films(films if by_hand_first else films[::-1])
    assert [names(f) for f in named] == [ROW, ROW]
    assert named[0 if by_hand_first else 1] is films[0]
    assert codes(findings) == ["names-corrected"]
    assert "on other the names T10 to L2 are changed to T11 to L3" in findings[0].message


@pytest.mark.parametrize("evidence", [FIVE, SURE])
def test_a_given_level_does_not_move_names_set_by_hand(evidence: dict[str, float]) -> None:
    """The injured vertebra is certain, but a film is named by hand: the names stay and that is told."""
    films = [film(None, "hand"), film(evidence, "other")]
    named, findings = name_films(films, L.T12)
    assert [names(f) for f in named] == [ROW, ROW]
    (told,) = [f for f in findings if f.code == "names-not-pinned"]
    assert (told.severity, told.level) == (Severity.WARNING, L.T12)
    assert "looks injured is L1, and the names stay because a film has names set by hand" in told.message
    assert "names-not-pinned" not in codes(name_films([film(evidence, "a"), film(evidence, "b")], L.T12)[1])


@pytest.mark.parametrize("given", [None, L.T12])
def test_a_film_on_which_nothing_was_found_has_no_say(given: L | None) -> None:
    """An evaluation names all films of a patient together, also those on which no vertebra was found."""
    one = film(OFF, "other")
    empty = replace(one, landmarks=replace(one.landmarks, vertebrae=(), level_evidence=None), vertebrae=())
    alone, _ = name_films([one], given)
    named, _ = name_films([empty, one], given)
    assert named[0] is empty
    assert [v.level for v in named[1].vertebrae] == [v.level for v in alone[0].vertebrae]
    if given is None:
        assert named[1] is one, "there is no second film to be named together with"
