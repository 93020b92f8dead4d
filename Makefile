# make run and make test need nothing but Python 3.11 and this file.
PYTHON ?= python3.11
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help install run test slow check lint types format quick bench clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing spikemesh and what it needs into $(VENV) (a few minutes the first time)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

install: $(STAMP)  ## create the environment

run: $(STAMP)  ## the main job, on data that ships with the dependencies
	$(BIN)/spikemesh run

test: $(STAMP)  ## the quick tests
	$(BIN)/python -m pytest

slow: $(STAMP)  ## the long tests
	$(BIN)/python -m pytest -m slow

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

format: $(STAMP)  ## rewrite the code in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

quick: $(STAMP)  ## every scenario with --quick; with MNIST at hand also one sample of LeNet_mnist on SimPy
	@for name in $$($(BIN)/spikemesh list scenarios --json | $(BIN)/python -c "import json, sys; print(*json.load(sys.stdin)['scenarios'])"); do \
	  echo "scenario $$name" >&2; \
	  $(BIN)/spikemesh run $$name --quick --out results/quick/$$name || exit 1; \
	done
	@if [ -n "$$SPIKEMESH_DATA" ]; then \
	  $(BIN)/spikemesh simulate LeNet_mnist --hardware gpa-grid --recipe pacman --recipe auto --samples 1 --duration-ms 40 --engine simpy; \
	fi

check: lint types test quick  ## everything CI runs

clean:  ## drop the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
