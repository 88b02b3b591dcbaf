# Every step of the house. `make demo` and `make test` do all set-up by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where the CPU build of torch is published; `make setup TORCH=cuda` takes PyPI's CUDA build instead.
TORCH ?= cpu
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
STAMP := $(VENV)/.installed-$(TORCH)

DETECTOR := src/lamina/diagnosis/shipped/1000genome.detector

.PHONY: setup demo test test-all check bench detector docs clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Lamina into $(VENV) (a few minutes on a fresh machine)"
ifeq ($(TORCH),cuda)
	@sed 's/^\(torch==[0-9.]*\)+cpu/\1/' constraints.txt > $(VENV)/constraints.txt
	@$(BIN)/pip install -q --disable-pip-version-check -c $(VENV)/constraints.txt torch
else
	@cp constraints.txt $(VENV)/constraints.txt
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --retries 1 \
	  --extra-index-url $(TORCH_INDEX) -c $(VENV)/constraints.txt torch
endif
	@$(BIN)/pip install -q --disable-pip-version-check -c $(VENV)/constraints.txt -e '.[all,dev]'
	@touch $(STAMP)

demo: setup
	@$(BIN)/python examples/demo.py demo-output

test: setup
	@$(BIN)/python -m pytest

test-all: setup
	@$(BIN)/python -m pytest -m ''

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/mypy

bench: setup
	@$(BIN)/pip install -q --disable-pip-version-check -c $(VENV)/constraints.txt -e '.[peers]'
	@$(BIN)/lamina benchmark networks -o benchmarks/out/networks
	@$(BIN)/lamina benchmark overhead -o benchmarks/out/overhead
	@$(BIN)/lamina benchmark faults -o benchmarks/out/faults
	@$(BIN)/lamina benchmark gantt -o benchmarks/out/gantt
	@$(BIN)/lamina benchmark traces -o benchmarks/out/traces
	@test -z "$(LAMINA_DATA)" || for protocol in batch flowbench unlabelled paper; do \
	  $(BIN)/lamina benchmark diagnosis --protocol $$protocol -o benchmarks/out/diagnosis-$$protocol \
	  || exit 1; done
	@$(BIN)/lamina benchmark report benchmarks/out/*/results.json -o benchmarks/RESULTS.md

detector: setup
	@test -n "$(LAMINA_DATA)" || { echo "set LAMINA_DATA to the folder that holds exogeni_2020"; exit 2; }
	@mkdir -p $(dir $(DETECTOR))
	@$(BIN)/lamina diagnose train --traces $(LAMINA_DATA)/exogeni_2020/1000genome.tar.xz \
	  --classes normal,cpu,hdd,loss --split batch --seed 1 -o $(DETECTOR)

docs: setup
	@$(BIN)/pip install -q --disable-pip-version-check -c $(VENV)/constraints.txt zensical
	@$(BIN)/zensical build

clean:
	rm -rf demo-output site benchmarks/out
