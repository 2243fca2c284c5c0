# Two commands do everything on a fresh machine (Python 3.11 or newer, make, git):
#   make run     the main job: a master is killed under load, and what happened is judged
#   make test    the whole suite, on a real Docker engine with real servers
# `make help` lists the others.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SCENARIO ?= scenarios/master-kill.yml
TESTS ?= tests

.PHONY: help run test lint format bench tables schemas lock engine clean

help:  ## what there is to make
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

run: $(INSTALLED)  ## the main job (another one: make run SCENARIO=scenarios/master-pause.yml)
	$(BIN)/chaos run $(SCENARIO)

test: $(INSTALLED) engine lint  ## the whole test suite; installs and starts the engine it needs, as root on Debian
	$(BIN)/python -m pytest $(TESTS)

lint: $(INSTALLED)  ## style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)  ## puts the code into the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED) engine  ## the ratios: build speed, truth of the meter, cost of observing and of a run
	$(BIN)/python -m tests.benchmarks

tables: $(INSTALLED) engine  ## measures the tables of the documentation anew (takes long)
	$(BIN)/python -m tests.benchmarks.tables

schemas: $(INSTALLED)  ## writes the generated files anew: both JSON Schemas and the reference pages
	$(BIN)/chaos schema > chaos/scenario/scenario.schema.json
	$(BIN)/chaos schema --result > chaos/model/result.schema.json
	$(BIN)/python -m chaos.telemetry.metrics > docs/metrics.md
	$(BIN)/python docs/pages.py

lock: $(INSTALLED)  ## pins every dependency anew
	uv pip compile pyproject.toml --extra dev --extra server --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock

engine: $(INSTALLED)  ## a Docker engine, servers and tools for the tests
	$(BIN)/python .ci/engine

clean:  ## removes what making left behind (not the reports)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V); set PYTHON=" >&2; exit 3; }
	@$(PYTHON) -m venv $(VENV) || { echo "make: $(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 3; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
