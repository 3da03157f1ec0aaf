# Switchover. `make` alone prints what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

$(VENV)/runtime: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "python3 (3.11 or newer) is needed; name it with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it with PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/dev: $(VENV)/runtime requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: install
install: $(VENV)/runtime ## the `switchover` command into .venv/bin

.PHONY: demo
demo: $(VENV)/runtime ## the failover guide on this machine: three models, three log lines, one rescue
	@$(BIN)/python tests/demo.py

.PHONY: test
test: $(VENV)/dev ## every test that needs no cluster, in under two minutes
	@$(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: lint
lint: $(VENV)/dev ## ruff, mypy strict, import contracts, generated files up to date
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: fmt
fmt: $(VENV)/dev ## format the code and mend what ruff can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: golden
golden: $(VENV)/dev ## rewrite tests/golden/*.out.yaml; review the difference
	@$(BIN)/python -m pytest -q tests/operator/test_golden.py --golden-write

.PHONY: crds
crds: $(VENV)/runtime ## crds/ from the pydantic models
	@$(BIN)/switchover crds --write crds

.PHONY: lock
lock: $(VENV)/dev ## newest versions that pyproject.toml allows, with hashes, for every platform
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
