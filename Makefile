# `make help` lists the targets. Each does its own set-up in .venv with the versions of constraints.txt.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
export NO_MKDOCS_2_WARNING := 1

.PHONY: help demo test lint verify bench site clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/.user ## train a real language model with GRPO and publish the site with that run on it
	@$(BIN)/registry demo

# Two at a time, each on one thread: what most of them compute is too small for more.
test: $(VENV)/.dev ## the whole test suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: $(VENV)/.dev ## ruff, mypy --strict on registry/, import rules, the catalog
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/registry check

verify: $(VENV)/.dev ## the long tests, then every experiment over three seeds; rewrites catalog/evidence/
	$(BIN)/python -m pytest -m nightly
	$(BIN)/registry verify --all --scale tiny

bench: $(VENV)/.dev ## start-up, training steps beside TRL's, the constants of registry plan, the knowledge base; rewrites tests/benchmarks/results/
	$(BIN)/python -m tests.benchmarks.startup
	$(BIN)/python -m tests.benchmarks.peers
	$(BIN)/python -m tests.benchmarks.constants
	$(BIN)/python -m tests.benchmarks.plan_accuracy
	$(BIN)/python -m tests.benchmarks.ingest_speed --day
	$(BIN)/python -m tests.benchmarks.knowledge_speed
	$(BIN)/python -m tests.benchmarks.catalog --site
	$(BIN)/python -m tests.benchmarks.triage
	$(BIN)/python -m tests.benchmarks.lists

site: $(VENV)/.user ## build the site into site/build/
	$(BIN)/registry publish

clean: ## remove the environment and everything generated; keeps runs/ and .registry/
	rm -rf $(VENV) site/build site/docs/_generated .mypy_cache .ruff_cache .pytest_cache

# A Debian without python3-venv still has pip: virtualenv then makes the environment.
$(BIN)/pip:
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  $(PYTHON) -m pip install --quiet --target .registry/virtualenv virtualenv && \
	  PYTHONPATH=.registry/virtualenv $(PYTHON) -m virtualenv --quiet $(VENV); }

$(VENV)/.user: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "installing into $(VENV) (torch included; several GB where pip takes its CUDA build)"
	$(INSTALL) -e '.[run,site]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "installing into $(VENV) (torch included; several GB where pip takes its CUDA build)"
	$(INSTALL) -e '.[run,site,postgres,dev,parity]'
	@touch $@ $(VENV)/.user
