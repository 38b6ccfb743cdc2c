# Two commands on a fresh machine: `make run` tries the project, `make test` checks it.
# Both make .venv and install into it again only when one of the files in BUILD changed.

PYTHON ?= python3
BIN := .venv/bin
BUILD := pyproject.toml constraints.txt setup.py $(wildcard sentiment/engine/*.[ch])
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: install run test test-reviews campaign lint lint-javascript format screenshots pretrained clean

install: .venv/installed

run: .venv/installed
	$(BIN)/sentiment run-pipeline --source demo
	@echo
	@echo "See the runs in the MLflow UI:  $(BIN)/mlflow ui   and open the address it prints"
	@echo "Run on the IMDB reviews:        $(BIN)/sentiment run-pipeline   (downloads 80 MB the first time)"

test: lint
	$(BIN)/pytest --numprocesses 2 --dist worksteal

# The few tests that need real reviews: make test-reviews REVIEWS=aclImdb_v1.tar.gz
test-reviews: .venv/installed-dev
	$(if $(REVIEWS),,$(error Name an archive of real reviews: make test-reviews REVIEWS=aclImdb_v1.tar.gz))
	$(BIN)/pytest -m reviews

# Kills, damaged files, full disks, dying servers: tests/campaign/README.md says what CASES may be.
campaign: .venv/installed-dev
	$(BIN)/python -m tests.campaign.faults $(CASES)

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@echo "lines: $$(find sentiment pipelines -name '*.py' | xargs cat | wc -l) of sentiment and pipelines," \
	  "$$(find benchmarks -name '*.py' | xargs cat | wc -l) of benchmarks," \
	  "$$(find tests -name '*.py' -not -path 'tests/campaign/*' -not -path '*/node_modules/*' | xargs cat | wc -l) of tests;" \
	  "words of docs: $$(cat README.md docs/*.md | wc -w)"
	@if command -v npm > /dev/null; then $(MAKE) lint-javascript; else echo 'No npm: the JavaScript is not linted.'; fi

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The playground's JavaScript; npm also brings axe-core, which the tests in the browser look for.
NPM := tests/browser/node_modules
PLAYGROUND := sentiment/reporting/playground tests/sentiment/reporting/playground tests/browser/eslint.config.mjs

lint-javascript: $(NPM)/installed
	$(NPM)/.bin/eslint --config tests/browser/eslint.config.mjs $(PLAYGROUND)
	$(NPM)/.bin/prettier --print-width 120 --check '{sentiment,tests}/**/*.{js,mjs}'

$(NPM)/installed: tests/browser/package.json
	npm install --prefix tests/browser --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

.venv/installed: $(BUILD)
	$(PYTHON) -m venv .venv
	$(INSTALL) --editable .
	@touch $@

.venv/installed-dev: $(BUILD)
	$(PYTHON) -m venv .venv
	$(INSTALL) --editable '.[dev]'
	@touch .venv/installed $@

# The classifier in the box once more, of all reviews of the source's training half and of those without labels; also
# its neutral band, if SETS is a folder of the sets that benchmarks.neutral names.
PRETRAINED := .sentiment/pretrained

pretrained: .venv/installed
	$(BIN)/sentiment train --preset strong --model lstm --work-dir $(PRETRAINED)
	$(BIN)/python -m pipelines.pretrained $(PRETRAINED)/train/*/classifier
	$(if $(SETS),$(BIN)/python -m benchmarks.neutral $(SETS))

# The documentation's pictures of the MLflow UI and the report, of the runs in this folder; needs Debian's chromium.
screenshots: .venv/installed-dev
	$(BIN)/python -m tests.browser.screenshots

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
