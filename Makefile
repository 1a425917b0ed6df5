# Everything works on a machine that has Python 3.11 and make: the environment comes first.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
# For two cores: tests with a server or a browser wait for half of their time.
WORKERS ?= 3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: install demo test lint bench soak docs wheel clean

install: $(INSTALLED)  ## make .venv with the tool, all extras, and what development needs

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,dev]'
	touch $@

demo: $(INSTALLED)  ## the whole way on drawn scenes, through a real Label Studio
	$(BIN)/rsitmd demo

# Otherwise every process that a test starts compiles the modules of the tool again.
test soak: export PYTHONDONTWRITEBYTECODE =
# Huge pages: on a virtual machine, trainings take much less time with them.
test soak: export GLIBC_TUNABLES = glibc.malloc.hugetlb=1
test soak: export PYTHONMALLOC = malloc

test: $(INSTALLED)  ## all tests, with the real server; with a browser where one is found
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 10

lint: $(INSTALLED)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p rsitmd_tools

bench: $(INSTALLED)  ## measure; docs/benchmarks/ holds the figures
	# Scripts that lack data or weights are listed as not measured.
	$(BIN)/python benchmarks/run_all.py

soak: $(INSTALLED)  ## long campaigns: hundreds of kills, load, fuzz
	$(BIN)/python -m pytest -m soak --timeout 7200

docs: $(INSTALLED)  ## the documentation site, in build/site; warnings are errors
	$(BIN)/python -m sphinx -W --keep-going -E -a -q -b html -d build/doctrees docs build/site

wheel: $(INSTALLED)  ## the wheel, in dist/
	$(BIN)/python -m build --wheel

clean:  ## remove what was built; .venv and your data stay
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
