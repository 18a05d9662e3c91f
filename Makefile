# Everything works on a machine that has only Python 3.11 or newer, pip and make. `make` alone lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
UV := UV_NO_CONFIG=1 .tools/bin/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
NODE_CLIENTS := $(wildcard tests/e2e/*/install)
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make requirements"

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: install ## Start the gateway; ARGS="--port 8080" passes flags on
	@$(BIN)/omniroute $(ARGS)

.PHONY: install
install: .venv/.runtime ## Install what the gateway needs into .venv

.PHONY: semantic
semantic: install ## Install what the semantic cache needs as well
	@$(INSTALL) --require-hashes --requirement requirements/semantic.txt

.PHONY: postgres
postgres: install ## Install what a PostgreSQL database needs as well
	@$(INSTALL) --require-hashes --requirement requirements/postgres.txt

.PHONY: dev
dev: .venv/.dev ## Install what the checks need as well

.PHONY: clients
clients: ## Install the Node SDKs and command-line clients that the end-to-end tests drive
	@for install in $(NODE_CLIENTS); do "$$install" >/dev/null || exit 1; done

.PHONY: test
test: dev clients ## Run the tests; ARGS="tests/unit -k sse" chooses some
	@$(BIN)/pytest -n 2 --dist worksteal $(ARGS)

.PHONY: e2e-all
e2e-all: dev clients ## Run every command-line client on every kind of upstream, listen to a voice, ask a model (3 GB)
	@$(BIN)/pytest tests/e2e/cli/every_cli.py tests/e2e/speech/check_transcription.py \
		tests/e2e/local_model/check_model.py $(ARGS)

.PHONY: laws
laws: dev ## Run the property tests with many more examples
	@HYPOTHESIS_PROFILE=laws $(BIN)/pytest -n 2 --dist worksteal -m hypothesis $(ARGS)

.PHONY: lint
lint: dev ## Format, lint, layers and types, without tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy
	@$(BIN)/pyright

.PHONY: check
check: lint test ## Everything that CI checks

.PHONY: format
format: dev ## Write the formatting that `lint` expects
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: docs
docs: dev ## Write the generated pages under docs/reference again
	@$(BIN)/python -m tests.docs.generate

.PHONY: catalog
catalog: dev ## Write the bundle of providers and their reference page again, after a row was edited
	@$(BIN)/python -m omniroute.catalog.bundle > .venv/bundle.json
	@mv .venv/bundle.json src/omniroute/catalog/bundle.json
	@$(BIN)/python -m omniroute.catalog.reference > .venv/providers.md
	@mv .venv/providers.md docs/reference/providers.md

.PHONY: bench
bench: dev ## Measure against nginx and other gateways; writes docs/explanation/performance.md
	@$(BIN)/python -m bench $(ARGS)

.PHONY: bench-ledger
bench-ledger: dev ## Measure lists, searches and sums over a ledger of ROWS=5000000 requests
	@$(BIN)/python -m bench.ledger --rows $(or $(ROWS),5000000)

.PHONY: soak
soak: dev ## Kill it 200 times under load, then watch its memory for an hour; SOAK_KILLS and SOAK_MINUTES shorten it
	@$(BIN)/python -m tests.soak

.PHONY: requirements
requirements: .tools/.uv ## Pin the newest versions that pyproject.toml allows
	$(COMPILE) --upgrade pyproject.toml --output-file requirements/runtime.txt
	$(COMPILE) --upgrade pyproject.toml --extra semantic --constraint requirements/runtime.txt --output-file requirements/semantic.txt
	$(COMPILE) --upgrade pyproject.toml --extra postgres --constraint requirements/runtime.txt --output-file requirements/postgres.txt
	$(COMPILE) --upgrade pyproject.toml --extra semantic --group dev --constraint requirements/semantic.txt --constraint requirements/postgres.txt --output-file requirements/dev.txt
	$(COMPILE) --upgrade requirements/build.in --output-file requirements/build.txt
	$(COMPILE) --upgrade requirements/uv.in --output-file requirements/uv.txt

.PHONY: clean
clean: ## Remove everything that these targets made
	rm -rf .venv .tools .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist tests/e2e/*/node_modules

# uv comes by pip into a folder of the project: neither the system's Python nor the user's is written to.
.tools/.uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is not Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || \
		{ echo "$(PYTHON) has no pip; on Debian: apt-get install python3-pip" >&2; exit 1; }
	@rm -rf .tools
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-cache-dir --root-user-action ignore \
		--require-hashes --target .tools --requirement requirements/uv.txt
	@touch $@

.venv/bin/python: | .tools/.uv
	@$(UV) venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv

.venv/.runtime: requirements/runtime.txt requirements/build.txt pyproject.toml .tools/.uv | .venv/bin/python
	@$(INSTALL) --require-hashes --requirement requirements/runtime.txt --requirement requirements/build.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.runtime
	@$(INSTALL) --require-hashes --requirement requirements/dev.txt
	@touch $@
