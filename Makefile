# Lifeboat: every command a person or continuous integration needs. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

FIRMWARE ?= uefi
SERVER   ?= plain
SCENARIO ?=
SIGNERS  ?=
REVOKED  ?=
FUZZ_SECONDS ?= 3600
WORKERS  ?= 2
ENGINE   ?= uml
BUILD    := build
PY       := .venv/bin/python
# norandmaps: an emulated processor translates a program again at every place in memory; for drills alone.
DRILL_ARGS := rescue.auto rescue.sif=LABEL=SIF norandmaps
ISO        := $(BUILD)/lifeboat.iso
DRILL_ISO  := $(BUILD)/lifeboat-drill.iso

.PHONY: help install drill iso usb pxe release drill-iso pyz test test-image check lint unit fuzz bench bench-image record-machines \
	test-arm64 test-hardware test-storage test-units clean

help: ## list these targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  FIRMWARE=uefi|bios|bios,uefi chooses the firmware of \`make drill\`."
	@echo "  SERVER=plain|layers|roomy chooses its server: LVM; mirrors, an encrypted root and btrfs; one disk."
	@echo "  SCENARIO=NAME,... restores to other hardware (docs/drill.md)."
	@echo "  CONFIG=FILE configures the image (docs/builder.md)."
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
	@$(PY) -m drill $(if $(SCENARIO),matrix --scenario $(SCENARIO),run-all --firmware $(FIRMWARE) --server $(SERVER)) \
		--iso $(DRILL_ISO) --evidence $(BUILD)/evidence

test-hardware: install drill-iso ## the server comes back on other hardware: every scenario of docs/drill.md (an hour and a half)
	@$(PY) -m drill matrix --iso $(DRILL_ISO) --evidence $(BUILD)/evidence

INPUTS = $(if $(CONFIG),--config '$(CONFIG)') $(if $(SIGNERS),--allowed-signers '$(SIGNERS)') \
	$(if $(REVOKED),--revoked '$(REVOKED)')

iso: install ## the rescue image for people: build/lifeboat.iso
	@$(PY) builder.py iso --output $(ISO) $(INPUTS)

usb: install ## the same for a stick, with a writable partition for SIF sets: build/lifeboat-usb.img
	@$(PY) builder.py usb $(INPUTS)

pxe: install ## the directory for network boot: build/lifeboat-pxe
	@$(PY) builder.py pxe $(INPUTS)

release: install ## all of these, with manifest, SBOM, checksums and signature
	@$(PY) builder.py all $(INPUTS)

drill-iso: install
	@$(PY) builder.py iso --output $(DRILL_ISO) --append '$(DRILL_ARGS)' \
		--allowed-signers "$$($(PY) -m drill key $(BUILD)/drill-key)"

pyz: install ## the capture program as one file: build/sif.pyz (PYTHONS=: also ready for these)
	@mkdir -p $(BUILD)
	@$(PY) -m sif.pack $(addprefix --python ,$(PYTHONS)) $(BUILD)/sif.pyz

test: install lint drill-iso ## everything: linters, unit, component and virtual machine tests
	@$(PY) -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder tests

test-image: install lint ## every combination of firmware and medium, damage, a site's image, a build twice (an hour)
	@$(PY) -m pytest -m 'firmware or vm' tests/vm/test_image.py tests/vm/test_firmware.py tests/vm/test_builds.py

check: install lint unit ## what needs no root and less than a minute: linters, unit and component tests

lint:
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@! git grep -nE '^(<<<<<<< |>>>>>>> )' -- . || { echo 'a merge was not finished' >&2; exit 1; }
	@git ls-files -z --cached --others --exclude-standard | xargs -0 grep -lIE '^#!.*\b(ba)?sh\b' | xargs -r shellcheck --severity=style --exclude=SC1091

unit:
	@$(PY) -m pytest -q -n $(WORKERS) --dist loadscope --no-loadscope-reorder tests/unit tests/component

fuzz: install ## an hour of coverage-guided fuzzing of everything that reads a file (FUZZ_SECONDS=3600)
	@PYTHONPATH=.:tests nice -n 19 $(PY) -m fuzz all --seconds $(FUZZ_SECONDS) --keep $(BUILD)/fuzz

bench: install ## catalog against sha256sum, capture and rebuild against their tools, planning, many disks (root)
	@$(PY) tests/bench/catalog.py
	@$(PY) tests/bench/capture.py
	@$(PY) tests/bench/plan.py
	@$(PY) tests/bench/rebuild.py
	@$(PY) tests/bench/rebuild_scale.py

bench-image: install ## the image: build times against plain tools, processor time of a start, size part by part (root)
	@mkdir -p $(BUILD)
	@$(PY) tests/bench/image.py build $(if $(CONFIG),--config '$(CONFIG)')
	@$(PY) tests/bench/image.py boot $(if $(CONFIG),--config '$(CONFIG)')
	@$(PY) tests/bench/image.py sizes $(if $(CONFIG),--config '$(CONFIG)')

test-storage: install ## rebuilds on a small real kernel (root); KINDS=all: every kind; CUTS=all: interrupted everywhere; ENGINE=qemu
	@ENGINE='$(ENGINE)' $(if $(CUTS),CUTS='$(CUTS)') $(if $(KINDS),KINDS='$(KINDS)') $(if $(MACHINES),MACHINES='$(MACHINES)') $(PY) -m pytest -m storage tests/storage

test-units: install ## captures on schedule and on change, on a real server in QEMU under its own systemd (ten minutes)
	@$(PY) -m pytest -m firmware tests/vm/test_units_running.py

test-arm64: install ## the image for arm64, built by emulation and started in QEMU (root, 40 minutes; binfmt_misc)
	@.ci/install-packages .ci/debian-packages-arm64.txt
	@.ci/emulate-arm64
	@$(PY) -m pytest -m firmware tests/vm/test_arm64.py

record-machines: install ## record the storage layouts of tests/machines again (root, minutes); MACHINES="name ..." for some
	@$(PY) tests/machines/record_machines.py $(MACHINES)

clean: ## remove what was built here (the download cache stays)
	rm -rf $(BUILD)
