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
            --no-emit-package sagemaker-gitops --no-emit-package sagemaker-gitops-modelkit $(LOCK_FLAGS)
PINNED   := $(COMPILE) --constraints "../$(TEMPLATE)/requirements.txt"
LOCKS    := ../packages/engine/src/sagemaker_gitops/build/locks
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
	@$(UV) install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable packages/engine --editable packages/modelkit
	@command -v npm >/dev/null || { echo "make: Node 20 or newer with npm is needed for GitHub's workflow parser. Install it." >&2; exit 1; }
	@cd tests && npm ci --silent
	@touch $@

.PHONY: demo
demo: $(VENV)/.bake  ## Bake a project into DEST and run its whole loop on this machine.
	@$(BIN)/python -m tests.bake "$(DEST)"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(MAKE) --no-print-directory -C "$(DEST)" demo

.PHONY: test
test: $(VENV)/.test  ## Test packages, sources, bakes, a generated project with its own tests, and the demo.
	@$(BIN)/python -m pytest tests -m "not slow and not acceptance" --numprocesses 2 --dist loadfile
	@$(BIN)/python -m pytest tests -m "slow and not acceptance" # alone: they measure latency, and end within bounds

.PHONY: acceptance
acceptance: $(VENV)/.test  ## Run the workflows under act and the containers under Docker: many minutes.
	@$(BIN)/python -m pytest tests -m acceptance

.PHONY: check
check: $(VENV)/.test  ## Run the tests that need no installed project: seconds, not minutes.
	@$(BIN)/python -m pytest tests --quiet -m "not slow and not acceptance"

CLIENTS := build/clients
.PHONY: clients
clients: $(VENV)/.test  ## Prove the embedded AWS with the AWS CLI and the SageMaker SDK (900 MB).
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(CLIENTS)
	@$(UV) sync --quiet --require-hashes --python $(CLIENTS)/bin/python tests/engine/local/clients.txt
	@CLIENTS_VENV="$(CURDIR)/$(CLIENTS)" $(BIN)/python -m pytest -m "" tests/engine/local/test_clients.py tests/engine/experiments/test_managed_runs.py tests/engine/scale/test_launcher.py

.PHONY: reference
reference: $(VENV)/.test  ## Write docs/reference.md from the code.
	@$(BIN)/python -m tests.engine.reference > docs/reference.md

.PHONY: interface
interface: $(VENV)/.test  ## Record the packages' public interface; a change needs a line in CHANGELOG.md.
	@$(BIN)/python -m tests.interface

.PHONY: snapshot
snapshot: $(VENV)/.bake  ## Write tests/snapshot anew: what projects look like, for reviewers to browse as a diff.
	@$(BIN)/python -m tests.snapshots

.PHONY: lock
lock: $(BIN)/uv  ## Resolve tests/pyproject.toml into the hashed requirement files (LOCK_FLAGS=--upgrade for newer ones).
	cd tests && ../$(BIN)/$(PINNED) --group pyproject.toml:bake --output-file requirements-bake.txt
	cd tests && ../$(BIN)/$(PINNED) --group pyproject.toml:build --output-file requirements-build.txt
	cd tests && ../$(BIN)/$(PINNED) --group pyproject.toml:test --output-file requirements.txt
	cd tests && ../$(BIN)/$(COMPILE) --group pyproject.toml:clients --output-file engine/local/clients.txt
	cd tests && ../$(BIN)/$(COMPILE) --constraints engine/local/clients.txt --group pyproject.toml:sdk --output-file $(LOCKS)/sagemaker.txt
	cd tests && ../$(BIN)/$(COMPILE) --group pyproject.toml:data --output-file $(LOCKS)/dvc.txt
	cd tests && ../$(BIN)/$(COMPILE) --group pyproject.toml:experiments --output-file $(LOCKS)/mlflow.txt
	cd tests && ../$(BIN)/$(COMPILE) --group pyproject.toml:policies --output-file engine/infra/linters.txt
	cd tests && npm install --package-lock-only --silent

.PHONY: clean
clean:  ## Remove the environment, caches and the demo's project.
	@rm -rf $(VENV) build tests/node_modules tests/.pytest_cache .mypy_cache .ruff_cache tests/.ruff_cache
