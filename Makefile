# The template's own commands. A generated project has its own Makefile with the same words.
.DEFAULT_GOAL := help

TEMPLATE := <<cookiecutter.project>>
PYTHONS  := python3 python3.14 python3.13 python3.12 python3.11
PYTHON   ?= $(firstword $(foreach name,$(PYTHONS),$(shell $(name) -c 'import sys, ensurepip; print("$(name)" * (sys.version_info >= (3, 11)))' 2>/dev/null)))
VENV     := .venv
BIN      := $(VENV)/bin
UV       := $(BIN)/uv pip
# Locks are requirement files: a uv.lock would name the package index it was made with.
COMPILE  := uv pip compile --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-header --no-annotate --quiet \
            --constraints "../$(TEMPLATE)/requirements.txt" $(LOCK_FLAGS)
DEST     ?= build/demo-project

# The machine's own certificates count, so that a company's proxy works.
export UV_SYSTEM_CERTS := 1
# Bytecode is written once and saves seconds on every later start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help:  ## Show this list.
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 10

$(BIN)/uv:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer with its venv module is needed, and none of $(PYTHONS) is. Install it or pass PYTHON=/path/to/python." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is older than Python 3.11. Pass PYTHON=/path/to/python." >&2; exit 1; }
	@echo "Creating $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$(TEMPLATE)/vendor/uv.txt"

$(VENV)/.bake: tests/requirements-bake.txt | $(BIN)/uv
	@test -e $(VENV)/.test || $(UV) install --quiet --python $(BIN)/python --require-hashes --requirement $<
	@touch $@

$(VENV)/.test: tests/requirements.txt tests/package-lock.json | $(BIN)/uv
	@$(UV) sync --quiet --python $(BIN)/python --require-hashes $<
	@command -v npm >/dev/null || { echo "make: Node 20 or newer with npm is needed for GitHub's workflow parser. Install it." >&2; exit 1; }
	@cd tests && npm ci --silent
	@touch $@

.PHONY: demo
demo: $(VENV)/.bake  ## Bake a project into DEST and run its whole loop on this machine.
	@$(BIN)/python tests/bake.py "$(DEST)"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(MAKE) --no-print-directory -C "$(DEST)" demo

.PHONY: test
test: $(VENV)/.test  ## Test sources, bakes, a generated project with its own tests, and the demo.
	@$(BIN)/python -m pytest tests

.PHONY: acceptance
acceptance: $(VENV)/.test  ## Run the workflows under act and the containers under Docker: many minutes.
	@$(BIN)/python -m pytest tests -m acceptance

.PHONY: check
check: $(VENV)/.test  ## Run the tests that need no installed project: seconds, not minutes.
	@$(BIN)/python -m pytest tests --quiet -m "not slow and not acceptance"

.PHONY: snapshot
snapshot: $(VENV)/.bake  ## Write tests/snapshot anew: what projects look like, for reviewers to browse as a diff.
	@$(BIN)/python tests/snapshot.py

.PHONY: lock
lock: $(BIN)/uv  ## Resolve tests/pyproject.toml into the hashed requirement files (LOCK_FLAGS=--upgrade for newer ones).
	cd tests && ../$(BIN)/$(COMPILE) --group pyproject.toml:bake --output-file requirements-bake.txt
	cd tests && ../$(BIN)/$(COMPILE) --group pyproject.toml:test --output-file requirements.txt
	cd tests && npm install --package-lock-only --silent

.PHONY: clean
clean:  ## Remove the environment, caches and the demo's project.
	@rm -rf $(VENV) build tests/node_modules tests/.pytest_cache .mypy_cache .ruff_cache tests/.ruff_cache
