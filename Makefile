# Everything on a fresh machine with Python 3.11, git and make: `make demo`, `make test`.
# Java, Kafka and all packages are fetched once and kept.

PYTHON ?= $(firstword $(foreach name,python3.11 python3 python,$(shell command -v $(name) 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV_VERSION := 0.13.8
UV := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip
NAME ?= stream
# What a bench reads beside its own texts, where it takes such: folders, or clones of git.
REPOS ?=

# Compiled modules are kept, whatever the shell says: a worker starts in .6 s of CPU instead of 1.4.
unexport PYTHONDONTWRITEBYTECODE
PYTEST ?=
# Test processes, each with a Kafka of its own: most tests wait more than they compute.
WORKERS ?= 3

.PHONY: setup test lint demo bench lock clean

setup: $(STAMP)

# Only the lock and pyproject decide what is installed; sources are used in place (editable).
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || \
	  { echo "Midstream needs Python 3.11. Install it, or name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "No virtual environment could be made: on Debian, install python3.11-venv."; rm -rf $(VENV); exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) install --quiet --require-hashes -r requirements.lock
	$(UV) install --quiet --no-deps --no-build-isolation -e .
	@touch $(STAMP)

test: lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --durations 40 --durations-min 5 $(PYTEST)

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo
	$(BIN)/basedpyright

demo: setup
	$(BIN)/midstream demo

bench: setup
	$(BIN)/python bench/$(NAME).py $(REPOS)

lock: setup
	$(UV) compile pyproject.toml --extra dev --generate-hashes --no-annotate --no-emit-index-url \
	  --no-emit-find-links --no-header --python-version 3.11 -o requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .import_linter_cache
