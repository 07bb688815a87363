# Every target makes ./.venv the first time. `make generate` and `make test` are all that a newcomer needs.
PYTHON ?= python3
CONFIG ?= configs/embedded.yaml
RAY_ADDRESS ?=
ARGS ?=
BENCHES ?= lift ask blind engine memory data train
BIN := .venv/bin
# What the two light configurations need installs in a minute; everything else also takes torch and its friends.
LIGHT := configs/embedded.yaml configs/rgbd.yaml
STAMP := .venv/.$(if $(filter $(CONFIG),$(LIGHT)),core,full)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: generate test check train verify bench soak setup clean

generate: $(STAMP)
	$(BIN)/spatialgen generate --config $(CONFIG) $(if $(RAY_ADDRESS),--set ray.address=$(RAY_ADDRESS)) $(ARGS)

test: .venv/.dev
	$(BIN)/python -m pytest -m "not soak and not gpu" $(ARGS)

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

train: .venv/.dev
	$(BIN)/spatialgen train --config $(or $(TRAIN_CONFIG),configs/train/embedded.yaml) $(ARGS)

verify: .venv/.dev
	$(BIN)/spatialgen verify $(ARGS)

soak: .venv/.dev
	$(BIN)/python -m pytest -m soak $(ARGS)

bench: .venv/.dev
	for name in $(BENCHES); do echo "== bench/$$name.py"; $(BIN)/python bench/$$name.py $(ARGS) || exit 1; done

setup: .venv/.dev

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "spatialgen needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "this Python cannot make environments; on Debian or Ubuntu run: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.core: constraints.txt setup.cfg | .venv/bin/python
	$(INSTALL) .
	@touch $@

.venv/.full: constraints.txt setup.cfg | .venv/bin/python
	$(INSTALL) '.[full]'
	@touch $@ .venv/.core

.venv/.dev: constraints.txt setup.cfg | .venv/bin/python
	$(INSTALL) '.[full,train,export,dev]'
	@# alone: it pins an old supervision, which it needs for drawing only and which brings a second OpenCV
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps groundingdino-py==0.4.0
	@touch $@ .venv/.full .venv/.core

clean:
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .hypothesis
