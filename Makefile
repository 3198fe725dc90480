# Needs Python 3.11, git and make; the rest is installed into .venv/. `make repro` and `make test` work on a fresh clone.
PYTHON ?= python3.11
SHELL := /bin/bash
PIP := .venv/bin/python -m pip install --disable-pip-version-check --constraint constraints.txt

# `python` in dvc.yaml is the environment's.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: repro test lint peers clean

repro: .venv/.installed
	dvc pull data.dvc
	dvc repro
	python -m rankpipe.leaderboard

test: .venv/.installed-dev
	python -m pytest --numprocesses 2 --dist worksteal

lint: .venv/.installed-dev
	ruff check .

# Other people's tools, only for benchmarks/, in environments of their own: their pins go neither with ours nor together.
peers: .venv-peers/.installed .venv-peers-recommend/.installed

# What can be made again. The environment and DVC's cache stay.
clean:
	rm -rf build .scratch dvc_plots .pytest_cache .ruff_cache

.venv/bin/python:
	$(PYTHON) -m venv .venv

# torch first: its wheel is the largest, and a build without CUDA (a `+cpu` wheel offered to pip) is taken where there is one.
.venv/.installed: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) torch
	$(PIP) --editable .
	touch $@

.venv/.installed-dev: .venv/.installed
	$(PIP) --editable '.[dev]'
	touch $@

.venv-peers/.installed .venv-peers-recommend/.installed: .venv-%/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --disable-pip-version-check --editable '.[$*]'
	touch $@
