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

# The source of the installed engine, its hash checked, built for this processor. On Linux by zig's
# clang from a wheel: what it makes reads a prompt 1.3 times as fast as gcc's. Elsewhere, and with
# `make engine TOOLCHAIN=`, by the system's own compiler.
NATIVE := $(VENV)/native
TOOLS := $(NATIVE)/tools
ZIG := $(CURDIR)/$(TOOLS)/ziglang/zig
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
TOOLCHAIN ?= $(if $(filter Linux,$(shell uname -s)),"-DCMAKE_C_COMPILER=$(ZIG);cc" "-DCMAKE_CXX_COMPILER=$(ZIG);c++" \
  "-DCMAKE_AR=$(CURDIR)/$(TOOLS)/ar" "-DCMAKE_RANLIB=$(CURDIR)/$(TOOLS)/ranlib" -DGGML_OPENMP=OFF)
NATIVE_FLAGS := -DCMAKE_BUILD_TYPE=Release -DCMAKE_EXE_LINKER_FLAGS=-s -DGGML_NATIVE=ON -DBUILD_SHARED_LIBS=OFF \
  -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF
engine: export ZIG_GLOBAL_CACHE_DIR = $(CURDIR)/$(TOOLS)/cache
engine: $(STAMP)
	@rm -rf $(NATIVE) && mkdir $(NATIVE)
	@sed -n '/^xllamacpp==/,/[^\\]$$/p' requirements.lock > $(NATIVE)/source.txt
	@$(BIN)/python -m pip --disable-pip-version-check download -qq --no-deps --no-binary xllamacpp --require-hashes -d $(NATIVE) -r $(NATIVE)/source.txt
	@tar -xzf $(NATIVE)/xllamacpp-*.tar.gz -C $(NATIVE) --strip-components=1
	@$(BIN)/python $(PIP) --require-hashes --target $(TOOLS) -r requirements-engine.lock
	@for tool in ar ranlib; do printf '#!/bin/sh\nexec "$(ZIG)" %s "$$@"\n' $$tool > $(TOOLS)/$$tool && chmod +x $(TOOLS)/$$tool; done
	@echo "building llama.cpp for this processor, which takes minutes"
	@{ $(TOOLS)/cmake/data/bin/cmake -S $(NATIVE)/thirdparty/llama.cpp -B $(NATIVE)/build $(NATIVE_FLAGS) $(TOOLCHAIN) && \
	  $(TOOLS)/cmake/data/bin/cmake --build $(NATIVE)/build --target llama-server --parallel $(JOBS); } > $(NATIVE)/log 2>&1 || \
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
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group engine --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --output-file requirements-engine.lock

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
