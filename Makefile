# make setup | demo | test | check | bench | bench-sweep | bench-clean | gallery: each does what it needs first.

PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check
ALONE := --no-deps --ignore-requires-python
ifneq ($(wildcard ../shared/data),)
export LAYERSCOPE_DATA ?= $(abspath ../shared/data)
endif

.PHONY: setup demo test check checks format lint types sizes gallery gallery-quick sweep-quick bench bench-views bench-sweep bench-waveforms bench-brain bench-clean bench-trust clean

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt peers.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -c constraints.txt -e '.[brain,dev,pretrained]'
	$(PIP) $(ALONE) -r peers.txt || grep -v '^#' peers.txt | xargs -n 1 $(PIP) $(ALONE) \
		|| echo 'not every peer of peers.txt is to be had here: its tests will be skipped'
	touch .venv/ready

demo: setup
	$(BIN)/layerscope demo

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

checks: format lint types sizes gallery-quick sweep-quick

check: checks test

format: setup
	$(BIN)/ruff format --check

lint: setup
	$(BIN)/ruff check

types: setup
	$(BIN)/mypy

sizes: setup
	$(BIN)/python tools/sizes.py

gallery: setup
	set -e; for script in docs/gallery/*.py; do $(BIN)/python $$script; done

gallery-quick: setup
	set -e; for script in docs/gallery/*.py; do $(BIN)/python $$script --quick; done

sweep-quick: setup
	rm -rf build/digits-sweep
	$(BIN)/layerscope sweep examples/digits-sweep.toml --out build/digits-sweep
	$(BIN)/layerscope runs build/digits-sweep

bench: setup
	$(BIN)/python -m benchmarks

bench-views: setup
	$(BIN)/python -m benchmarks views

bench-waveforms: setup
	$(BIN)/python -m benchmarks waveforms

bench-brain: setup
	$(BIN)/python -m benchmarks brain

bench-clean: setup
	$(BIN)/python -m benchmarks cleaning

bench-trust: setup
	$(BIN)/python -m benchmarks trust

bench-sweep: setup
	$(BIN)/python -m benchmarks sweep

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache docs/gallery/out
