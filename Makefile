# Each command sets up what it needs: a virtual environment in .venv, from the package index.
PYTHON ?= python3
VENV := .venv
DEMO_FLAGS ?=
LEADERBOARD_FLAGS ?=
# Two processes take the files of tests in turn.
SHARED_OUT := --numprocesses=2 --dist=loadfile --no-loadscope-reorder

.PHONY: demo leaderboard test test-thorough test-long lint docs clean

demo: $(VENV)/.demo
	$(VENV)/bin/python launch/demo.py $(DEMO_FLAGS)

# http://127.0.0.1:8000, with a demo competition; Ctrl-C stops it.
leaderboard: $(VENV)/.leaderboard
	$(VENV)/bin/python launch/leaderboard.py $(LEADERBOARD_FLAGS)

test: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/python -m pytest -m "not long and not thorough" $(SHARED_OUT)

# With other frameworks, killed processes and a browser.
test-thorough: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -m thorough $(SHARED_OUT)

# Half an hour and more; 10 GB of disk.
test-long: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -m long -s

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

docs: $(VENV)/.docs
	$(VENV)/bin/python -m sphinx --fail-on-warning --fresh-env --quiet -c docs . build/docs
	@echo "build/docs/index.html"

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python setup.cfg pyproject.toml
	$(VENV)/bin/python -m pip install --quiet --editable '.[movies]'
	touch $@

$(VENV)/.leaderboard: $(VENV)/bin/python setup.cfg pyproject.toml
	$(VENV)/bin/python -m pip install --quiet --editable '.[leaderboard,movies]'
	touch $@ $(VENV)/.demo

$(VENV)/.dev: $(VENV)/bin/python setup.cfg pyproject.toml
	$(VENV)/bin/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.demo

$(VENV)/.docs: $(VENV)/bin/python setup.cfg pyproject.toml
	$(VENV)/bin/python -m pip install --quiet --editable '.[docs]'
	touch $@ $(VENV)/.demo
