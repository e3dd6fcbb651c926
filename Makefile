# Mediarelay. A plain `make` explains the targets.
.DEFAULT_GOAL := help
.PHONY: help environments run up down cli site test test-localemu chaos matrix mutate bench lint style types template policies build
.PHONY: deploy docs lock clean

# The first Python from 3.13 down that really runs (a version manager's shim may exist and still fail).
# It is evaluated only by an installation, because a version manager's shim is slow.
PYTHON = $(shell for p in python3.13 python3.12 python3.11 python3; do \
  $$p -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1 && echo $$p && break; done)
export FILE
export PYTHONPATH := layers/shared:.
# Each command starts many Python processes, which would compile all that they import again and again.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
INSTALLER := requirements/install.py requirements/bootstrap.txt
LOCK := pip compile -q --universal --python-version 3.11 --generate-hashes --no-header

help: ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: environments ## send a real video and a real song through the deployed system; FILE=… takes your own media
	@$(BIN)/python -m local run -- $${FILE:+"$$FILE"}

up: environments ## start the whole stack on this machine and leave it running
	@$(BIN)/python -m local up

down: ## stop it; the next `make up` shows what was saved
	@test ! -x $(BIN)/python || $(BIN)/python -m local down

cli: .venv/ready ## put the command `mediarelay` into .venv/bin
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --editable . && echo "$(BIN)/mediarelay --help"

site: .venv/ready .venv-site/ready ## build the documentation as a website, and check its links
	$(BIN)/python -m docs.site
	NO_MKDOCS_2_WARNING=1 .venv-site/bin/mkdocs build --strict --site-dir .local/site
	@echo "open .local/site/index.html"

test: .venv/ready .venv-emulator/ready ## lint, types and every test, the deployed end-to-end ones included
	@$(MAKE) --no-print-directory -j 2 lint site
	$(BIN)/pytest -n 4 --dist loadgroup

test-localemu: .venv/ready .venv-localemu/ready ## the end-to-end tests on a second emulator of AWS, LocalEmu; takes some ten minutes
	@.venv-localemu/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 12) and \
	  "LocalEmu needs Python 3.12 or 3.13: remove .venv-localemu, and run this again with one of them in PATH")'
	EMULATOR=localemu $(BIN)/pytest tests/e2e

chaos: .venv/ready .venv-emulator/ready ## every fault with 500 tasks each, deployed; writes docs/reliability.md; takes more than an hour
	$(BIN)/python -m tests.chaos

matrix: .venv/ready ## send every kind of file that ffmpeg can write through the engine; takes about half an hour
	$(BIN)/python -m tests.media_matrix

mutate: .venv/ready ## break the code on purpose in many ways and see a test fail each time
	$(BIN)/python -m tests.mutations

bench: .venv/ready .venv-bench/ready ## measure all figures and write benchmarks/README.md; QUICK=1 takes under two minutes
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick)

lint: style types template policies ## style, types and the template

style: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/ready
	$(BIN)/mypy layers/shared/mediarelay mediarelay_cli functions engine local docs benchmarks/*.py tests

template: .venv/ready
	$(BIN)/cfn-lint --append-rules cfn_lint_serverless.rules --template template.yaml
	SAM_CLI_TELEMETRY=0 $(BIN)/sam validate --lint --config-env local

policies: .venv/ready .venv-lint/ready
	mkdir -p .local && $(BIN)/python -m local.expand <template.yaml >.local/template.json
	.venv-lint/bin/checkov --file .local/template.json --framework cloudformation --skip-download --quiet --compact

build: .venv/ready ## sam build for AWS; needs python3.13, or ALLOW_NO_BYTECODE=1
	find functions -name __pycache__ -prune -exec rm -rf {} +
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sam build

deploy: build cli ## sam build, and sam deploy --guided to AWS
	$(BIN)/sam deploy --guided
	@echo "Next: $(BIN)/mediarelay --stack NAME secrets add ..., urls, doctor. README.md and docs/deploy.md have the order."

docs: .venv/ready ## write the generated documents anew: OpenAPI, the schema of notifications, a table of errors
	$(BIN)/python -m docs.generate

lock: .venv/ready ## update the pinned versions of all dependencies
	cd requirements && for name in dev emulator lint site bench; do ../$(BIN)/uv $(LOCK) $$name.in -o $$name.txt || exit; done
	cd requirements/localemu && ../../$(BIN)/uv $(LOCK) ../localemu.in -o ../localemu.txt
	for part in requirements/bootstrap layers/dependencies/requirements; do \
	  $(BIN)/uv $(LOCK) -c requirements/dev.txt $$part.in -o $$part.txt || exit; done

clean: ## remove everything that was built or saved here
	@test ! -x $(BIN)/python || $(BIN)/python -m local down
	rm -rf .venv .venv-* .local .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Both at once: an installation waits for the network and for one core.
environments:
	@$(MAKE) --no-print-directory -j2 .venv/ready .venv-emulator/ready

.venv/ready: requirements/dev.txt $(INSTALLER)
	@$(call install,.venv,requirements/dev.txt layers/shared)

.venv-emulator/ready: requirements/emulator.txt $(INSTALLER)
	@$(call install,.venv-emulator,requirements/emulator.txt)

.venv-lint/ready: requirements/lint.txt $(INSTALLER)
	@$(call install,.venv-lint,requirements/lint.txt)

.venv-site/ready: requirements/site.txt $(INSTALLER)
	@$(call install,.venv-site,requirements/site.txt)

.venv-bench/ready: requirements/bench.txt $(INSTALLER)
	@$(call install,.venv-bench,requirements/bench.txt)

.venv-localemu/ready: requirements/localemu.txt $(INSTALLER)
	@$(call install,.venv-localemu,requirements/localemu.txt)

define install
test -n "$(PYTHON)" || { echo "make: no python3 from 3.11 to 3.13 found" >&2; exit 1; }; $(PYTHON) requirements/install.py $(1) $(2)
endef
