# `make` sets up and runs the workflow, `make test` sets up and runs the tests, `make test TESTS="-m ''"` also the slow ones.
# Both need Python 3.11 or later; uv installs the packages if it is on the path.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# The programs keep caches in the home directory; if it is not writable, they keep them here.
ifeq ($(shell d="$${XDG_CACHE_HOME:-$$HOME/.cache}/snakemake"; mkdir -p "$$d" 2> /dev/null && test -w "$$d" && echo yes),)
export XDG_CACHE_HOME := $(CURDIR)/.cache
endif

.DEFAULT_GOAL := run
.PHONY: run test lint mutants lowest lock clean

run: $(READY)
	$(BIN)/snakemake --cores 4

test: $(READY)
	$(BIN)/pytest -n 2 --dist worksteal $(TESTS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/python .ci/lint_workflow.py

# Mutation testing, which takes long; of some modules by `make mutants MODULES="strata.py changes.py"`, of a sample of the
# faults by `make mutants OPTIONS="--sample 100"`.
mutants: $(READY)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r benchmarks/mutants.lock
	$(BIN)/python benchmarks/mutants.py $(OPTIONS) $(MODULES)

# The tests with the oldest library versions that pyproject.toml allows, and the newest versions of their dependencies.
lowest: $(READY)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .cache/lowest
	$(BIN)/uv pip install --quiet --python .cache/lowest/bin/python --resolution lowest-direct --editable '.[dev]'
	PATH=$(CURDIR)/.cache/lowest/bin:$$PATH pytest -n 2 --dist worksteal $(TESTS)

# Every package at one version, checked by hash and compiled to bytecode, which saves seconds in every job.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version)'
	@if command -v uv > /dev/null; then \
	  set -ex; \
	  uv venv --quiet --allow-existing --python $(PYTHON) .venv; \
	  uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock; \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .; \
	else \
	  set -ex; \
	  $(PYTHON) -m venv .venv; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .; \
	fi
	@$(BIN)/python -m compileall -q src
	@touch $@

# Updates the lock to the newest allowed versions, without an address in it.
lock:
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock
	$(BIN)/uv pip compile --group pyproject.toml:mutants --constraint requirements.lock --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet --output-file benchmarks/mutants.lock
	$(MAKE) environment.yaml

# The same versions for conda, without hashes, which it cannot check.
environment.yaml: requirements.lock
	sed '/- pip:/q' $@ > $@.new
	sed -nE 's/^([[:alnum:]].*[^ \\]) *\\$$/      - "\1"/p' $< >> $@.new
	mv $@.new $@

clean:
	rm -rf .venv .snakemake results/*/
