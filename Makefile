# SPDX-License-Identifier: Apache-2.0
# Every target sets up what it needs, once: a stamp file remembers it until its lock file changes.
#
#   make hall    the hall in the browser, with the main job on real input running beside it
#   make demo    the main job on real input, or on a simulated part where there is none
#   make test    all tests            make lint, make types    the linters, the type check
#   make bench   races against the peers, in an environment of its own (RACES="points meshes" picks)
#   make wheel   a wheel that carries the compiled kernels, in dist/
#   make lock    new lock files from pyproject.toml

SHELL := /bin/sh
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BENCH := .venv-bench
WORKERS ?= 2
PIP := -m pip --disable-pip-version-check install -qq --require-hashes --no-deps
LINK := -m pip --disable-pip-version-check install -qq --no-deps --no-build-isolation --no-index
WEB := $(shell find web -type f -not -path '*/node_modules/*' 2>/dev/null)

.PHONY: hall demo test lint types format bench wheel lock clean
.DELETE_ON_ERROR:

hall: $(VENV)/run.stamp $(VENV)/web.stamp
	$(VENV)/bin/valley hall --demo

demo: $(VENV)/run.stamp $(VENV)/web.stamp
	$(VENV)/bin/valley demo
	$(VENV)/bin/valley demo --features

test: $(VENV)/dev.stamp $(VENV)/web.stamp
	$(VENV)/bin/python -m visionvalley.kernels.ahead
	$(VENV)/bin/python -m pytest -n $(WORKERS) $(TESTS)

lint: $(VENV)/dev.stamp
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check

types: $(VENV)/dev.stamp
	$(VENV)/bin/mypy

format: $(VENV)/dev.stamp
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

bench: $(BENCH)/bench.stamp
	$(BENCH)/bin/python -m visionvalley.kernels.ahead
	$(BENCH)/bin/python -m bench $(RACES)

wheel: $(VENV)/dev.stamp $(VENV)/web.stamp
	$(VENV)/bin/python tools/make_wheel.py

clean:
	rm -rf $(VENV) $(BENCH) .venv-lock build dist src/visionvalley/kernels/compiled .mypy_cache .ruff_cache .pytest_cache

# ---- set-up
$(VENV)/made.stamp $(BENCH)/made.stamp:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: apt install python3 python3-venv"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is too old: Python 3.11 or newer is needed"; exit 2; }
	$(PYTHON) -m venv $(@D)
	@touch $@

$(VENV)/run.stamp: requirements/run.lock pyproject.toml | $(VENV)/made.stamp
	@echo "Installing what Vision Valley needs into $(VENV) (once, a few minutes)"
	@$(VENV)/bin/python $(PIP) -r $<
	@$(VENV)/bin/python $(LINK) -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.lock requirements/readers.lock $(VENV)/run.stamp
	@echo "Installing what tests, linters and the type check need into $(VENV)"
	@$(VENV)/bin/python $(PIP) -r $<
	@$(VENV)/bin/python $(PIP) --ignore-requires-python -r requirements/readers.lock
	@touch $@

$(BENCH)/bench.stamp: requirements/bench.lock pyproject.toml | $(BENCH)/made.stamp
	@echo "Installing the peers into $(BENCH) (once; about 1 GB)"
	@$(BENCH)/bin/python $(PIP) -r $<
	@$(BENCH)/bin/python $(LINK) -e .
	@touch $@

$(VENV)/web.stamp: $(WEB) | $(VENV)/run.stamp
	@if [ -f web/build.py ]; then $(VENV)/bin/python web/build.py; fi
	@touch $@

# ---- lock files: every dependency for every supported Python, with the hashes of its files.
# Only `make lock` writes them: a fresh clone has no useful file times to decide by.
# Except readers.lock, written by hand: for Python 3.11 uv leaves out what states 3.13.
LOCK := .venv-lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-annotate --no-header pyproject.toml requirements/build.in

lock: .venv-lock/made.stamp
	$(LOCK) --extra cad --extra report --extra hall -o requirements/run.lock
	$(LOCK) --extra dev --extra cad --extra report --extra hall --extra postgresql -c requirements/run.lock -o requirements/dev.lock
	$(LOCK) requirements/bench.in -c requirements/run.lock -o requirements/bench.lock

.venv-lock/made.stamp:
	$(PYTHON) -m venv .venv-lock
	@.venv-lock/bin/python -m pip --disable-pip-version-check install -qq uv
	@touch $@
