"""Laws of coverage: what is counted, and that the strata share it out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.evaluation.coverage import Coverage, coverage_of
from tests.evaluation.made_results import film, missed, quantity, vertebra

rows = st.lists(
    st.tuples(st.floats(-20, 20), st.floats(0.5, 9.0), st.sampled_from(["", "fractured", "cemented"])), min_size=1
)


def told(films: list) -> dict[tuple[str, str], Coverage]:
    return {(c.subject, c.stratum): c for c in coverage_of(films)}


@settings(deadline=None, max_examples=40)
@given(rows)
def test_strata_share_out_what_is_counted(errors: list[tuple[float, float, str]]) -> None:
    films = [film(vertebra(quantity(e, 0.0, half), flags=(flag,) if flag else ())) for e, half, flag in errors]
    found = told(films)
    for subject in ("segmental_cobb", "corner ellipse"):
        every = found[subject, "all"]
        parts = [c for (name, stratum), c in found.items() if name == subject and stratum != "all"]
        assert every.n == sum(c.n for c in parts) == len(errors) * (4 if subject == "corner ellipse" else 1)
        for name in ("inside", "half_width"):
            assert getattr(every, name) == pytest.approx(sum(c.n * getattr(c, name) for c in parts) / every.n)
    assert found["segmental_cobb", "all"].inside == pytest.approx(
        sum(abs(e) <= half for e, half, _ in errors) / len(errors)
    )


def test_what_was_missed_and_what_has_no_interval_is_in_no_coverage() -> None:
    one = vertebra(quantity(3.0, 1.0, 4.0))
    bare = vertebra(quantity(3.0, 1.0))
    plain = told([film(one)])
    beside = told([film(one, missed())])
    assert list(beside) == list(plain)
    assert [(c.n, c.inside, c.half_width) for c in beside.values()] == [
        (c.n, c.inside, c.half_width) for c in plain.values()
    ]
    assert told([film(one), film(bare)])["segmental_cobb", "all"] == plain["segmental_cobb", "all"]
    assert coverage_of([film(missed())]) == []
