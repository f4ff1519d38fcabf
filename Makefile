PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test conformance fuzz mutants lint docs format clean

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "kzoo needs Python 3.11 or newer, this is %s; try make PYTHON=python3.11" % sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-%: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group $*
	touch $@

# Everything of an earlier demo is taken away first, so that the demo is the same again.
demo: $(VENV)/.installed
	rm -rf runs/demo saved_models/demo
	$(BIN)/kzoo search mlp --data digits --trials 24 --epochs 15 --seed 1 --out runs/demo
	$(BIN)/kzoo export runs/demo --name demo
	$(BIN)/kzoo predict saved_models/demo saved_models/demo/request.json
	@echo
	@echo "To try next:"
	@echo "  . $(BIN)/activate"
	@echo "  kzoo models mlp                        what was tuned"
	@echo "  kzoo report runs/demo                  what was found"
	@echo "  kzoo search mlp --data wine            another data set, or your own .csv, .npz, images"
	@echo "  python examples/01_python_api.py       the same from Python"

test: $(VENV)/.installed-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

# Every layer, loss, metric, optimizer, ... of the installed Keras, trained by model.fit and by the engines.
# A fraction such as PART=2/8 trains an eighth of the ways to use each object beside the plainest one.
PART ?= 1/1
conformance: $(VENV)/.installed-test
	OMP_NUM_THREADS=1 KZOO_CONFORMANCE_PART=$(PART) CUDA_VISIBLE_DEVICES=-1 $(BIN)/python -m pytest tests/conformance -m "" -n auto --dist worksteal

# Every reader of files and bodies on hostile ones, SECONDS for each of a dozen.
SECONDS ?= 300
fuzz: $(VENV)/.installed-test
	KZOO_FUZZ_SECONDS=$(SECONDS) CUDA_VISIBLE_DEVICES=-1 $(BIN)/python -m pytest tests/fuzz -n auto

# Whether the tests of a room fail when its code is changed: thousands of small changes, a minute for a hundred of them.
mutants: $(VENV)/.installed-test $(VENV)/.installed-mutants
	$(BIN)/python tests/mutants.py $(ROOM)

lint: $(VENV)/.installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The documentation in site/, readable without a network or a server; warnings are errors.
docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "Open site/index.html"

format: $(VENV)/.installed-lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache
