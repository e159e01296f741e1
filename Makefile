# Every target says what it does: `make` lists them.
# Debian's own Python first: it is built with profile-guided optimisation, which others often are not.
PYTHON ?= $(shell for p in /usr/bin/python3 python3; do \
  "$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
BIN := .venv/bin
COMPILED := .venv-compiled/bin
RUN := $(BIN)/python -m
# Many a test waits more than it computes, so that each processor has one and a half of them.
TOGETHER := -q -n $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) * 3 / 2))) --dist loadfile --no-loadscope-reorder
QUICK := $(TOGETHER) -m "not slow"
SLOW := $(TOGETHER) -m "slow and not alone"
# These count calls a second or take much memory, and want the machine for themselves.
ALONE := -q -m alone
# A test that waits for another process may have waited in vain for a processor that others had: what failed is asked
# once more, by itself. Both answers are printed, and what fails twice has failed.
define run
$(1) || { test $$? = 1 && echo "Once more, by themselves:" && $(1) --cov-append -n 0 --last-failed --lfnf none; }
endef
# What stands around the path of a call rather than in it is shown once, with the source.
UNCOMPILED := $(addprefix --ignore=tests/,cli demo doctor $(patsubst %,e2e/test_%.py,faults mail overlap road vaults))
# Without what was kept of them, each of the many processes that tests start would read all modules anew.
unexport PYTHONDONTWRITEBYTECODE
# Without it in the environment, make itself finds no program, though every shell does.
export PATH ?= /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

.DEFAULT_GOAL := help
.PHONY: help setup compiled demo test quick test-source test-workers test-compiled mutants check format lock docs bench bench-quick bench-setup image clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.ready  ## Make .venv with everything pinned in requirements/dev.txt

.venv/.ready: requirements/dev.txt pyproject.toml
	@test -n "$(strip $(PYTHON))" || { echo "relay needs Python 3.11 or later with python3-venv; say which with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(RUN) pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	$(RUN) pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# In an environment of its own, from a wheel, so that no compiled module hides the source that was changed after it.
compiled: .venv-compiled/.ready  ## Make .venv-compiled: the same from a wheel with compiled modules (needs gcc, python3-dev)

.venv-compiled/.made: requirements/dev.txt
	@if [ "$$(id -u)" = 0 ] && ! { command -v gcc >/dev/null && \
	    test -e "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h"; }; then \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc python3-dev >/dev/null; fi
	$(PYTHON) -m venv --clear .venv-compiled
	$(COMPILED)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	echo "$(CURDIR)" > "$$($(COMPILED)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tests-and-bench.pth"
	@touch $@

.venv-compiled/.ready: .venv-compiled/.made pyproject.toml $(shell find relay -name '*.py')
	rm -rf build && mkdir build && cp -r relay pyproject.toml README.md LICENSE build
	cd build && HATCH_BUILD_HOOK_ENABLE_MYPYC=1 ../$(COMPILED)/python -m hatchling build -t wheel -d .
	$(COMPILED)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps --no-index build/*.whl
	rm -rf build
	@touch $@

demo: setup  ## Tell the whole story once on this machine: refused, registered, passed
	$(BIN)/relay demo --once

test: test-source test-workers test-compiled  ## Run every test: of the source, with two workers, and compiled

test-source: setup  ## Run every test against the source as it stands
	$(call run,$(RUN) pytest $(QUICK) --cov --cov-report=)
	$(call run,$(RUN) pytest $(SLOW) --cov --cov-append --cov-report=)
	$(call run,$(RUN) pytest $(ALONE) --cov --cov-append --cov-report=term)

quick: setup  ## Run every test but the slow ones
	$(call run,$(RUN) pytest $(QUICK))

test-workers: setup  ## Run the tests of the relay against two workers and their parent
	$(call run,TESTED_WORKERS=2 $(RUN) pytest $(TOGETHER) tests/front tests/gateway tests/corpora -m "not one_process")

test-compiled: compiled  ## Run the tests against the relay as the image has it, its hot modules compiled
	$(call run,PYTHONSAFEPATH=1 TESTED_COMPILED=1 $(COMPILED)/pytest $(QUICK) -o pythonpath=)
	$(call run,PYTHONSAFEPATH=1 TESTED_COMPILED=1 $(COMPILED)/pytest $(SLOW) $(UNCOMPILED) -o pythonpath=)
	$(call run,PYTHONSAFEPATH=1 TESTED_COMPILED=1 $(COMPILED)/pytest $(ALONE) $(UNCOMPILED) -o pythonpath=)

mutants: setup  ## Change the registry's rules in one place after the other, and see a test fail (some ten minutes)
	$(RUN) tests.kit.mutants

check: setup  ## Lint, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup  ## Put the code in its usual shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

PIN := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet
LOCK := $(BIN)/uv pip compile pyproject.toml $(PIN)
GROUP_LOCK := $(BIN)/uv pip compile $(PIN) --group pyproject.toml

lock: setup  ## Pin the newest dependencies that pyproject.toml allows
	$(GROUP_LOCK):build --upgrade -o requirements/build.txt
	$(LOCK) --upgrade -o requirements/relay.txt
	$(LOCK) --upgrade --extra reference -o requirements/reference.txt
	$(LOCK) --upgrade --extra aws --extra azure -o requirements/vaults.txt
	$(LOCK) --upgrade --extra reference --extra aws --extra azure --group dev -o requirements/dev.txt
	$(GROUP_LOCK):bench --upgrade -o requirements/bench.txt

docs: setup  ## Write the tables of the docs from the code
	$(RUN) tests.kit.tables

bench: bench-setup  ## Measure everything beside the peers and write docs/performance.md (under 20 minutes)
	PYTHONSAFEPATH=1 $(COMPILED)/python -m bench

bench-quick: bench-setup  ## Measure kept and one-shot calls only, and write nothing (under 3 minutes)
	PYTHONSAFEPATH=1 $(COMPILED)/python -m bench --quick

# The programs come from Debian. What only a peer needs gets an environment of its own, so that nothing else leans on it.
bench-setup: setup compiled bench/.venv/.ready
	@if [ "$$(id -u)" = 0 ] && ! { command -v nginx && command -v haproxy && command -v wrk; } >/dev/null; then \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light haproxy wrk >/dev/null; fi

bench/.venv/.ready: requirements/bench.txt
	$(PYTHON) -m venv --clear bench/.venv
	bench/.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/bench.txt
	@touch $@

image:  ## Build the container image (needs buildah)
	buildah bud --format docker -t relay .

clean:  ## Remove what the other targets made
	rm -rf .venv .venv-compiled build bench/.venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage bench/out
