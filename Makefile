# SPDX-License-Identifier: BSD-3-Clause
# Thin front door; meson and ninja do the work in build/.

FOGCTL = build/controlplane/cli/fogctl

.PHONY: all run test bench tor-bench deb lint fmt clean

all:
	@configs/build

# A local fog of seven hosts; sends a real job through it, explains it, serves until Ctrl-C.
# ONCE=1: stop after that, exit status 0 on success.
run: all
	@$(FOGCTL) lab run $(if $(ONCE),--once) $(if $(HOSTS),--hosts $(HOSTS)) $(if $(MODE),--mode $(MODE))

# Every test. T=pattern: only tests whose name contains it.
test:
	@tests/run $(if $(T),--match '$(T)')

bench: all
	@build/bench/fog-bench --mode quick

# C-tor's own benchmark from Debian's source package, in ~/.cache: a peer of fog-bench.
tor-bench:
	@bench/tor-bench

# build/deb/fog_VERSION_ARCH.deb
deb: all
	@configs/deb

lint:
	@configs/install-deps
	@tests/run --only lint

fmt:
	@configs/install-deps
	@find crypto configs dataplane controlplane ebpf bench tests -name '*.[ch]' -print0 2>/dev/null | \
		xargs -0 -r clang-format -i

clean:
	@rm -rf build build-asan build-tsan build-clang
