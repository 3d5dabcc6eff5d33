# classpulse: every target sets up what it needs in .venv and changes nothing else on the machine.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help demo setup test integration coverage-report lint format bench pictures lock third-party audit clean

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
NAME ?= local
# COVERAGE=1 records which lines the tests ran; `make coverage-report` then applies the gate.
RECORD := $(if $(COVERAGE),--cov --cov-report= --cov-fail-under=0)
RECORD_MORE := $(RECORD) $(if $(COVERAGE),--cov-append)
# Most tests wait more than they work: three processes share their files, also on two cores. Those marked `alone` come after the others.
# A process that dies ends the run: of one that is replaced, xdist 3.8 waits for ever for tests that were done.
SHARED := -n 3 --max-worker-restart 0 --dist loadfile --no-loadscope-reorder
# 5 is pytest's answer where nothing fits: ARGS may mean the tests of one call alone, but not of none.
define pytest
ran=0
run() { $(BIN)/python -m pytest "$$@" $(ARGS) && ran=1 || { code=$$?; [ $$code -eq 5 ] || return $$code; }; }
some() { [ $$ran -eq 1 ] || { echo 'no test fits these ARGS' >&2; return 5; }; }
endef

help:
	@echo 'make demo         twelve drawn people in a class, live at http://127.0.0.1:8080  (ARGS="--duration 60 --json")'
	echo 'make test         all tests that need nothing but Python'
	echo 'make integration  tests with system packages: headless Chromium, Node.js, strace, Janus'
	echo 'make lint         ruff and mypy'
	echo 'make bench        what tests/benchmarks/README.md quotes  (NAME=local ARGS=--json)'
	echo 'make pictures     what the README shows, taken anew of a demo class: four minutes, with Chromium'
	echo 'make lock         the versions and digests that an installation gets  (deploy/requirements.lock)'
	echo 'make third-party  what is installed, and under which licences  (deploy/THIRD_PARTY.md)'
	echo 'make audit        known faults of these versions; needs the network'
	echo 'make setup        the development environment in .venv, training included'

# The first Python of a version that every dependency has wheels for, and that can make a virtual environment.
define find_python
for candidate in $(PYTHON) python3.11 python3.12 python3 python; do
  if $$candidate -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then
    python=$$candidate; break
  fi
done
if [ -z "$${python:-}" ]; then
  echo 'classpulse needs Python 3.11 or 3.12 with the venv module: install it (Debian, Ubuntu: python3 and python3-venv), or say make PYTHON=/path/to/python3.11' >&2
  exit 1
fi
[ -x $(BIN)/python ] || $$python -m venv $(VENV)
$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' || { echo 'the virtual environment in $(VENV) is of another Python: remove it (rm -r $(VENV)) and try again' >&2; exit 1; }
endef
# What the lock leaves out on purpose (deploy/excluded.txt) is no conflict.
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-warn-conflicts
INSTALL = $(PIP) --constraint deploy/constraints.txt
# What runs is what was tested, to the byte, and nothing that the lock leaves out (deploy/excluded.txt); then this folder itself.
define install
$(BIN)/python -m pip uninstall -qqq --yes --disable-pip-version-check --requirement deploy/excluded.txt >&2
$(PIP) --no-deps --require-hashes --requirement deploy/requirements.lock >&2
$(PIP) --no-deps --no-build-isolation --editable . >&2
endef

$(VENV)/.installed: pyproject.toml deploy/requirements.lock deploy/excluded.txt
	@$(find_python)
	echo 'installing classpulse into $(VENV), about a minute' >&2
	$(install)
	touch $@

$(VENV)/.developing: $(VENV)/.installed deploy/constraints.txt
	@echo 'installing what development needs into $(VENV), about a minute' >&2
	extras='import tomllib; extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; print(*extras["dev"], *extras["train"], sep="\n")'
	$(INSTALL) --requirement <($(BIN)/python -c "$$extras") >&2
	touch $@

setup: $(VENV)/.developing

# schemathesis and openapi-python-client: no dependency of anything, and of other versions than ours, so they stand apart.
$(VENV)/tools/.installed: $(VENV)/.installed tests/tools.txt
	@$(BIN)/python -m venv $(VENV)/tools >&2
	$(VENV)/tools/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/tools.txt >&2
	touch $@

# The first free port from the usual one on, unless ARGS names one: looked for before a minute goes into installing.
define free_port
first=$${CLASSPULSE_PORT:-8080}
port=$$first
while (exec 3<>/dev/tcp/127.0.0.1/$$port) 2>/dev/null; do port=$$((port + 1)); done
[ "$$port" = "$$first" ] || echo "port $$first is taken: this demo is at http://127.0.0.1:$$port" >&2
endef

demo:
	@$(if $(findstring --port,$(ARGS)),,$(free_port))
	$(MAKE) --no-print-directory $(VENV)/.installed
	mkdir -p artefacts
	exec $(BIN)/classpulse demo --report artefacts/demo.html $${port:+--port $$port} $(ARGS)

test: $(VENV)/.developing
	@$(pytest)
	run $(RECORD) $(SHARED) -m 'not integration and not gpu and not alone'
	run $(RECORD_MORE) -m 'alone and not integration and not gpu'
	some

# chromium: join page and dashboard in a real browser; nodejs: the page's pure modules; strace: nothing is written; janus, ip, nft, turnserver: real rooms and networks; redis-server: the service of the README.
# tensorrt_rtx (100 MB): builds real engines without a GPU; no dependency of anything, so it is installed here alone.
integration: $(VENV)/.developing
	@missing=()
	for pair in chromium:chromium node:nodejs strace:strace janus:janus ip:iproute2 nft:nftables turnserver:coturn redis-server:redis-server; do
	  command -v "$${pair%%:*}" >/dev/null || missing+=("$${pair##*:}")
	done
	[ $${#missing[@]} -eq 0 ] || echo "tests that need $${missing[*]} are skipped; to run them: sudo apt-get install -y $${missing[*]}" >&2
	$(BIN)/python -c 'import tensorrt_rtx' 2>/dev/null || $(INSTALL) tensorrt-rtx-cu13==1.7.1.116 >&2 \
	  || echo 'tests that build TensorRT engines are skipped: tensorrt-rtx-cu13 could not be installed' >&2
	$(MAKE) --no-print-directory $(VENV)/tools/.installed \
	  || echo 'tests that generate calls and clients from the API are skipped: tests/tools.txt could not be installed' >&2
	$(pytest)
	run $(RECORD_MORE) $(SHARED) -m 'integration and not alone$(if $(LONG),, and not long)'
	run $(RECORD_MORE) -m 'integration and alone$(if $(LONG),, and not long)'
	some

coverage-report: $(VENV)/.developing
	@$(BIN)/coverage report

lint: $(VENV)/.developing
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.developing
	@$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.developing
	@exec $(BIN)/python -m tests.benchmarks.$(NAME) $(ARGS)

pictures: $(VENV)/.developing
	@exec $(BIN)/python -m tests.pictures

# Run it after a change of pyproject.toml, deploy/constraints.txt or deploy/excluded.txt; a test compares them.
lock:
	@$(find_python)
	$(INSTALL) uv==0.13.9 >&2
	printf '%s\n' 'setuptools>=77' opencv-python-headless | $(BIN)/uv pip compile --quiet pyproject.toml - \
	  --constraint deploy/constraints.txt --excludes deploy/excluded.txt \
	  --python-version 3.11 --python-platform x86_64-manylinux_2_28 --generate-hashes --no-annotate \
	  --custom-compile-command 'make lock' --output-file deploy/requirements.lock

# Run it after `make lock`; a test compares the two.
third-party: $(VENV)/.installed
	@$(BIN)/python -m tests.deploy.third_party

# Known faults of the locked versions; needs the network. A package that cannot be looked up fails it.
audit:
	@$(find_python)
	$(INSTALL) pip-audit==2.10.1 >&2
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement deploy/requirements.lock

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* artefacts
