# Everything runs in .venv, installed from uv.lock: no root, no container engine, no resolver.
PYTHON ?= python3
UV_VERSION := 0.13.9
RUN := .venv/bin/python -m
SYNC := $(RUN) uv sync --frozen --inexact --compile-bytecode --quiet

export UV_PYTHON_DOWNLOADS := never
# Tests and the bench start Python thousands of times, which need not compile the same modules each time.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: help demo test faults denials bench check lint types imports schema generated report clean

help:  ## What can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' Makefile

demo: .venv/.demo  ## Start the sandbox, verify it, leave reports/latest
	$(RUN) pytest --env sandbox --alluredir reports/allure-results --clean-alluredir

test: .venv/.test  ## Run our own tests against the sandbox
	$(RUN) pytest selftests -W error -n 3 --dist loadfile --no-loadscope-reorder --cache-clear $(ARGS) || \
	  { [ $$? -eq 1 ] && $(RUN) selftests.again; }

faults: .venv/.test  ## Prove every fault: broken, named, explained, mended
	$(RUN) selftests.proofs $(ARGS)

denials: .venv/.test  ## Deny each permission in turn: nothing is green that could not be seen
	$(RUN) selftests.denials $(ARGS)

bench: .venv/.test  ## Measure what is budgeted: run time, start-up, fan-out, growth
	$(RUN) bench $(ARGS)

check: lint types imports  ## Lint, formatting, types and import rules

lint: .venv/.test
	$(RUN) ruff check .
	$(RUN) ruff format --check .

types: .venv/.test
	$(RUN) mypy

imports: .venv/.test
	.venv/bin/python -c 'from importlinter.cli import lint_imports_command as run; run()'

schema: .venv/.test  ## Write environments/schema.json anew
	$(RUN) postflight schema > environments/schema.json

generated: schema  ## Write anew what is generated: schema, permissions of deploy/, tables of faults
	for env in dev stage prod doa-prod; do \
	  $(RUN) postflight permissions --env $$env --kubernetes --vantage inside --service-account postflight-$$env/postflight > deploy/overlays/$$env/rbac.yaml && \
	  $(RUN) postflight permissions --env $$env --iam > deploy/iam/$$env.json || exit 1; \
	done
	$(RUN) selftests.proofs --table > docs/faults.md
	$(RUN) selftests.proofs.words > runbook/faults.json

report:  ## Build the Allure report of the latest run (needs Node.js 20 or newer)
	@command -v npm >/dev/null || { echo "make report needs Node.js 20 or newer with npm."; exit 1; }
	@node reports/results.mjs $(RUN_FOLDER)
	@$(MAKE) --no-print-directory reports/node_modules/.package-lock.json
	@node reports/build.mjs $(RUN_FOLDER)

reports/node_modules/.package-lock.json: reports/package.json reports/package-lock.json
	npm ci --prefix reports --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

clean:  ## Remove what was installed and measured
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache reports/*-*Z* reports/latest reports/allure-results

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Postflight needs Python 3.11 or newer; this is $$($(PYTHON) --version). Say: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.uv: | .venv/bin/python
	$(RUN) pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch .venv/.uv

.venv/.demo: pyproject.toml uv.lock .venv/.uv
	$(SYNC) --group sandbox
	@touch .venv/.demo

.venv/.test: pyproject.toml uv.lock .venv/.uv
	$(SYNC) --all-groups
	@touch .venv/.test .venv/.demo
