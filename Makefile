# make demo    a page with a moving 3D skeleton of a real video, from the shipped weights
# make test    all that CI runs
# make lint    only the linters
# make clean   remove what the others made
#
# Each of demo and test makes its own virtual environment anew. PYTHON=... chooses the interpreter.

PYTHON ?= python3
PIP = -m pip --disable-pip-version-check --quiet

.PHONY: demo test lint clean python

demo: python
	$(PYTHON) -m venv --clear .venv-demo
	.venv-demo/bin/python $(PIP) install ".[video]"
	mkdir -p out
	.venv-demo/bin/poselift lift examples/walk.json -o out/walk.html
	.venv-demo/bin/poselift lift examples/balancing.mp4 --calibration examples/balancing.toml --root \
	  -o out/demo.html -o out/demo.npz -o out/demo.mp4
	@echo
	@echo "Look at $(CURDIR)/out/demo.html (any browser) and out/demo.mp4; the numbers are in out/demo.npz."

test:
	rm -rf .venv-test
	$(MAKE) --no-print-directory lint
	.ci/environments
	CI=1 .venv-test/bin/python -m pytest -n auto --dist loadfile

lint: .venv-test/ready
	.venv-test/bin/ruff check
	.venv-test/bin/ruff format --check
	.venv-test/bin/mypy

.venv-test/ready: pyproject.toml constraints.txt | python
	$(PYTHON) -m venv --clear .venv-test
	.venv-test/bin/python $(PIP) install -c constraints.txt ".[dev]"
	touch $@

clean:
	rm -rf .venv-demo .venv-test out build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.venv*' -prune -exec rm -rf {} +

python:
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "poselift needs Python 3.10 or newer with venv; choose one: make $(MAKECMDGOALS) PYTHON=python3.12"; \
	  exit 1; }
