# The front door. `make help` lists what there is.
SHELL := /bin/bash
PYTHON ?= $(or $(shell command -v python3.11),python3)
EASEL_PORT ?= 8000
EASEL_STATE ?= .easel
export EASEL_PORT EASEL_STATE
BIN := .venv/bin
T ?= tests/unit tests/integration tests/e2e tests/conformance

.DEFAULT_GOAL := help
.PHONY: help install up demo test check fix fuzz clean contracts judge

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

install: .venv/installed ## install everything into .venv/

# torch first and by pip, which takes a CPU build where one is configured; the lock pins the rest, without CUDA.
# Compiled now, once: otherwise the first start compiles it in thirteen processes at the same time (and each start does
# where PYTHONDONTWRITEBYTECODE is set).
.venv/installed: pyproject.toml requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Easel needs Python 3.11"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.9 -c requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0 -c requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@$(BIN)/python -m compileall -q services shared cli deploy
	@touch $@

up: .venv/installed ## run the hub on this machine (EASEL_PORT, EASEL_STATE)
	@exec $(BIN)/easel up

demo: .venv/installed ## run the hub, publish the demo models, show what became of them
	@exec $(BIN)/easel demo

test: .venv/installed check ## all checks and all tests (T=path for some)
	@$(BIN)/python -m pytest $(T)

check: .venv/installed ## lint, types, import boundaries, contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tests.contracts.write --check

fuzz: .venv/installed ## fuzz the scan engine (FUZZ_SECONDS=600), after `uv pip install -e .[fuzz]`
	@$(BIN)/python -m tests.fuzz.scan_engine $(or $(FUZZ_SECONDS),600)

fix: .venv/installed ## format, and mend what the linter can
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix .

contracts: .venv/installed ## write docs/openapi.json and docs/asyncapi.json from the code
	@$(BIN)/python -m tests.contracts.write

judge: .venv/installed ## judge the search: CATALOGUE=file QUERIES=file OUT=folder [ADAPTER=embedded|opensearch]
	@$(BIN)/python -m benchmarks.search.judge "$(CATALOGUE)" "$(QUERIES)" "$(OUT)" $(ADAPTER)

clean: ## remove the hub's state (EASEL_STATE)
	@rm -rf -- "$(EASEL_STATE)"
