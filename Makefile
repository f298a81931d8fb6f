# `make` lists the targets. Each of them first installs the project, if the pins have changed:
# into the virtual or conda environment that is active, or else into .venv beside this file.

ACTIVE := $(or $(VIRTUAL_ENV),$(CONDA_PREFIX))
PYTHON := "$(or $(ACTIVE),.venv)/bin/python"
# What .venv is made with.
PYTHON3 ?= python3
# Processes that share the tests; one more than two cores, since many tests wait for others.
WORKERS ?= 3
CONFIG ?= configs/experiment/digits.yaml
# A file of configs/trainer, without its ending.
TRAINER ?=
STUDY ?= configs/study/digits.yaml
SWEEP ?= configs/sweep/balancers.yaml

# How long `make fuzz` attacks each target.
SECONDS_EACH ?= 300

.PHONY: help setup train resume study sweep agent test fast oldest newest fuzz conformance docs lint format notebooks toy lock clean
.DELETE_ON_ERROR:

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "%-10s %s\n", $$1, $$2}' Makefile
	@echo 'ARGS reaches the program: make train ARGS="--trainer.max_epochs=5"'

setup: ## Install the project and its pinned dependencies (into the active environment or .venv)
	@$(PYTHON) scripts/install.py

train: setup ## Train as CONFIG says (by default the digits experiment) on a TRAINER (such as gpu), and test
	$(PYTHON) -m multitask fit --config $(CONFIG) $(TRAINER:%=--config configs/trainer/%.yaml) $(ARGS)

resume: setup ## Continue the training run in the folder RUN (by default the last one)
	$(PYTHON) -m multitask resume $(RUN) $(ARGS)

study: setup ## Compare methods over seeds as STUDY says, and write a report (again: continue)
	$(PYTHON) -m multitask study $(STUDY) $(ARGS)

sweep: setup ## Create the W&B sweep that the file SWEEP describes; prints the agent's command
	@$(PYTHON) scripts/sweep.py create $(SWEEP)

agent: setup ## Run trials of the sweep ID, one after the other (several agents share a sweep)
	@$(if $(ID),,echo >&2 'which sweep? make agent ID=..., as make sweep printed it'; exit 2)
	@$(PYTHON) scripts/sweep.py agent $(ID) $(ARGS)

test: setup ## Run all tests, WORKERS at a time
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

fast: setup ## Run the tests without the slow ones
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n $(WORKERS) --dist worksteal -m "not slow" $(ARGS)

oldest: $(if $(ACTIVE),,.venv/bin/python) ## Run the fast tests with the oldest versions that pyproject.toml allows
	$(PYTHON) -m pip install -c oldest.txt -e ".[dev]"
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n $(WORKERS) --dist worksteal -m "not slow" $(ARGS)

newest: $(if $(ACTIVE),,.venv/bin/python) ## Run all tests with the newest versions that there are
	$(PYTHON) -m pip install --upgrade --upgrade-strategy eager -e ".[dev]"
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

fuzz: setup ## Attack each kind of input for SECONDS_EACH with inputs that no test has tried yet
	FUZZ_SECONDS=$(SECONDS_EACH) OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n 0 -s tests/fuzz $(ARGS)

conformance: setup ## Make the table in docs/conformance.md from the tests
	OMP_NUM_THREADS=1 WRITE_TABLE=1 $(PYTHON) -m pytest tests/conformance -n $(WORKERS) --dist worksteal

docs: setup ## Build the site of the pages and the reference in build/site
	$(PYTHON) docs/build_site.py
	$(PYTHON) -m zensical build --strict --clean

lint: setup ## Check style and types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

format: setup ## Put the code into the project's style, and fix what can be fixed
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

notebooks: setup ## Run every notebook from top to bottom
	WHOLE_NOTEBOOKS=1 $(PYTHON) -m pytest tests/notebooks $(ARGS)

toy: setup ## Draw how the balancing methods solve problems without data
	$(PYTHON) benchmarks/toy.py $(ARGS)

lock: ## Pin what pyproject.toml allows in constraints.txt (newer versions: ARGS=--upgrade)
	$(PYTHON) -m pip install -e ".[dev]" $(ARGS)
	$(PYTHON) scripts/lock.py

clean: ## Remove caches and build leftovers; runs and environments stay
	rm -rf build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . \( -path ./.git -o -path ./.venv -o -path ./runs \) -prune -o \
	  -type d \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# Where no environment is active, .venv comes before anything that uses it.
setup lock: $(if $(ACTIVE),,.venv/bin/python)

.venv/bin/python:
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo >&2 \
	  "$(PYTHON3) is missing or older than 3.11: try make setup PYTHON3=python3.12"; exit 1; }
	@$(PYTHON3) -c 'import ensurepip, venv' 2>/dev/null || { echo >&2 \
	  "$(PYTHON3) lacks the module venv: install it (Debian, Ubuntu: python3-venv)"; exit 1; }
	$(PYTHON3) -m venv --clear .venv
