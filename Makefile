# Everything a fresh machine needs: Python 3.11 or newer with venv and pip, make, gcc.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Compiled modules are kept, even where the environment says otherwise: tests start dozens of processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check check-fast lint types bench docs clean

# The environment: exact versions with hashes from the lock, then this checkout in editable mode.
$(READY): requirements.lock pyproject.toml
	@echo "making $(VENV) from requirements.lock; the first time takes some minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)

demo: $(READY)
	$(BIN)/minsum demo demo

# The report is tested in a real browser: Debian's, where there is none and the machine may be changed.
.PHONY: browser
browser:
	@command -v chromium >/dev/null || test "$$(id -u)" -ne 0 || ! command -v apt-get >/dev/null || \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } || \
	  echo "no chromium: the tests of the report page are skipped"

# As many tests at a time as there are cores; a worker that is done takes over tests of another.
PYTEST := $(BIN)/python -m pytest -n $$(nproc) --dist worksteal

test: $(READY) browser
	$(PYTEST)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

check: lint types test

# While editing, under a minute: all but the tests marked slow.
check-fast: lint types
	$(PYTEST) -q -m "not slow"

bench: $(READY)
	for bench in benchmarks/bench_*.py; do $(BIN)/python $$bench || exit 1; done

# The site, in docs/_build/index.html; a warning fails.
docs: $(READY)
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build

clean:
	rm -rf $(VENV) demo build dist docs/_build
