# Everything runs in .venv, which the first target builds from the pinned, hashed requirements.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup run docs test bits bits-job mutants test-slow test-gpu gpu-check nightly lint format lock ui clean

help:  ## Show these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(VENV)/.ready  ## Build the virtual environment (.venv)

$(VENV)/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else f"Thawline needs Python 3.11 to 3.13, but {sys.executable} is {v.major}.{v.minor}: make PYTHON=/path/to/python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.txt
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

run: setup  ## Run the pipeline, on SOURCE=PATH where given: what changed is built and published
	@$(BIN)/thawline run $(if $(SOURCE),--set 'ingest.source=$(subst ','\'',$(SOURCE))')

test: setup  ## Run the tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not gpu and not chaos"

bits: setup  ## Compare three small trainings to the bit with benchmarks/bits.json (BLESS=1 writes it)
	@$(BIN)/python -m benchmarks.bits $(if $(BLESS),--bless)

bits-job: setup  ## The same of the default job, in minutes
	@$(BIN)/python -m benchmarks.bits --job $(if $(BLESS),--bless)

mutants: setup  ## Make known mistakes in core logic, each in a copy, and see that a test notices
	@$(BIN)/python -m benchmarks.mutants

test-slow: setup  ## Run the tests that take minutes
	@$(BIN)/python -m pytest -m slow

test-gpu: setup  ## Run the tests that need CUDA
	@$(BIN)/python -m pytest -m gpu

gpu-check: setup  ## Check precision, freezing, cache, speed and a small search on CUDA, in minutes
	@$(BIN)/python benchmarks/gpu_check.py $(CHECK)

nightly: setup  ## All that takes hours: slow tests, kills at every write (SEED=N repeats a draw)
	@$(BIN)/python benchmarks/nightly.py $(if $(SEED),--seed $(SEED))

lint: setup  ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup  ## Build the pages of docs/ into build/docs; a warning is an error
	@$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --fresh-env docs build/docs
	@echo "The pages: build/docs/index.html"

format: setup  ## Rewrite the code in the project's style
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock:  ## Renew requirements.txt from pyproject.toml, and what stages know of it
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --group dev pyproject.toml -o requirements.txt
	@awk -F'==|: | ' 'NR == FNR { at[$$1] = $$2; next } /^[a-z]/ { $$0 = $$1 ": \"" at[$$1] "\"" } 1' \
		requirements.txt components/versions.yaml > components/versions.yaml.new
	@mv components/versions.yaml.new components/versions.yaml

ui: setup  ## Open MLflow's pages on the local store (PORT=5001 for another port)
	@$(BIN)/thawline ui $(if $(PORT),--port $(PORT))

clean:  ## Remove what was built here: the environment, caches, outputs (the store in mlflow/ stays)
	rm -rf $(VENV) .thawline build dvc_plots .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
