# Every target sets up what it needs in .venv; what is there already is left alone.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# As many workers as cores (`-n 0` in PYTEST_ARGS: none); a worker that has nothing left takes from others.
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal

.PHONY: demo test test-all coverage lint fmt types imports docs bench bench-gpu demo-model clean help
.DEFAULT_GOAL := help

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "Python 3.10 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# torch comes first and alone: with it in place nothing else asks for another build of it.
$(VENV)/.torch: $(VENV)/.created constraints.txt
	@echo "setting up $(VENV) (once; a minute or two)"
	@$(PIP) torch
	@touch $@

$(VENV)/.user: $(VENV)/.torch pyproject.toml
	@$(PIP) --editable '.[langchain,llama-index]'
	@touch $@

$(VENV)/.dev: $(VENV)/.torch pyproject.toml
	@$(PIP) --editable '.[dev]'
# Its own code alone, to compare with: span-marker, which it needs, cannot be imported beside these.
	@$(PIP) --no-deps llama-index-extractors-entity
	@touch $@ $(VENV)/.user

demo: $(VENV)/.user  ## relations and answers out of five papers, on the bundled model
	@$(BIN)/biogpt demo

test: lint types imports  ## lint, types, import rules and the tests of our own code
	@$(PYTEST) -m "not gpu and not slow" $(PYTEST_ARGS)

test-all: lint types imports  ## the same with the slow tests: peers, Ray, texts of any length
	@$(PYTEST) -m "not gpu" $(PYTEST_ARGS)

coverage: $(VENV)/.dev  ## all tests, and which lines they run; half as long again
	@$(PYTEST) --cov --cov-report=term -m "not gpu" $(PYTEST_ARGS)

lint: $(VENV)/.dev  ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## mypy --strict
	@$(BIN)/mypy

imports: $(VENV)/.dev  ## the import rules of ARCHITECTURE.md
	@$(BIN)/lint-imports

fmt: $(VENV)/.dev  ## put the code in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: $(VENV)/.dev  ## the site of the docs, in build/site/html; a dead link is an error
	@$(BIN)/python docs/site/docs_site.py

bench: $(VENV)/.dev  ## speed beside what one would use instead; some minutes
	@$(BIN)/python benchmarks/speed.py --sizes 1,8,32 --out runs/bench $(BENCH_ARGS)

# Nothing is set up, as nothing may be downloaded there: it takes .venv, or else what PYTHON has.
bench-gpu:  ## speed on one NVIDIA GPU, in less than nine minutes; REHEARSE=1: all its parts, on a CPU
	@PYTHONPATH=.:integrations $(firstword $(wildcard $(BIN)/python) $(PYTHON)) \
	  benchmarks/gpu.py $(if $(REHEARSE),--rehearse) $(BENCH_ARGS)

clean:  ## take .venv and the caches away
	@rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage dist
