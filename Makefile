# One word per job. Each is a `course` command, run in .venv, which is made first.

# What makes .venv; afterwards the Python in it:   make lab PYTHON=python3.12
PYTHON  ?= $(shell .venv/bin/python -c "" 2>/dev/null && echo .venv/bin/)python3
INSTALL := $(PYTHON) course/ops/install.py
COURSE  := .venv/bin/course

.DEFAULT_GOAL := help
.PHONY: help lab grade doctor test build lint audit lock

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

lab:  ## open the course in JupyterLab; installs it the first time
	@$(INSTALL)
	@$(COURSE) lab $(ARGS)

grade:  ## grade the sample submission and show its table
	@$(INSTALL)
	@.venv/bin/python examples/sample.py build/sample
	@$(COURSE) grade week1_coding --as sample --work build/sample

doctor:  ## say what is missing on this machine
	@$(INSTALL)
	@$(COURSE) doctor

test:  ## check that everything built is fresh, lint the code, run the tests
	@$(INSTALL) dev
	@$(COURSE) build --check
	@.venv/bin/ruff check
	@.venv/bin/pytest $(ARGS)

build:  ## lessons/ -> source/ -> release/
	@$(INSTALL) dev
	@$(COURSE) build

lint:  ## check the rules of code and notebooks
	@$(INSTALL) dev
	@.venv/bin/ruff check
	@$(COURSE) lint

audit:  ## prove the graders
	@$(INSTALL) dev
	@$(COURSE) audit

lock:  ## renew requirements.lock; use the oldest Python 3.11 at hand
	@$(PYTHON) -m venv --clear build/lock
	@build/lock/bin/pip install --quiet --upgrade pip setuptools
	@build/lock/bin/pip install --quiet -e '.[dev]'
	@head -2 requirements.lock > build/lock/new
	@build/lock/bin/pip freeze --all --exclude-editable --exclude pip >> build/lock/new
	@mv build/lock/new requirements.lock
