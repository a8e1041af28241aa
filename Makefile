PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out

.PHONY: demo test serve bench soak check lock clean

$(VENV)/.run: requirements/run.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	touch $@

demo: $(VENV)/.run
	$(BIN)/onrecord demo --out $(OUT)/demo

serve: $(VENV)/.run
	$(BIN)/onrecord serve --data $(OUT)/data --keys $(OUT)/keys/root.key

check: $(VENV)/.dev
	$(BIN)/ruff format --check src tests bench demo fuzz
	$(BIN)/ruff check src tests bench demo fuzz
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/python -m pytest -n 3 --dist loadfile

bench: $(VENV)/.dev
	$(BIN)/python -m bench $(NAME)

soak: $(VENV)/.dev
	$(BIN)/python -m bench.soak

lock:
	uv pip compile -q --no-emit-index-url --no-annotate --no-header --generate-hashes --python-version 3.11 pyproject.toml requirements/build.in -o requirements/run.txt
	uv pip compile -q --no-emit-index-url --no-annotate --no-header --generate-hashes --python-version 3.11 --extra dev pyproject.toml requirements/build.in -o requirements/dev.txt

clean:
	rm -rf $(VENV) out
