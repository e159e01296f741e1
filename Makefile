# Every target says what it does: `make` lists them.
# Debian's own Python first: it is built with profile-guided optimisation, which others often are not.
PYTHON ?= $(shell for p in /usr/bin/python3 python3; do \
  "$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
BIN := .venv/bin
RUN := $(BIN)/python -m
# Without it in the environment, make itself finds no program, though every shell does.
export PATH ?= /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test quick check format lock docs bench image clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.ready  ## Make .venv with everything pinned in requirements/dev.txt

.venv/.ready: requirements/dev.txt pyproject.toml
	@test -n "$(strip $(PYTHON))" || { echo "relay needs Python 3.11 or later with python3-venv; say which with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(RUN) pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	$(RUN) pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup  ## Tell the whole story once on this machine: refused, registered, passed
	$(BIN)/relay demo --once

test: setup  ## Run every test
	$(RUN) pytest --cov --cov-report=term

quick: setup  ## Run every test but the slow ones
	$(RUN) pytest -q -m "not slow"

check: setup  ## Lint, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup  ## Put the code in its usual shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header --quiet

lock: setup  ## Pin the newest dependencies that pyproject.toml allows
	$(BIN)/uv pip compile --group pyproject.toml:build --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header --quiet --upgrade -o requirements/build.txt
	$(LOCK) --upgrade -o requirements/relay.txt
	$(LOCK) --upgrade --extra reference -o requirements/reference.txt
	$(LOCK) --upgrade --extra reference --group dev -o requirements/dev.txt

docs: setup  ## Write the tables of the docs from the code
	$(RUN) tests.kit.tables

bench: setup  ## Measure CPU per call beside nginx (needs nginx and wrk)
	$(RUN) bench

image:  ## Build the container image (needs buildah)
	buildah bud --format docker -t relay .

clean:  ## Remove what the other targets made
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage bench/out
