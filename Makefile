# Everything a person or a machine does with this repository. `make` alone prints the list.

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2

BIN := $(VENV)/bin
WHEELS := target/wheels
# MLflow's clients that judge us, each in an environment of its own.
CLIENTS := mlflow-2.22.5 mlflow-3.18.0
VENVS := target/venvs
RUST_VERSION := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

# One set of versions for everybody who builds here; `pip install runlake` takes newer ones too.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_QUIET := 1
# The same interpreter for every cargo command, or the bindings are compiled again and again.
export PYO3_PYTHON := $(abspath $(BIN)/python)

# Engine tests with locks and threads whose order the test chooses.
ORDERS := cargo test --quiet --locked --profile quick --package runlake-engine --features shuttle --test shuttle

.DEFAULT_GOAL := help
.PHONY: help tools develop demo screens test test-rust test-python torture conformance lint lint-ui format bench counts wheel clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools: ## Check that git, a C compiler, Rust and Python are here, or say how to get them
	@PYTHON="$(PYTHON)" RUST_VERSION="$(RUST_VERSION)" sh .ci/tools

$(VENV)/.ready: pyproject.toml constraints.txt | tools
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip maturin
	@touch $@

develop: $(VENV)/.ready ## Build the extension without link-time optimisation and install what tests need
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --quiet --locked --profile quick --extras test

wheel: $(VENV)/.ready ## Build a release wheel into target/wheels
	rm -rf $(WHEELS)
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin build --quiet --locked --release --out $(WHEELS)

demo: wheel ## Build a release wheel, install it and run a real sweep with it, to look at with `runlake ui`
	$(BIN)/python -m pip install --quiet --force-reinstall --no-deps $(WHEELS)/runlake-*.whl
	$(BIN)/python -m pip install --quiet "$$(ls $(WHEELS)/runlake-*.whl)[demo,server]"
	$(BIN)/runlake demo

screens: develop ## Take pictures of every page, light and dark, wide and narrow, to look at: target/screenshots
	test -d target/demo || $(BIN)/runlake demo --store target/demo
	$(BIN)/python -m tests.ui.gallery target/demo

test: lint test-rust test-python ## Lint, then run the tests of Rust and of Python

test-rust: | tools ## Run the engine's tests
	cargo test --quiet --locked --profile quick --package runlake-engine --features failpoints
	cargo test --quiet --locked --profile quick --package runlake-engine --test counts
	$(ORDERS)

test-python: develop ## Run the Python tests
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -p no:benchmark

torture: develop ## Run every proof at its full size, half an hour, and print what is reached
	$(BIN)/python -m pip install --quiet schemathesis
	$(BIN)/python -m tests.torture

$(VENVS)/%/.ready: tests/conformance/%.txt | tools
	$(PYTHON) -m venv $(@D)
	PIP_CONSTRAINT= $(@D)/bin/python -m pip install --no-deps -r $<
	@touch $@

conformance: develop $(CLIENTS:%=$(VENVS)/%/.ready) ## Let MLflow's own clients, 2.22 and 3, judge the server and the plugin
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin build --quiet --locked --profile quick --out target/conformance
	for client in $(CLIENTS); do \
		PIP_CONSTRAINT= $(VENVS)/$$client/bin/python -m pip install --no-deps --force-reinstall \
			target/conformance/runlake-*.whl || exit 1; done
	CONFORMANCE_CLIENTS=$$(for client in $(CLIENTS); do printf '%s:' $(abspath $(VENVS))/$$client/bin/python; done) \
		$(BIN)/python -m pytest -n $(JOBS) -p no:benchmark tests/conformance

lint: develop lint-ui ## Check format, lints, types, and the extension's stub against the extension
	cargo fmt --all --check
	cargo clippy --quiet --locked --profile quick --workspace --all-targets -- -D warnings
	cargo clippy --quiet --locked --profile quick --package runlake-engine --all-targets --features shuttle -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest runlake._engine

lint-ui: ## Check the pages' modules: types, vendored files, unit tests; says so where Node is missing
	@.ci/pages

format: $(VENV)/.ready ## Format Rust and Python
	cargo fmt --all
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: wheel ## Time every kind of call, ingest and read with a release build
	$(BIN)/python -m pip install --quiet --force-reinstall --no-deps $(WHEELS)/runlake-*.whl
	$(BIN)/python -m pip install --quiet "$$(ls $(WHEELS)/runlake-*.whl)[bench]"
	$(BIN)/python -m pytest benchmarks --benchmark-columns=min,median,iqr,ops,rounds

counts: develop ## Count anew how many instructions a point takes, and write that down; needs valgrind
	RUNLAKE_COUNTS=write cargo test --quiet --locked --profile quick --package runlake-engine --test counts
	$(BIN)/python -m tests.engine.test_counts

clean: ## Remove everything that was built
	rm -rf target $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis python/runlake/*.so ui/node_modules
