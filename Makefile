# Lifeboat: every command a person or continuous integration needs. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

FIRMWARE ?= uefi
SIGNERS  ?=
REVOKED  ?=
FUZZ_SECONDS ?= 3600
BUILD    := build
PY       := .venv/bin/python
DRILL_ARGS := rescue.auto rescue.sif=LABEL=SIF
ISO        := $(BUILD)/lifeboat.iso
DRILL_ISO  := $(BUILD)/lifeboat-drill.iso

.PHONY: help install drill iso drill-iso pyz test check lint unit fuzz bench record-machines clean

help: ## list these targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  FIRMWARE=uefi|bios|bios,uefi chooses the firmware of \`make drill\`."
	@echo "  SIGNERS=FILE [REVOKED=FILE] bakes into \`make iso\` who may sign a set; unattended runs need it."

install: .venv/.installed ## Debian packages and the Python virtual environment

.venv/.installed: pyproject.toml .ci/debian-packages.txt
	@.ci/install-packages
	@test -x $(PY) || python3 -m venv .venv
	@echo "[started] Python packages"
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[build,drill,test]'
	@echo "[finished] Python packages"
	@touch $@

drill: install drill-iso ## the whole job: a real virtual server is captured, destroyed, recovered and proved
	@$(PY) -m drill run-all --firmware $(FIRMWARE) --iso $(DRILL_ISO) --evidence $(BUILD)/evidence

iso: install ## the rescue image for people: build/lifeboat.iso
	@$(PY) builder.py iso --output $(ISO) $(if $(SIGNERS),--allowed-signers '$(SIGNERS)') \
		$(if $(REVOKED),--revoked '$(REVOKED)')

drill-iso: install
	@$(PY) builder.py iso --output $(DRILL_ISO) --append '$(DRILL_ARGS)' \
		--allowed-signers "$$($(PY) -m drill key $(BUILD)/drill-key)"

pyz: install ## the capture program as one file: build/sif.pyz
	@mkdir -p $(BUILD)
	@$(PY) -m sif.pack $(BUILD)/sif.pyz

test: install lint drill-iso ## everything: linters, unit, component and virtual machine tests
	@$(PY) -m pytest tests

check: install lint unit ## what needs no root and less than a minute: linters, unit and component tests

lint:
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@git ls-files -z --cached --others --exclude-standard | xargs -0 grep -lIE '^#!.*\b(ba)?sh\b' | xargs -r shellcheck --severity=style --exclude=SC1091

unit:
	@$(PY) -m pytest -q tests/unit tests/component

fuzz: install ## an hour of coverage-guided fuzzing of everything that reads a file (FUZZ_SECONDS=3600)
	@PYTHONPATH=.:tests nice -n 19 $(PY) -m fuzz all --seconds $(FUZZ_SECONDS) --keep $(BUILD)/fuzz

bench: install ## throughput of the catalog against sha256sum on this machine; a capture against its tools (root)
	@$(PY) tests/bench/catalog.py
	@$(PY) tests/bench/capture.py

record-machines: install ## record the storage layouts of tests/machines again (root, minutes); MACHINES="name ..." for some
	@$(PY) tests/machines/record_machines.py $(MACHINES)

clean: ## remove what was built here (the download cache stays)
	rm -rf $(BUILD)
