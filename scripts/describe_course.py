"""Mean and spread of the true measurements of simulated patients before surgery, after it and at follow-up.

Patients with screws, every film in its own posture; then those before surgery by posture.

python scripts/describe_course.py [--patients 150] [--seed 0] [--templates DIR] [key=value ...]
"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from kummell_ai.cli import options
from kummell_ai.synthesis.anatomy.anatomy_model import Individual, sample_individual
from kummell_ai.synthesis.case import banks_of
from kummell_ai.synthesis.disease.course import State, pose, sample_course
from kummell_ai.synthesis.recipe import Recipe, load_recipe
from kummell_ai.synthesis.truth import true_measurements

Values = dict[str, float]
SHOWN = (
    "anterior_height_mm",
    "posterior_height_mm",
    "reference_height_mm",
    "height_loss_percent",
    "wedge_angle_deg",
    "segmental_cobb_deg",
    "local_kyphosis_deg",
)


def individual_of(seed: int, recipe: Recipe) -> Individual:
    return sample_individual(seed, banks_of(recipe, seed), recipe.anatomy)


def measured(seed: int, recipe: Recipe) -> list[tuple[State, Values]]:
    """States of a patient and the truth of a film of each."""
    individual = individual_of(seed, recipe)
    out = []
    for k, state in enumerate(sample_course(individual, recipe)):
        spine = pose(individual, state, np.random.default_rng([seed, 9, k]))
        assert state.index_level is not None
        out.append((state, true_measurements({v.level: v.corners_mm for v in spine}, state.index_level)))
    return out


def summary(values: list[Values], name: str) -> str:
    found = np.array([v[name] for v in values])
    return f"{found.mean():6.1f} ± {found.std(ddof=1):4.1f}" if len(found) > 1 else "-"


def main() -> None:
    parser = options.Parser(description=__doc__)
    parser.add_argument("--patients", type=options.positive, default=150, help="how many (default: 150)")
    parser.add_argument("--seed", type=int, default=0, help="of the first patient (default: 0)")
    parser.add_argument("--templates", action="append", default=[], help="folder of bones; may be repeated")
    parser.add_argument("overrides", nargs="*", help="recipe keys, for example film.postures=0")
    args = parser.parse_args()
    recipe = load_recipe(None, args.overrides, templates=args.templates or None)
    patients = [measured(seed, recipe) for seed in range(args.seed, args.seed + args.patients)]
    fixed = [p for p in patients if p[-1][0].screws]
    print(f"{len(fixed)} of {len(patients)} patients with screws: pre-op, post-op, follow-up")
    for name in SHOWN:
        print(f"{name:<24}" + "   ".join(summary([p[k][1] for p in fixed], name) for k in range(3)))
    changes = [
        {name: p[2][1][name] - p[1][1][name] for name in ("segmental_cobb_deg", "anterior_height_mm")} for p in fixed
    ]
    print("follow-up minus post-op " + ", ".join(f"{name} {summary(changes, name)}" for name in changes[0]))
    by_posture = defaultdict(list)
    for p in patients:
        by_posture[p[0][0].posture].append(p[0][1])
    print("\npre-op by posture: " + ", ".join(f"{k.value} {len(v)}" for k, v in by_posture.items()))
    for name in SHOWN[:2] + SHOWN[3:6]:
        print(f"{name:<24}" + "   ".join(summary(v, name) for v in by_posture.values()))
    states = [p[0][0] for p in patients]
    kinds = Counter(s.fractures[s.index_level].kind.value for s in states)
    others = sum(any(c.kind and level is not s.index_level for level, c in s.fractures.items()) for s in states)
    late = sum(len(p[2][0].fractures) > len(p[1][0].fractures) for p in patients)
    lips, gas = sum(bool(s.osteophytes) for s in states), sum(s.cleft for s in states)
    lengths = np.array([lip.length_mm for s in states for on_level in s.osteophytes.values() for lip in on_level])
    rims = sum(
        2 * (len(individual_of(seed, recipe).vertebrae) - 1) for seed in range(args.seed, args.seed + len(states))
    )
    print(f"\nfracture types {dict(kinds)}")
    print(
        f"rims with a spur {100 * len(lengths) / rims:.0f} %, longer than 2 mm {100 * (lengths > 2).sum() / rims:.0f} %"
    )
    print(f"patients with old fractures {others}, osteophytes {lips}, open cleft {gas}, fracture at follow-up {late}")


if __name__ == "__main__":
    from ending import end

    end(main)
