# The same commands for people and for CI. Each makes .venv on first use.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint typecheck build clean
.DEFAULT_GOAL := test

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "EdgeMEF needs Python 3.10 or newer: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

demo: $(READY)            ## render, export, verify and fuse; see demo-out/side-by-side.png
	$(BIN)/edge-mef demo --output demo-out

test: $(READY)            ## all tests: in two processes, then those that measure time alone
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not timing" -n 2 --dist loadfile
	$(BIN)/python -m pytest -m timing

lint: $(READY)            ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(READY)       ## types
	$(BIN)/mypy

build: $(READY)           ## wheel through the sdist, and a look at what is in it
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python .ci/check_wheel.py dist

clean:
	rm -rf $(VENV) dist demo-out .mypy_cache .ruff_cache .pytest_cache
