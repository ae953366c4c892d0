# carve - the front door. `make demo` shows it, `make check` proves it.
#
#   make            build (release with debug symbols) into build/
#   make deps       install the Debian packages the build and the tests need
#   make demo       deps, build, and a day of one shared GPU server on simulated GPUs (ONCE=1: and end)
#   make check      deps, build, and every test that needs Debian packages only
#   make check-peers  the same judges from other registries (Go, PyPI)
#   make bench      measurements: ratios against a baseline in the same run
#   make install    into DESTDIR and PREFIX
#   make clean

BUILD ?= build
PREFIX ?= /usr/local
MESON_FLAGS ?=

.PHONY: all deps demo check check-peers bench fuzz asan tsan install clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@meson setup $(BUILD) --prefix=$(PREFIX) $(MESON_FLAGS) >/dev/null

deps:
	@scripts/deps

demo: deps all
	@scripts/demo $(if $(ONCE),--once)

check: deps all
	@scripts/check

check-peers: deps all
	@scripts/check-peers

bench: deps all
	@scripts/bench

fuzz:
	@scripts/fuzz

asan:
	@meson setup build-asan -Db_sanitize=address,undefined >/dev/null 2>&1 || true
	@ninja -C build-asan && meson test -C build-asan --print-errorlogs

tsan:
	@meson setup build-tsan -Db_sanitize=thread >/dev/null 2>&1 || true
	@ninja -C build-tsan && meson test -C build-tsan --print-errorlogs

install: all
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf build build-*
