# Everything a fresh machine needs: Python >= 3.11 with pip, git and make.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
PYTHON ?= $(shell for p in $(CANDIDATES); do $$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := -m pip --disable-pip-version-check install -qq

# Tests keep what they download in the repository; a model that the user has is not fetched again.
TEST_HOME := $(CURDIR)/.cache/hotloop
HOTLOOP_MODELS ?= $(or $(XDG_DATA_HOME),$(HOME)/.local/share)/hotloop/models

.PHONY: help install engine demo test unit model lint format bench clean lock

help:
	@echo "make demo    the agent fixes a failing test with the embedded model"
	@echo "make test    lint, types, layers and all tests (also on the real models)"
	@echo "make engine  llama.cpp built for this processor, which hotloop then uses (minutes, once)"
	@echo "make unit    the tests that need no model"
	@echo "make bench   the task suite on the embedded model"
	@echo "make format  format the code"

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo "hotloop needs Python 3.11 or newer: set PYTHON=/path/to/python" >&2; exit 1; fi
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { echo "$(PYTHON) is older than 3.11: set PYTHON" >&2; exit 1; }
	@echo "installing into $(VENV), once"
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || \
	  { $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install -qq pip; }
	@$(BIN)/python $(PIP) --require-hashes -r requirements.lock
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# The source of the installed engine, its hash checked. Needs cmake and a C++ compiler.
NATIVE := $(VENV)/native
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
NATIVE_FLAGS := -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DBUILD_SHARED_LIBS=OFF -DLLAMA_OPENSSL=OFF \
  -DLLAMA_BUILD_UI=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF
engine: $(STAMP)
	@command -v cmake >/dev/null || { echo "cmake is missing: install it, and a C++ compiler" >&2; exit 1; }
	@rm -rf $(NATIVE) && mkdir $(NATIVE)
	@sed -n '/^xllamacpp==/,/[^\\]$$/p' requirements.lock > $(NATIVE)/source.txt
	@$(BIN)/python -m pip --disable-pip-version-check download -qq --no-deps --no-binary xllamacpp --require-hashes -d $(NATIVE) -r $(NATIVE)/source.txt
	@tar -xzf $(NATIVE)/xllamacpp-*.tar.gz -C $(NATIVE) --strip-components=1
	@echo "building llama.cpp for this processor, which takes minutes"
	@{ cmake -S $(NATIVE)/thirdparty/llama.cpp -B $(NATIVE)/build $(NATIVE_FLAGS) && \
	  cmake --build $(NATIVE)/build --target llama-server --parallel $(JOBS); } > $(NATIVE)/log 2>&1 || \
	  { tail -n 30 $(NATIVE)/log >&2; exit 1; }
	@cp $(NATIVE)/build/bin/llama-server $(BIN)/llama-server && rm -rf $(NATIVE)

# For example: make demo ARGS="--model qwen2.5-coder-0.5b"
demo: $(STAMP)
	@$(BIN)/python -m examples.demo $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports --no-cache --no-logo

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

unit: $(STAMP)
	$(BIN)/python -m pytest -n auto -m "not model"

model: $(STAMP)
	HOTLOOP_HOME="$(TEST_HOME)" HOTLOOP_MODELS="$(HOTLOOP_MODELS)" $(BIN)/python -m pytest -m model

test: lint
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory model

bench: $(STAMP)
	$(BIN)/python -m bench.loops

lock: $(STAMP)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
