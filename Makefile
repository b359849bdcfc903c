# rung: build, test, measure, install. `make help` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := all

GO ?= scripts/go
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
BASH_COMPLETION_DIR ?= $(PREFIX)/share/bash-completion/completions
ZSH_COMPLETION_DIR ?= $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
FISH_COMPLETION_DIR ?= $(PREFIX)/share/fish/vendor_completions.d
FUZZTIME ?= 30s
BINARY ?= rung

TAGS := netgo,osusergo

export CGO_ENABLED := 1
export TAGS

.PHONY: all static dynamic cross deps generate run test unit nsenter-test integration test-engines test-vm test-vm-all test-vm-selinux test-vm-engines test-arch lint bench fuzz faults mutants \
	test-commands install uninstall dist clean help

all: static ## build ./rung (static)

static: deps ## build ./rung as one static binary
	@scripts/build.sh rung

dynamic: ## build ./rung against the shared C library and libseccomp
	@RUNG_LIBC=shared scripts/install-deps.sh dynamic
	@RUNG_LIBC=shared scripts/build.sh rung

cross: ## build build/cross/ARCH/rung for ARCH=arm64, riscv64, ppc64le, s390x, armhf or i386
	@scripts/install-deps.sh build "cross-$(ARCH)"
	@ARCH="$(ARCH)" scripts/build.sh "build/cross/$(ARCH)/rung"

deps: ## check what the build needs; on Debian install what is missing, elsewhere name it
	@scripts/install-deps.sh build

generate: deps ## write the generated files again
	$(GO) generate ./...

run: ## build, make a small default bundle and run it
	@scripts/install-deps.sh build run
	@$(MAKE) --no-print-directory static
	@rm -rf build/default-bundle
	@RUNG=./rung scripts/default-bundle.sh build/default-bundle
	@scripts/as-root.sh ./rung run --bundle build/default-bundle hello

test: ## set up and run the tests (a choice of those with engines and in the virtual machine); ends with "N passed, N failed[, N skipped]"
	@scripts/test.sh

unit: deps ## run the Go tests (golden plans included)
	@scripts/test.sh unit

nsenter-test: deps ## run the tests of the C stage under the sanitizers
	@scripts/test.sh nsenter

integration: ## run the bats tests as root and as a plain user
	@scripts/test.sh integration

test-engines: ## run every test under Docker, Compose, Swarm, containerd, nerdctl, BuildKit, CRI, Podman and Buildah, and beside runc
	@ENGINE_CASES=all scripts/test.sh engines

test-vm: ## run the suite in a virtual machine of Debian 13: as root and as a user with a user manager, and with SELinux
	@VM_CASES=suite scripts/test.sh vm

test-vm-all: ## as test-vm, also on Debian 12 with every cgroup layout, without AppArmor, and with the engines
	@VM_CASES=all scripts/test.sh vm

test-vm-selinux: ## run the SELinux tests in the virtual machine, enforcing and permissive
	@VM_CASES=selinux scripts/test.sh vm

test-vm-engines: ## run Docker, containerd and Podman under systemd in the virtual machine, each case beside runc
	@scripts/test.sh vm-engines

test-arch: ## build for six other architectures; run arm64 and riscv64 in emulated machines, the others under qemu-user
	@scripts/test.sh arch

faults: static ## make every system call of rung fail once, in every verb; writes docs/faults.md (an hour)
	@scripts/install-deps.sh test
	@scripts/as-root.sh scripts/faults.sh all

.PHONY: host-matrix
host-matrix: static test-commands ## run rung, runc and crun on hosts that lack something; writes docs/broken-hosts.md
	@scripts/install-deps.sh test
	@scripts/as-root.sh scripts/host-matrix.sh

.PHONY: messages
messages: static test-commands ## run rung, runc and crun with the mistakes of tests/messages; writes docs/messages.md
	@scripts/install-deps.sh test
	@scripts/as-root.sh scripts/messages.sh

.PHONY: docs
docs: ## make the pages and the manual a site that needs no network: build/docs/docs/index.html
	@scripts/install-deps.sh docs
	@scripts/docs.sh

.PHONY: values
values: static test-commands ## see which limits stay after what, here and in the virtual machine; writes docs/values.md (half an hour)
	@scripts/install-deps.sh test
	@scripts/as-root.sh scripts/values.sh

mutants: deps ## make changes that tests must notice, one at a time; writes docs/mutants.md (an hour; MUTANTS="ID..." or --resume for a part)
	@scripts/as-root.sh scripts/mutants.sh $(MUTANTS)

lint: deps ## run every linter, and check that generated files are current
	@scripts/test.sh lint

bench: static ## measure beside crun and runc, Debian's and the newest; writes bench/report.md (a quarter of an hour; MEASURE="run exec" for a part)
	@scripts/as-root.sh bench/bench.sh $(MEASURE)

.PHONY: bench-engines
bench-engines: static ## measure docker, podman and nerdctl run beside crun and runc; writes bench/engines.md
	@scripts/as-root.sh bench/engines.sh

fuzz: deps ## run every fuzzer for FUZZTIME (default 30s)
	@scripts/fuzz.sh $(FUZZTIME)

# The small Go programs that the integration tests run inside and outside of containers.
test-commands: deps
	@for dir in $(filter-out tests/cmd/embed/ tests/cmd/embedcheck/,$(wildcard tests/cmd/*/)); do \
		CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -o build/tests/ "./$$dir" || exit 1; \
	done
	@RUNG_LDFLAGS='-X rung/libcontainer/resctrl.pretended=/run/rung-test-resctrl' scripts/build.sh build/tests/rung-resctrl
	@$${CC:-cc} -std=gnu11 -O2 -static -o build/tests/snapshot tests/faults/snapshot.c
	@for name in embed embedcheck; do scripts/build.sh build/tests/$$name ./tests/cmd/$$name || exit 1; done

# Installing builds nothing: files that root makes in the tree would belong to root, and root may have no Go or another one.
install: ## install the built ./rung, its man pages and completions below PREFIX (default /usr/local)
	@[ -x "$(BINARY)" ] || { echo 'there is no ./rung to be installed: run make first' >&2; exit 1; }
	install -D -m 0755 "$(BINARY)" "$(DESTDIR)$(BINDIR)/rung"
	install -d "$(DESTDIR)$(MANDIR)/man8"
	install -m 0644 man/*.8 "$(DESTDIR)$(MANDIR)/man8"
	install -D -m 0644 contrib/completions/bash/rung "$(DESTDIR)$(BASH_COMPLETION_DIR)/rung"
	install -D -m 0644 contrib/completions/zsh/_rung "$(DESTDIR)$(ZSH_COMPLETION_DIR)/_rung"
	install -D -m 0644 contrib/completions/fish/rung.fish "$(DESTDIR)$(FISH_COMPLETION_DIR)/rung.fish"

uninstall: ## remove what install put there
	rm -f "$(DESTDIR)$(BINDIR)/rung" "$(DESTDIR)$(MANDIR)/man8/rung.8" "$(DESTDIR)$(MANDIR)/man8"/rung-*.8 \
		"$(DESTDIR)$(BASH_COMPLETION_DIR)/rung" "$(DESTDIR)$(ZSH_COMPLETION_DIR)/_rung" "$(DESTDIR)$(FISH_COMPLETION_DIR)/rung.fish"

dist: ## make build/rung-VERSION.tar.xz of the last commit, with all modules: it builds offline and without git
	@scripts/install-deps.sh dist
	@scripts/dist.sh

.PHONY: release test-release
release: ## make all files of a release in build/release, signed: SIGN=gpg:KEY or SIGN=ssh:FILE (RELEASES.md)
	@SIGN='$(SIGN)' scripts/release.sh

test-release: ## make a trial release twice and compare; install, upgrade and remove its packages in a new Debian 12 and 13
	@scripts/as-root.sh tests/release/release.sh

clean: ## remove what the build and the tests made
	rm -rf rung build
	@[ ! -f nsenter/test/Makefile ] || $(MAKE) --no-print-directory -C nsenter/test clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
