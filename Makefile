# Both commands set up what they need: a virtual environment in .venv, from the package index.
PYTHON ?= python3
VENV := .venv
DEMO_FLAGS ?=

.PHONY: demo test test-long lint clean

demo: $(VENV)/.demo
	$(VENV)/bin/python launch/demo.py $(DEMO_FLAGS)

test: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/python -m pytest

# Half an hour and more; 10 GB of disk.
test-long: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -m long -s

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python setup.cfg pyproject.toml
	$(VENV)/bin/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: $(VENV)/bin/python setup.cfg pyproject.toml
	$(VENV)/bin/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.demo
