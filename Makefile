# What a newcomer needs: `make demo` shows it, `make test` proves it, `make serve` leaves it running.
# Needs Python 3.11 or later with venv, and make.  Everything else is put into .venv from one hashed lock file.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; break; }; done)
VENV := .venv
INSTALLED := $(VENV)/.installed
PORT ?= 8000
JOBS ?= 2

TOOLS := .tools
TOOLED := $(TOOLS)/.installed

.PHONY: demo test spark serve lint lock bench bench-hook bench-audit soak tools image release audit-lock clean

demo: $(INSTALLED)
	@$(VENV)/bin/python scripts/demo.py

# A file of tests stays with one process: `make test JOBS=1` runs them one by one.
test: $(INSTALLED)
	$(VENV)/bin/python -m pytest -n $(JOBS) --dist loadfile

# What the audit on Spark needs besides Java, and nothing else does: 500 MB.  Then `make test` tests it too.
spark: $(INSTALLED)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --require-hashes \
		--requirement requirements-spark.lock

serve: $(INSTALLED)
	$(VENV)/bin/foramen serve --dev --port $(PORT)

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# How fast it reads: prints Markdown, for benchmarks/README.md.
bench: $(INSTALLED)
	@$(VENV)/bin/python benchmarks/speed.py

# Minutes of load with slow clients, killed workers and database restarts.
soak: $(INSTALLED)
	@$(VENV)/bin/python benchmarks/soak.py

# What a hook call costs, beside a Flask endpoint that does nothing and beside HealthChain; and memory over many calls.
bench-hook: $(INSTALLED)
	@$(VENV)/bin/python benchmarks/hook $(if $(HEALTHCHAIN),--healthchain $(HEALTHCHAIN))
	@$(VENV)/bin/python benchmarks/hook --growth 100000

# What an audit costs; a gigabyte takes its time: benchmarks/README.md.
bench-audit: $(INSTALLED)
	@$(VENV)/bin/python benchmarks/audit
	@$(VENV)/bin/python benchmarks/audit --memory

# What a release is made and checked with, apart from what the service and its tests need.
tools: $(TOOLED)

# The container image, with whatever is there: docker, podman, or buildah without a daemon.
IMAGE_TOOL ?= $(shell command -v docker || command -v podman || command -v buildah)
image:
	$(IMAGE_TOOL) build --tag foramen:$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) $(IMAGE_ARGUMENTS) .

# Wheel, source archive, bill of materials and checksums of the last commit, in dist/.
release: $(INSTALLED) $(TOOLED)
	$(VENV)/bin/python scripts/release.py
	$(VENV)/bin/python scripts/audit_lock.py

audit-lock: $(INSTALLED) $(TOOLED)
	$(VENV)/bin/python scripts/audit_lock.py

# Resolves anew, for every platform and Python from 3.11 on.
lock: $(INSTALLED)
	$(VENV)/bin/python -m pip install --quiet uv
	$(VENV)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--custom-compile-command "make lock" --extra dev --extra audit --upgrade --output-file requirements.lock pyproject.toml
	$(VENV)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--custom-compile-command "make lock" --extra spark --constraint requirements.lock --upgrade \
		--output-file requirements-spark.lock pyproject.toml
	$(VENV)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--custom-compile-command "make lock" --group release --upgrade --output-file requirements-release.lock

clean:
	rm -rf $(VENV) $(TOOLS) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last: an installation that broke off is begun again.
$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Foramen needs Python 3.11 or later with venv (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON) ..."
	@"$(PYTHON)" -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(TOOLED): requirements-release.lock
	@test -n "$(PYTHON)" || { echo "Foramen needs Python 3.11 or later with venv (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@"$(PYTHON)" -m venv --clear $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-release.lock
	@touch $@
