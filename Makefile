# Every target sets itself up: a fresh clone needs Python 3.11, and a C compiler for all but `demo`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export TF_CPP_MIN_LOG_LEVEL := 2

CORPUS ?= ../shared/corpus
# Never asks for a password: who has neither root nor such a sudo is told what to install.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo -n)

# Tests run in so many processes, each with one thread of TensorFlow and some 2 GB of memory.
WORKERS ?= 2
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 30

.PHONY: demo serve stream test unit debian emulated lint audit compression bench nncf-env pi-userland micro-tools \
    android android-tools browser postgres clean
demo: $(VENV)/demo.stamp  ## encode a real recording, decode it in two voices, write out/demo/index.html
	$(BIN)/edgy demo --out out/demo

serve: $(VENV)/serve.stamp  ## the cloud's server on this machine, and a page to try it: http://127.0.0.1:8000
	mkdir -p out/serve
	$(BIN)/edgy serve --demo --store sqlite:///out/serve/voices.db

stream: $(VENV)/node,audio.stamp  ## an edge node hears a real recording, the server reads it; what left, by bytes
	$(BIN)/edgy-edge run --source edgy_tf/demo/recording.flac --sink ws://127.0.0.1:8000 --state out/node
	$(BIN)/edgy-edge disclosures --state out/node

test:  ## what CI runs; prints the slowest tests
	$(MAKE) --jobs 2 $(VENV)/dev.stamp debian
	$(MAKE) --jobs 2 lint emulated
	$(PYTEST)

unit: $(VENV)/dev.stamp  ## the tests that are quick; prints the slowest
	$(PYTEST) -m 'not slow'

debian:
	-$(MAKE) android-tools  # Where it cannot be had, its tests are skipped, and say so.
	-$(MAKE) browser  # The same.
	-$(MAKE) postgres  # The same.

emulated: $(VENV)/dev.stamp
	-$(MAKE) pi-userland  # The same.
	-$(MAKE) micro-tools  # The same.
	-$(MAKE) nncf-env  # The same.

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

audit: $(VENV)/dev.stamp  ## docs/audit/: words, secrets and cost of the release, within an hour; CORPUS=FOLDER
	$(BIN)/edgy audit pi --corpus $(CORPUS) --out docs/audit --paper

compression: $(VENV)/dev.stamp  ## docs/compression.md: every recipe on the release, goes on where it stopped; CORPUS=FOLDER
	$(BIN)/python -m evaluation.compression pi --corpus $(CORPUS) --out docs

nncf-env: out/nncf/stamp  ## NNCF for `edgy compare`, in an environment of its own; it needs Python 3.11

out/nncf/stamp: evaluation/nncf/requirements.txt
	$(PYTHON) -m venv out/nncf
	out/nncf/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

bench: $(VENV)/dev.stamp  ## speed, memory, and a million hostile inputs
	$(BIN)/python -m evaluation.bench_wire --inputs 1000000
	$(BIN)/python -m evaluation.bench_codec
	$(BIN)/python -m evaluation.bench_decoder

pi-userland: out/userland/stamp  ## emulated Raspberry Pis for the tests; getting the tools needs Debian, and root or sudo

out/userland/stamp: setup.cfg evaluation/userland/build.py evaluation/userland/devices.py | $(VENV)/dev.stamp
	@{ qemu-arm --version && qemu-aarch64 --version && mmdebstrap --version; } >/dev/null 2>&1 || \
	{ $(SUDO) apt-get update -q; $(SUDO) apt-get install -qy --no-install-recommends qemu-user mmdebstrap arch-test; } || \
	{ echo "pi-userland: install the packages qemu-user, mmdebstrap and arch-test, or run this as root" >&2; exit 1; }
	-@command -v systemd-analyze >/dev/null || $(SUDO) apt-get install -qy --no-install-recommends systemd  # Judges the units.
	$(BIN)/python -m evaluation.userland build
	touch $@

micro-tools: out/micro/stamp  ## emulated Cortex-M boards for the tests; getting the tools needs Debian, and root or sudo

out/micro/stamp: evaluation/micro/tools.py | $(VENV)/dev.stamp
	@{ arm-none-eabi-gcc --version && qemu-system-arm --version; } >/dev/null 2>&1 || \
	{ $(SUDO) apt-get update -q; $(SUDO) apt-get install -qy --no-install-recommends gcc-arm-none-eabi \
	libnewlib-arm-none-eabi qemu-system-arm; } || \
	{ echo "micro-tools: install gcc-arm-none-eabi, libnewlib-arm-none-eabi and qemu-system-arm, or run this as root" >&2; exit 1; }
	$(BIN)/python -m evaluation.micro build
	touch $@

android: out/android/stamp  ## the app by Debian's tools, which lack the interpreter: out/android/build/edgy.apk
	android_demo/debian/build.sh out/android/tools out/android/build

android-tools: out/android/stamp  ## what builds and tests the Android app; getting it needs Debian 12, and root or sudo

out/android/stamp: android_demo/debian/tools.sh
	android_demo/debian/tools.sh out/android/tools '$(SUDO)' || \
	{ echo "android-tools: run this as root on Debian 12" >&2; exit 1; }
	touch $@

# $(call from_debian,PROGRAM,PACKAGE): the package, unless the program is there
define from_debian
@command -v $(1) >/dev/null || \
{ $(SUDO) apt-get update -q; $(SUDO) apt-get install -qy --no-install-recommends $(2); } || \
{ echo "$@: install the package $(2), or run this as root" >&2; exit 1; }
endef

browser:  ## what tests the page of the server; getting it needs Debian, and root or sudo
	$(call from_debian,chromium,chromium)

postgres:  ## what tests voices that are kept in Postgres; the same
	$(call from_debian,pg_ctlcluster,postgresql)

$(VENV)/%.stamp: setup.cfg pyproject.toml
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

clean:
	rm -rf $(VENV) out build *.egg-info
