# Switchover. `make` alone prints what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE ?= localhost/switchover:$(VERSION)
HELM ?= helm

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

$(VENV)/runtime: requirements.lock requirements-build.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "python3 (3.11 or newer) is needed; name it with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it with PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock -r requirements-build.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: $(VENV)/runtime requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: install
install: $(VENV)/runtime ## the `switchover` command into .venv/bin

.PHONY: wheel
wheel: $(VENV)/runtime ## the package as a wheel, into dist/, for `pip install` elsewhere
	@rm -rf dist build && $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist . && rm -rf build && ls dist/*.whl

.PHONY: demo
demo: $(VENV)/runtime ## the failover guide on this machine: three models, three log lines, one rescue
	@$(BIN)/python tools/demo.py

# Half of a test's time is waiting for processes and sockets, so four at once are right for two cores. What is compiled is
# kept in any case, as tests start hundreds of processes. Each would read the system's authorities, some of them twice: no
# test asks a server for which these vouch, so they get one that vouches for nobody.
.PHONY: test
test: $(VENV)/dev ## every test that needs no cluster, in about four minutes on two cores
	@PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=$(CURDIR)/$(VENV)/compiled SSL_CERT_FILE=$(CURDIR)/tests/nobody.pem $(BIN)/python -m pytest -n 4 --dist worksteal --ignore tests/controlplane --ignore tests/tenants
	@echo "Not run here: tests/controlplane (make test-control-plane), tests/tenants (make test-tenants), tests/e2e (make e2e), tests/sdk/js (make sdk-js), tests/agents (make agents)"

.PHONY: control-plane
control-plane: ## etcd, kube-apiserver and kubectl for tests/controlplane, in the cache folder: needs Go, takes minutes once
	@tests/controlplane/build.sh

.PHONY: test-control-plane
test-control-plane: $(VENV)/dev control-plane ## the operator and the CRDs against a real etcd and kube-apiserver
	@SWITCHOVER_REQUIRE_CLUSTER=1 $(BIN)/python -m pytest -n 2 --dist worksteal tests/controlplane

# Built beside the environment, from a copy, so that the source folders stay as they are.
MYPYC := $(VENV)/mypyc
$(MYPYC)/done: setup.py pyproject.toml $(VENV)/dev $(shell find dataplane operator -name '*.py')
	@command -v cc >/dev/null || { echo "A C compiler is needed" >&2; exit 1; }
	@rm -rf $(MYPYC) && mkdir -p $(MYPYC)/source
	@tar -cf - --exclude __pycache__ --exclude '*.egg-info' setup.py pyproject.toml README.md LICENSE dataplane operator tests/simulator | tar -xf - -C $(MYPYC)/source
	@SWITCHOVER_COMPILE=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-index --no-build-isolation --target $(MYPYC)/packages $(MYPYC)/source
	@touch $@

.PHONY: compiled
compiled: $(MYPYC)/done ## the data plane compiled by mypyc, into .venv/mypyc/packages: needs a C compiler, takes minutes

# mypyc hands an exception on in the older way, of which Python warns since 3.12.
.PHONY: test-compiled
test-compiled: $(MYPYC)/done ## the data plane's tests over the compiled form, which the image has: needs a C compiler
	@PYTHONPATH=$(CURDIR)/$(MYPYC)/packages $(BIN)/python -m pytest -W 'ignore:the (type, exc, tb) signature of throw:DeprecationWarning' -n 4 --dist worksteal tests/dataplane

STREAMS ?= 1000
REQUESTS ?= 1000
.PHONY: chaos
chaos: $(VENV)/dev ## STREAMS streams and REQUESTS requests that go wrong, and what their clients got; SEED makes the same ones again
	@PYTHONPATH=tests $(BIN)/python -m chaos --streams $(STREAMS) --requests $(REQUESTS) $(if $(SEED),--seed $(SEED))

# The order in sets and in what is made of them must not differ from run to run.
GUARD := PYTHONHASHSEED=0 PYTHONPATH=tests $(BIN)/python -m guard
.PHONY: guard guard-write
guard: $(VENV)/dev ## how much Python a request executes, beside the committed numbers; TOP=20 lists where it is
	@$(GUARD) $(if $(TOP),--top $(TOP))

guard-write: $(VENV)/dev ## commit what `make guard` counts, where a change needs it
	@$(GUARD) --write

.PHONY: formats
formats: $(VENV)/dev ## each official SDK at strict providers of every API, whole and streamed, as a table of what holds
	@PYTHONPATH=tests SSL_CERT_FILE=$(CURDIR)/tests/nobody.pem $(BIN)/python -m matrix

TIME ?= 60
.PHONY: fuzz
fuzz: $(VENV)/dev ## parsers, bodies, streams, tables and manifests against inputs that are nearly good, for TIME seconds in all; SEED repeats
	@PYTHONPATH=tests $(BIN)/python -m fuzz --seconds $(TIME) $(if $(SEED),--seed $(SEED)) $(if $(TARGET),--target $(TARGET))

.PHONY: test-tenants
test-tenants: $(VENV)/dev ## twenty attacks of one tenant: nothing of another reaches it, and the other's answers are whole
	@$(BIN)/python -m pytest -n 2 tests/tenants

SECONDS_EACH ?= 5
.PHONY: tenants
tenants: $(VENV)/dev ## what twenty attacks of one tenant do to another on the same data plane, SECONDS_EACH for each; minutes
	@PYTHONPATH=tests $(BIN)/python -m tenants --seconds $(SECONDS_EACH) $(if $(ONLY),--only "$(ONLY)")

NPM ?= npm
SDK_JS := tests/sdk/js
$(SDK_JS)/node_modules/.package-lock.json: $(SDK_JS)/package-lock.json
	@cd $(SDK_JS) && $(NPM) ci --ignore-scripts --no-audit --no-fund --silent

.PHONY: sdk-js
sdk-js: $(VENV)/dev $(SDK_JS)/node_modules/.package-lock.json ## the JavaScript SDKs openai and ai against a failing first model; needs node 20 and npm
	@$(BIN)/python -m pytest -q $(SDK_JS)

AGENTS := tests/agents
$(AGENTS)/node_modules/.package-lock.json: $(AGENTS)/package-lock.json
	@cd $(AGENTS) && $(NPM) ci --ignore-scripts --no-audit --no-fund --silent

.PHONY: agents
agents: $(VENV)/dev ## Claude Code and Codex end a session though their first provider fails; needs npm and unshare, 660 MB
	@if ! command -v $(NPM) >/dev/null; then echo "Skipped: npm is needed"; exit 0; fi; \
	$(MAKE) --no-print-directory $(AGENTS)/node_modules/.package-lock.json && \
	PYTHONPATH=tests $(BIN)/python -m agents.offline $(BIN)/python -m pytest -q $(AGENTS)

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
golden: $(VENV)/dev ## rewrite tests/golden/*.out.yaml and the scrapes of test_scrape.py; review the difference
	@$(BIN)/python -m pytest -q tests/operator/compiler/test_golden.py tests/dataplane/telemetry/test_scrape.py --golden-write

.PHONY: crds
crds: $(VENV)/runtime ## crds/ from the pydantic models
	@$(BIN)/switchover crds --write crds

.PHONY: reference
reference: $(VENV)/dev ## docs/reference and docs/fields.md from the code
	@$(BIN)/python tools/reference_pages.py

.PHONY: lock
lock: $(VENV)/dev ## newest versions that pyproject.toml allows, with hashes, for every platform
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml -o requirements.lock
	@sed -n 's/^requires = \["\(.*\)"\]$$/\1/p' pyproject.toml | $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate - -o requirements-build.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	@echo mypy | $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -c requirements-dev.lock - -o requirements-compile.lock
	@if command -v $(NPM) >/dev/null; then cd $(SDK_JS) && $(NPM) update --package-lock-only --no-audit --no-fund --silent; fi

# What is measured is what the image holds: the compiled form, where there is a compiler, on an interpreter that was built
# with optimisation, where there is one. It has an environment of its own, which stays.
BENCH := $(VENV)/bench
$(BENCH)/done: bench/interpreter.py requirements.lock requirements-dev.lock
	@interpreter=$$(cat $(BENCH)/interpreter 2>/dev/null || $(PYTHON) bench/interpreter.py $(PYTHON)) && mkdir -p $(BENCH) && echo "$$interpreter" > $(BENCH)/interpreter
	@$(MAKE) --no-print-directory VENV=$(BENCH) PYTHON=$$(cat $(BENCH)/interpreter) $(BENCH)/dev
	@touch $@

.PHONY: bench-ready
bench-ready: $(BENCH)/done
	@$(MAKE) --no-print-directory VENV=$(BENCH) PYTHON=$$(cat $(BENCH)/interpreter) $(BENCH)/runtime
	@if command -v cc >/dev/null; then $(MAKE) --no-print-directory VENV=$(BENCH) compiled; else echo "No C compiler: plain Python is measured" >&2; fi

bench_python = $(if $(wildcard $(BENCH)/mypyc/done),SWITCHOVER_COMPILED=$(CURDIR)/$(BENCH)/mypyc/packages) PYTHONPATH=bench $(BENCH)/bin/python
# What was asked for on the command line, and no default of another target.
asked = $(if $(filter command,$(firstword $(origin $(1)))),$(2) "$($(1))")
.PHONY: bench
bench: bench-ready ## CPU and time of a request beside Envoy and nginx, into docs/performance; QUICK=1 ONLY PROXIES LITELLM=1 FIRST=1 SECONDS_EACH REPETITIONS
	@$(bench_python) -m switchover_bench $(if $(QUICK),--quick,--write docs/performance) $(if $(LITELLM),--litellm) $(if $(FIRST),--first) \
	    $(call asked,ONLY,--only) $(call asked,PROXIES,--proxies) $(call asked,SECONDS_EACH,--seconds) \
	    $(call asked,REPETITIONS,--repetitions) $(call asked,PORTS,--ports) --variables '$(MAKEOVERRIDES)'

.PHONY: bench-scale
bench-scale: bench-ready ## cost with many routes, streams and requests, into docs/performance; QUICK=1 ONLY ROUTES EDITS STREAMS REQUESTS SECONDS_EACH
	@$(bench_python) -m switchover_bench.scale $(if $(QUICK),--quick,--write docs/performance) \
	    $(call asked,ONLY,--only) $(call asked,ROUTES,--routes) $(call asked,EDITS,--edits) $(call asked,STREAMS,--streams) \
	    $(call asked,REQUESTS,--requests) $(call asked,SECONDS_EACH,--seconds) $(call asked,PORTS,--ports) \
	    --variables '$(MAKEOVERRIDES)'

ROUTES ?= 100
EDITS ?= 300
.PHONY: bench-operator
bench-operator: $(VENV)/dev ## how fast an edit is served with ROUTES routes, measured EDITS times, and what idling costs
	@PYTHONPATH=tests:bench $(BIN)/python tools/operator_bench.py $(ROUTES) $(EDITS)

.PHONY: image
image: ## the container image IMAGE=name:tag on BASE=image, by docker, podman or buildah; COMPILED=0 leaves it all Python; BUILD_ARGS
	@set -- $(if $(BASE),--build-arg BASE=$(BASE)) $(if $(COMPILED),--build-arg COMPILED=$(COMPILED)) $(BUILD_ARGS) --file Containerfile --tag $(IMAGE) .; \
	if docker ps --quiet >/dev/null 2>&1; then docker build "$$@"; \
	elif podman info >/dev/null 2>&1; then podman build "$$@"; \
	elif buildah info >/dev/null 2>&1; then buildah --isolation chroot bud --layers $(if $(wildcard /etc/ssl/certs),--volume /etc/ssl/certs:/etc/ssl/certs:ro) "$$@"; \
	else echo "docker (with its engine running), podman or buildah is needed" >&2; exit 1; fi

.PHONY: chart
chart: $(VENV)/runtime ## the chart's copies of crds/ and manifests/install.yaml, from manifests/chart; needs helm
	@HELM=$(HELM) $(BIN)/python tools/chart.py
	@$(HELM) lint --strict --quiet manifests/chart

E2E_IMAGE ?= localhost/switchover:e2e
E2E_IMAGE_LOADER ?= kind load docker-image
.PHONY: e2e
e2e: $(VENV)/dev ## the guide and a good deal more on the cluster that KUBECONFIG names: E2E_IMAGE, E2E_IMAGE_LOADER, E2E_BASE
	@$(MAKE) --no-print-directory image IMAGE=$(E2E_IMAGE) BASE=$(E2E_BASE)
	@$(E2E_IMAGE_LOADER) $(E2E_IMAGE)
	@E2E_IMAGE=$(E2E_IMAGE) $(BIN)/python -m pytest -v --maxfail 1 --timeout 600 --durations 12 tests/e2e

KIND ?= kind
.PHONY: kind
kind: ## make e2e on a cluster that kind makes for it and deletes afterwards; needs docker, kind, kubectl and helm
	@set -e; folder=$$(mktemp -d); export KUBECONFIG=$$folder/config KIND_CLUSTER_NAME=switchover-e2e; \
	trap '$(KIND) delete cluster; rm -rf "$$folder"' EXIT; \
	$(KIND) create cluster --wait 120s; \
	E2E_REACH=port-forward $(MAKE) --no-print-directory e2e
