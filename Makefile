# Opsdesk: `make run` opens the window, `make test` checks everything. Both set up what is missing first.
PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest -q
export QT_LOGGING_RULES := qt.qpa.*=false
# Each part's lines are printed together, where make can (macOS brings make 3.81, which cannot).
WHOLE := $(if $(filter output-sync,$(.FEATURES)),-O)
# Every child process would compile what it imports anew: keep the bytecode, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run tour test test-full lint types test-core test-gui test-journeys bench lock setup setup-tests setup-full clean

run: setup
	@if [ "$$(uname -s)" = Linux ] && [ -z "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
		echo "There is no display here, so the tour runs instead: the real window, offscreen."; \
		$(PYTHON) -m tests.tour; \
	else $(PYTHON) main.py; fi

tour: setup
	@$(PYTHON) -m tests.tour --readme

# The offscreen window waits a lot, and what it leaves of two cores the core's tests take; the type checker, which never
# waits, takes what both leave. The journeys' window is a user's: nothing runs beside it.
test: setup-tests
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory -j3 $(WHOLE) types test-core test-gui
	@$(MAKE) --no-print-directory test-journeys

test-full: setup-full
	$(PYTEST) -m "heavy or not heavy" tests/core tests/rules

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types:
	nice -n 10 $(PYTHON) -m mypy
	.venv/bin/lint-imports --no-logo 2>/dev/null || .venv/bin/lint-imports

# A worker that crashes ends the run: the others would wait for its replacement for ever.
# The core must work where Qt cannot even be imported.
test-core:
	$(PYTEST) -m "not heavy" -p no:pytest-qt -p tests.without_qt -n 5 --dist loadfile --max-worker-restart 0 --no-loadscope-reorder tests/core

test-gui:
	QT_QPA_PLATFORM=offscreen PYTEST_QT_API=pyside6 $(PYTEST) -m "not heavy" -n 2 --dist loadfile --max-worker-restart 0 tests/gui tests/rules

test-journeys:
	PYTEST_QT_API=pyside6 $(PYTEST) -m "not heavy" -n 3 --dist loadfile --max-worker-restart 0 -rP tests/journeys

bench: setup-full
	$(PYTHON) -m tests.benchmarks

# No compiler is asked for: each pinned package has a wheel for each system (pure-sasl is plain Python, and comes as source).
lock:
	uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate -q -o requirements.lock
	uv pip compile --group rivals --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate -q -o requirements-rivals.lock
	@for platform in x86_64-manylinux_2_36 aarch64-apple-darwin x86_64-pc-windows-msvc; do for python in 3.11 3.14; do \
		MACOSX_DEPLOYMENT_TARGET=14.0 uv pip install --dry-run -q --only-binary :all: --no-binary pure-sasl --no-deps --require-hashes \
			--python-version $$python --python-platform $$platform --target build/none -r requirements.lock || exit 1; done; done

setup:
	@.ci/setup

setup-tests:
	@.ci/setup tests

setup-full:
	@.ci/setup full

clean:
	rm -rf .venv .rivals .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build tour
