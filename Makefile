# One command runs what CI runs: `make test`. Needs GNU make and Python 3.11 or newer with its venv module, nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
FRONT_ENDS := $(addprefix tests/ui/browser/,test_flow_in_a_browser.py test_vscode_widgets.py test_lab_extension.py test_lab_runs.py test_lab_theme.py)
EXAMPLE := example_notebooks/01_quickstart.ipynb
# The Node that the environment brings.
NODE := PATH="$(CURDIR)/$(BIN):$$PATH"
LAB := $(addprefix labextension/,package.json yarn.lock tsconfig.json) hatch_build.py nbflow/static/view.js nbflow/static/view.css \
	$(wildcard nbflow/static/view/*.js labextension/src/*.ts labextension/src/*/*.ts labextension/style/* labextension/schema/*)
COMPILE = $(BIN)/uv pip compile pyproject.toml --quiet --universal --generate-hashes --python-version 3.11 --fork-strategy fewest \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock" $(UPGRADE)

# Tests and benchmarks start thousands of processes: each would compile nbflow anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo lab test browser lint format lock docs wire screenshots bench clean

help: ## say what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: $(VENV)/.installed-demo ## run the first example (again: every step is reused)
	$(BIN)/nbflow run $(EXAMPLE)

lab: $(VENV)/.installed-dev $(VENV)/.built-labextension ## JupyterLab on the examples, with nbflow's panel
	cd example_notebooks && ../$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root)

test: lint browser ## lint, types and all tests: what CI runs
	$(NODE) $(BIN)/npm test --prefix labextension
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"
	$(BIN)/python -m pytest -n 2 --dist loadfile -m slow $(addprefix --ignore ,$(FRONT_ENDS))
	$(BIN)/python -m pytest -n 2 -m slow $(FRONT_ENDS)

browser: $(VENV)/.installed-dev $(VENV)/.installed-npm $(VENV)/.built-labextension ## Chromium for the tests in real front ends: found, or brought by apt where that may be done
	@$(BIN)/python -m tests.ui.browser.chromium

lint: $(VENV)/.installed-dev ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.installed-dev ## let ruff rewrite what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

wire: $(VENV)/.installed-dev ## write the golden views of tests/wire anew (look at what has changed)
	$(BIN)/python -m tests.wire_views

lock: $(VENV)/.installed-dev ## solve requirements/*.txt anew (make lock UPGRADE=--upgrade takes newer versions)
	$(COMPILE) --group dev --output-file requirements/dev.txt
	$(COMPILE) --group demo --constraints requirements/dev.txt --output-file requirements/demo.txt
	$(COMPILE) --group bench --constraints requirements/dev.txt --output-file requirements/bench.txt
	$(subst pyproject.toml,,$(COMPILE)) --group peers --output-file requirements/peers.txt

screenshots: $(VENV)/.installed-dev browser ## make the pictures of README and docs anew
	$(BIN)/python -m docs.screenshots

docs: $(VENV)/.installed-dev ## write what the program says of itself into README and docs
	$(BIN)/python docs/refresh.py

bench: $(VENV)/.installed-bench $(VENV)/peers/.installed ## measure against peers, side by side
	$(BIN)/python -m benchmarks

clean: ## remove the environment, what runs have left and what tools have remembered
	rm -rf $(VENV) nbflow/labextension labextension/lib labextension/node_modules .nbflow nbflow_runs .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	cd example_notebooks && rm -rf reports 03_team_pipeline/.nbflow 03_team_pipeline/nbflow_runs 03_team_pipeline/data 03_team_pipeline/reports

# $(call at-least-3.11,PYTHON): stops with a plain word where an older Python would fail with a riddle.
define at-least-3.11
@$(1) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "nbflow needs Python 3.11 or newer, and $(1) is: $$($(1) --version 2>&1)." >&2; \
	echo "Name a newer one: make PYTHON=python3.12 (after make clean, if $(VENV) is there already)" >&2; exit 2; }
endef

$(BIN)/python:
	$(call at-least-3.11,$(PYTHON))
	$(PYTHON) -m venv $(VENV)

# Peers that cannot live in one environment with us have one of their own.
$(VENV)/peers/.installed: requirements/peers.txt | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/peers
	$(VENV)/peers/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@touch $@

# What checks nbflow/static, by the npm that the environment has.
$(VENV)/.installed-npm: tests/js/package-lock.json | $(VENV)/.installed-dev
	$(BIN)/npm ci --prefix tests/js --no-audit --no-fund --loglevel=error
	@touch $@

# The JupyterLab extension; what is up to date is not built again.
$(VENV)/.built-labextension: $(LAB) | $(VENV)/.installed-dev
	$(NODE) $(BIN)/python hatch_build.py
	@touch $@

# An environment that was made by hand serves as well: packages are added to it, nothing is taken away.
$(VENV)/.installed-%: requirements/%.txt pyproject.toml | $(BIN)/python
	$(call at-least-3.11,$(BIN)/python)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip
	$(PIP) install --no-compile --use-pep517 --require-hashes -r $<
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null || true  # on all cores; pip would do it on one
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@
