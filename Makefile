# make demo | make test | make check      variables: PYTHON, VENV, WORKERS
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= out/demo
COHORT ?= out/cohort
WORKERS ?= 2
# Files of tests are shared out whole, as what several tests of a file need is made once.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# torch asks for as many threads as it sees; films are small and machines are shared.
export OMP_NUM_THREADS ?= 2

.PHONY: help demo cohort test check fix clean

help:
	@echo "make demo    set up, measure the example patient, print the table and the path of the report"
	@echo "make cohort  simulate 20 patients, report on them, print truth beside measured"
	@echo "make test    set up and run all tests, in WORKERS processes"
	@echo "make check   lint, types, tests with coverage gates: what a change must pass"
	@echo "make fix     sort imports and format"

# One stamp per kind of set-up: it is done again only when the requirements change.
$(VENV)/.user: pyproject.toml constraints.txt
	scripts/setup "$(PYTHON)" "$(VENV)"
	$(PIP) -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.user
	$(PIP) -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(VENV)/.user
	$(BIN)/kummell-ai series examples/patient-01 --out $(OUT)

cohort: $(VENV)/.user
	$(BIN)/python scripts/cohort_demo.py --out $(COHORT)

test: $(VENV)/.dev
	$(PYTEST)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) --cov=kummell_ai --cov-report=term:skip-covered
	$(BIN)/coverage report --fail-under=100 --include='kummell_ai/geometry/*,kummell_ai/quantities.py,kummell_ai/imaging/frames.py'

fix: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf out .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
