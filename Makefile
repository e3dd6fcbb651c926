# Mediarelay. A plain `make` explains the targets.
.DEFAULT_GOAL := help
.PHONY: help run up down test chaos matrix mutate lint build deploy docs lock clean

# The first Python from 3.13 down that really runs (a version manager's shim may exist and still fail).
PYTHON := $(shell for p in python3.13 python3.12 python3.11 python3; do \
  $$p -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1 && echo $$p && break; done)
export FILE
export PYTHONPATH := layers/shared:.
BIN := .venv/bin

help: ## this text
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/ready .venv-emulator/ready ## send a real video and a real song through the deployed system; FILE=… takes your own media
	@$(BIN)/python -m local run -- $${FILE:+"$$FILE"}

up: .venv/ready .venv-emulator/ready ## start the whole stack on this machine and leave it running
	@$(BIN)/python -m local up

down: .venv/ready ## stop it; the next `make up` shows what was saved
	@$(BIN)/python -m local down

test: lint .venv-emulator/ready ## lint, types and every test, the deployed end-to-end ones included
	$(BIN)/pytest -n 2 --dist loadgroup

chaos: .venv/ready .venv-emulator/ready ## every fault with 500 tasks each, deployed; writes docs/reliability.md; takes more than an hour
	$(BIN)/python -m tests.chaos

matrix: .venv/ready ## send every kind of file that ffmpeg can write through the engine; takes about half an hour
	$(BIN)/python -m tests.media_matrix

mutate: .venv/ready ## break the code on purpose in many ways and see a test fail each time
	$(BIN)/python -m tests.mutations

lint: .venv/ready ## style and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy layers/shared/mediarelay functions engine local docs

build: .venv/ready ## sam build for AWS
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sam build

deploy: build ## sam deploy --guided to AWS
	$(BIN)/sam deploy --guided

docs: .venv/ready ## write docs/openapi.json and docs/events.schema.json anew
	$(BIN)/python -m docs.generate

lock: .venv/ready ## pin all dependencies anew
	cd requirements && for name in dev emulator; do \
	  ../$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header $$name.in -o $$name.txt; done
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header -c requirements/dev.txt \
	  layers/dependencies/requirements.in -o layers/dependencies/requirements.txt

clean: ## remove everything that was built or saved here
	@test ! -x $(BIN)/python || $(BIN)/python -m local down
	rm -rf .venv .venv-emulator .local .aws-sam

.venv/ready: requirements/dev.txt
	@$(call install,.venv,requirements/dev.txt)

.venv-emulator/ready: requirements/emulator.txt
	@$(call install,.venv-emulator,requirements/emulator.txt)

# Make a virtual environment and fill it from a lock file; uv does it in seconds, and is itself only a wheel.
define install
test -n "$(PYTHON)" || { echo "make: no python3 from 3.11 to 3.13 found" >&2; exit 1; }; \
echo "installing $(2) into $(1) ($(PYTHON)) …"; \
$(PYTHON) -m venv --clear $(1) \
&& $(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement requirements/bootstrap.txt \
&& $(1)/bin/uv pip install --quiet --python $(1)/bin/python --require-hashes --requirement $(2) \
&& touch $(1)/ready \
|| { rm -rf $(1); echo "make: the first installation needs the network: a package index that pip can reach" >&2; exit 1; }
endef
