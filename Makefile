# Everything a fresh machine needs: Python >= 3.11, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install demo test unit lint bench clean lock

help:
	@echo "make demo   the agent fixes a failing test with the embedded model"
	@echo "make test   lint, types, layers and all tests (also on the real model)"
	@echo "make bench  the task suite on the embedded model"

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("hotloop needs Python 3.11 or newer, this is %d.%d: set PYTHON=python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)
	@$(BIN)/python -m examples.demo

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

unit: $(STAMP)
	$(BIN)/python -m pytest -m "not model" -n auto

test: lint
	$(BIN)/python -m pytest -n auto -m "not model"
	$(BIN)/python -m pytest -m model

bench: $(STAMP)
	$(BIN)/python -m bench.loops

lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis dist
