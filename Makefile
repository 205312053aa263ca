# Stamkunde. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
CONFIG ?= configs/complete_journey.yaml
BIN := .venv/bin
STAMP := .venv/.made-from-lock
# Wheels only, checked against the lock's hashes; nothing resolved afresh.
INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python

.PHONY: help env demo test check lint format types architecture lock mlflow serve clean bench-features bench-serving bench-quality bench-explain bench-segments bench-report bench-record bench-index soak fuzz

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(STAMP) ## make .venv with the command .venv/bin/stamkunde, from the hash-checked lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with: make env PYTHON=/path/to/python3"; exit 2; }
	@echo "making .venv from requirements.lock (a few minutes the first time)"
	@$(BIN)/uv --version >/dev/null 2>&1 || { $(PYTHON) -m venv --clear .venv \
	  && awk '/^[a-z]/{on=/^uv==/} on' requirements.lock > .venv/uv.lock \
	  && $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock; }
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

demo: env ## the whole path on real grocery baskets: check, train, promote, serve, score, audit, report
	@$(BIN)/stamkunde demo --config $(CONFIG)

test: env ## run the tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: lint types architecture test ## all that CI checks

lint: env
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: env
	@$(BIN)/mypy

architecture: env
	@$(BIN)/lint-imports

format: env ## put the code into its standard form
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

lock: env ## resolve the dependencies afresh into requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --all-extras --upgrade pyproject.toml -o requirements.lock

bench-features: env ## time features of 20 million receipts beside SQL, Polars and pandas (half an hour)
	@$(BIN)/python -m tests.benchmarks.features --largest 5000000

bench-serving: env ## time the service and the batch, with reasons and record, beside peers (half an hour)
	@$(BIN)/python -m tests.benchmarks.serving --keys
	@$(BIN)/python -m tests.benchmarks.serving_batch

soak: env ## ten minutes of load, then models swapped, kills and three times the load (half an hour)
	@$(BIN)/python -m tests.benchmarks.soak --keys

fuzz: env ## ask the service 10,000 odd things that its document allows or forbids
	@$(BIN)/python -m tests.fuzz --cases 10000

bench-quality: env ## predict beside FLAML, logistic, BG/NBD and XGBoost on later periods (an hour and a half)
	@$(BIN)/python -m tests.benchmarks.quality

bench-explain: env ## time SHAP of 10,000 customers with its plots; writes var/bench/explain.json
	@$(BIN)/python -m tests.benchmarks.explain

bench-segments: env ## find segments in three successive months, and see who keeps theirs (ten minutes)
	@$(BIN)/python -m tests.benchmarks.segments

bench-record: env ## verify, read and append to ten million entries on record; writes var/bench/record.json (an hour, 30 GB)
	@$(BIN)/python -m tests.benchmarks.record

bench-index: env ## time searches of ten million entries on record; writes var/bench/index.json (an hour)
	@$(BIN)/python -m tests.benchmarks.index

bench-report: env ## time the report of a million customers beside SQL; writes var/bench/report.json
	@$(BIN)/python -m tests.benchmarks.report

mlflow: env ## open MLflow's page on http://127.0.0.1:5000
	@$(BIN)/mlflow server --host 127.0.0.1 --port 5000 --workers 1 \
	  --backend-store-uri sqlite:///mlruns/mlflow.db --artifacts-destination mlruns/artifacts

serve: env ## serve the champions of CONFIG on http://127.0.0.1:3000
	@$(BIN)/stamkunde serve --config $(CONFIG)

clean: ## remove the environment and all that runs left behind (the record of scores too)
	rm -rf .venv var build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	find mlruns -mindepth 1 ! -name .gitignore -delete
