# Each target makes its own environment in .venv when it is not there. `make run` and `make test` are the README's two commands.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SPEC ?= sweeps/noise_aug_vs_interaction.yaml

# Of `make test`: where nothing is said, all but those marked slow, which break or run many real sweeps. TESTS=tests is all of them.
TESTS ?= -m "not slow"

.PHONY: install run test check docs bench ui clean

install: $(VENV)/.installed
$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "installing into $(VENV): some minutes, the first time"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -e '.[dev]' -c constraints.txt
	touch $@

run: install
	$(BIN)/sweeper run $(SPEC)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/pytest $(TESTS)

# Minutes to an hour. `make bench DEVICE=cuda` on a GPU; the table in docs/speed.md is renewed.
BENCHMARKS = train_step released scaling evaluation data start_up store_scale sweep_overhead mlflow_sync mlflow_away
bench: install
	set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python benchmarks/$$name.py $(if $(DEVICE),--device $(DEVICE)); done
	$(BIN)/python benchmarks/summary.py --write

# The documentation as a site, in site/. A broken link or a page that stands nowhere is an error.
docs: install
	$(BIN)/mkdocs build --strict --quiet

ui: install
	$(BIN)/sweeper ui

clean:
	rm -rf $(VENV)
