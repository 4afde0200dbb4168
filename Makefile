# make demo   a FineMath-style dataset from the bundled sample, from nothing but Python and a C compiler
# make test   lint, types, floors and tests
# make bench  benchmarks, by hand
#
# TORCH_INDEX: a pip index with CPU builds of torch, for machines without a GPU; the default index brings CUDA.
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
PYTHON ?= python3
VENV ?= .venv
OUTPUT ?= demo-output
TORCH ?= torch==2.13.0
TORCH_INDEX ?=
BIN = $(VENV)/bin
# A torch that the base interpreter has is kept and seen through.
SITE = $(shell $(PYTHON) -c "import torch" 2>/dev/null && echo --system-site-packages)

.PHONY: demo test check bench clean
.DELETE_ON_ERROR:

$(BIN)/.torch:
	$(PYTHON) -m venv $(SITE) $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -c "import torch" 2>/dev/null || \
		$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	touch $@

$(BIN)/.demo: $(BIN)/.torch pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[demo]"
	touch $@

$(BIN)/.dev: $(BIN)/.demo
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@

demo: $(BIN)/.demo
	$(BIN)/curate run finemath --config finemath-smoke --output $(OUTPUT)
	@echo "disk     $$(du -shc $(VENV) $(OUTPUT) | tail -1 | cut -f1) (environment $$(du -sh $(VENV) | cut -f1), output $$(du -sh $(OUTPUT) | cut -f1))"

check: $(BIN)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p curation
	$(BIN)/mypy pipelines/*.py
	$(BIN)/lint-imports

test: check
	$(BIN)/python -m pytest

# Each says what it needs and skips itself where that is absent. One alone: PYTHONPATH=. .venv/bin/python FILE
BENCHES = $(wildcard tests/bench/bench_*.py) $(addprefix tests/bench/extraction/,boilerplate.py mathml_gold.py isolation.py \
	survival.py)

bench: $(BIN)/.dev
	for bench in $(BENCHES); do echo "== $$bench"; PYTHONPATH=. $(BIN)/python $$bench || exit 1; done

clean:
	rm -rf $(VENV) $(OUTPUT) build dist
