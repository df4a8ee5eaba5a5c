# make setup | demo | test | check | bench: each does what it needs first.

PYTHON ?= python3.11
BIN := .venv/bin
ifneq ($(wildcard ../shared/data),)
export LAYERSCOPE_DATA ?= $(abspath ../shared/data)
endif

.PHONY: setup demo test check checks format lint types sizes gallery bench clean

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch .venv/ready

demo: setup
	$(BIN)/layerscope demo

test: setup
	$(BIN)/python -m pytest

checks: format lint types sizes gallery

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
	set -e; for script in docs/gallery/*.py; do $(BIN)/python $$script --quick; done

bench: setup
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache docs/gallery/out
