# Two commands matter: make demo, make test.
VENV ?= .venv
PY := $(VENV)/bin/python
PYTEST_ARGS ?=
WORKERS ?= 2

.PHONY: demo test scenario bench lint environment environment-dev requirements clean
.DEFAULT_GOAL := help

help:
	@echo "make demo [PORT=8000] [RESET=1]     the whole portal on this machine"
	@echo "make test [PYTEST_ARGS=...]         the whole suite"
	@echo "make scenario [SCALE=1] [SEED=1]    the rebalance, headless"
	@echo "make bench [ONLY=name]              the benchmarks"
	@echo "make lint                           style, order of the house, dangerous calls"

environment:
	@sh .ci/environment $(VENV) requirements.txt

environment-dev:
	@sh .ci/environment $(VENV) requirements.txt requirements-dev.txt

demo: environment
	@$(PY) -m oms_portal.demo

test: environment-dev
	@$(PY) -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

scenario: environment
	@$(PY) -m oms_portal.scenario

bench: environment
	@$(PY) -m benchmarks

lint: environment-dev
	@$(VENV)/bin/ruff check .
	@PYTHONPATH=. $(VENV)/bin/lint-imports --no-logo
	@$(VENV)/bin/bandit --quiet --severity-level medium --confidence-level medium --configfile pyproject.toml --recursive apps oms_portal

COMPILE := CUSTOM_COMPILE_COMMAND="make requirements" $(VENV)/bin/pip-compile --quiet --generate-hashes --strip-extras \
	--allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

requirements: environment-dev
	@$(COMPILE) -o requirements.txt requirements.in
	@$(COMPILE) -o requirements-dev.txt requirements-dev.in

clean:
	@rm -rf staticfiles .pytest_cache .ruff_cache .import_linter_cache .hypothesis
