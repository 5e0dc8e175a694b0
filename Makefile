# Lair Chat: `make run` starts it, `make test` tests it. Nothing but Python 3.11 and make is needed to run.

PYTHON ?= python3
RUN_ENV := .venv
TEST_ENV := .venv-test
RUN := $(RUN_ENV)/bin/python
TEST := $(TEST_ENV)/bin/python
WORKERS ?= 3
STACK ?= sqlite
BESIDE_postgres := -m lairchat.testing.stack

.PHONY: run test coverage lint check docs screenshots bench faults break clean

run: $(RUN_ENV)/.installed  ## install, make secrets, migrate, serve on http://127.0.0.1:8082
	@$(RUN) manage.py migrate --verbosity 0
	@$(RUN) manage.py collectstatic --noinput --verbosity 0
	@exec $(RUN) manage.py serve

$(RUN_ENV)/.installed: requirements.txt
	@$(PYTHON) scripts/check_python.py
	@echo "Installing into $(RUN_ENV) (once) …"
	@$(PYTHON) -m venv $(RUN_ENV)
	@$(RUN_ENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(TEST_ENV)/.installed: requirements.txt requirements-dev.txt
	@$(PYTHON) scripts/check_python.py
	@$(PYTHON) -m venv $(TEST_ENV)
	@$(TEST_ENV)/bin/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

test: $(TEST_ENV)/.installed  ## run every test, in parallel; STACK=postgres: on PostgreSQL, Redis and two processes
	@sh scripts/need_programs.sh
	$(TEST) $(BESIDE_$(STACK)) -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

coverage: $(TEST_ENV)/.installed  ## the same tests, counted: lines and branches, also of the servers they start; at least 90 %
	@sh scripts/need_programs.sh
	$(TEST) -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term:skip-covered --cov-fail-under=90 $(ARGS)

lint: $(TEST_ENV)/.installed  ## format, types, import contracts, migrations, deployment check, generated files
	$(TEST_ENV)/bin/ruff format --check .
	$(TEST_ENV)/bin/ruff check .
	$(TEST_ENV)/bin/mypy lairchat accounts rooms chat
	$(TEST_ENV)/bin/lint-imports
	$(TEST) manage.py makemigrations --check --dry-run
	LAIR_SITE_ADDRESS=https://chat.example.org $(TEST) manage.py check --deploy --fail-level WARNING
	$(TEST) manage.py docs --check

check:  ## what CI runs
	bash .ci/run

docs: $(TEST_ENV)/.installed  ## write the generated pages anew
	$(TEST) manage.py docs

screenshots: $(TEST_ENV)/.installed  ## docs/screenshots: every page, light and dark, wide and narrow
	$(TEST) -m scripts.screenshots

bench: $(TEST_ENV)/.installed  ## measure; docs/benchmarks. Fetches Redis by apt where it is missing
	@sh scripts/need_programs.sh
	$(TEST) -m bench $(ARGS)

faults: $(TEST_ENV)/.installed  ## break everything around the server, long and hard; NAMES="crash overload" for some, SEED=7
	@sh scripts/need_programs.sh
	$(TEST) $(BESIDE_$(STACK)) -m lairchat.faults $(NAMES) $(if $(SEED),--seed $(SEED)) --out docs/benchmarks/faults.md

break: $(TEST_ENV)/.installed  ## take away each protection in turn; each must turn a test red
	$(TEST) scripts/break.py

clean:
	rm -rf $(RUN_ENV) $(TEST_ENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
