# make demo      train jobs/digits through Shunt, from nothing to the model
# make test      every test
# make install   PREFIX=~/.local
# make build | test-build | release | lab | lint | setup | clean

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := build
.PHONY: setup build release lab agent-debug agent-release init install test test-build demo lint clean

PREFIX ?= ~/.local
prefix := $(patsubst ~/%,$(HOME)/%,$(PREFIX))
ARCH := $(shell uname -m)
SWIFT ?= swift
# All debug builds have the same flags, or each would begin anew. Nothing here reads the index
# (`Tests/XCTMain.swift`); editors make one of their own. A module is compiled whole: in batches its
# files would be parsed again by each, which takes a quarter longer from nothing. For a debugger:
# `make build DEBUG_INFO=dwarf`.
DEBUG_INFO ?= none
BUILD_DEBUG := $(SWIFT) build --disable-index-store -debug-info-format $(DEBUG_INFO) \
	-Xswiftc -whole-module-optimization -Xswiftc -num-threads -Xswiftc 2
CC := cc
BEGIN := $(shell date +%s)

# Debian packages that the build and the demo need beside the Swift toolchain, and what more the
# tests have: a crontab that starts agents after a reboot, an account whose shell is no sh, a network
# namespace, and containers of an image that is made here.
PACKAGES := gcc libc6-dev libuv1-dev libzstd-dev libsqlite3-dev libssh-dev nettle-dev \
	python3 python3-venv gzip openssh-client openssh-server
test-build: PACKAGES += cron fish podman runc uidmap slirp4netns fuse-overlayfs debootstrap iproute2

# `shunt` finds what belongs to it under ../libexec/shunt of its own directory: in the build tree
# that is beside `debug` and `release`, once installed beside `bin`.
TREE := .build/$(ARCH)-unknown-linux-gnu
LIBEXEC := $(TREE)/libexec/shunt
AGENT := shunt-agent-linux-$(ARCH)
INIT_SOURCES = $(wildcard Sources/shunt-init/*.c Sources/shunt-init/*.h)

define INSTALL_AGENT
mkdir -p $(LIBEXEC)
# Without its debugging information, half the size: tests send it to many workers.
install -s -m 755 .build/debug/shunt-agent $(LIBEXEC)/$(AGENT)
gzip -nkf $(LIBEXEC)/$(AGENT)
endef

setup:
	@missing=()
	for package in $(PACKAGES); do
		[[ "$$(dpkg-query -W -f '$${Status}' "$$package" 2>/dev/null)" == *" installed" ]] \
			|| missing+=("$$package")
	done
	if (( $${#missing[@]} )); then
		echo "setup: installing $${missing[*]}"
		sudo=(); (( EUID == 0 )) || sudo=(sudo)
		# On one line: make takes a dash away from the head of a recipe's line.
		install=("$${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q)
		install+=(--no-install-recommends)
		# The lists are fetched only when those on this machine do not do.
		"$${install[@]}" "$${missing[@]}" \
			|| { "$${sudo[@]}" apt-get update -q && "$${install[@]}" "$${missing[@]}"; }
	fi
	command -v $(SWIFT) >/dev/null || {
		echo 'setup: no `swift` in PATH; Shunt builds with Swift 6.3: https://www.swift.org/install/linux' >&2
		exit 1
	}

# A debug build of everything, in place for `.build/debug/shunt`.
build: setup init agent-debug
	@$(BUILD_DEBUG) --product shunt

# Swift's runtime goes into the binary, so that it runs without the toolchain.
release: setup init agent-release
	@$(SWIFT) build -c release --product shunt --static-swift-stdlib -Xlinker -s

# What the benchmarks of workers behind SSH need beside the product.
lab: setup
	@for product in lab ssh-stream-bench; do
		$(SWIFT) build -c release --product $$product
	done

# What goes to workers is fully static, and has a build folder of its own: its flags reach every
# object. For tests on this machine the one that shares its objects with `shunt` does.
agent-release: setup
	@mkdir -p $(LIBEXEC)
	$(SWIFT) build -c release --product shunt-agent --scratch-path .build-static \
		-Xswiftc -static-executable -Xlinker -s
	install -m 755 .build-static/release/shunt-agent $(LIBEXEC)/$(AGENT)
	# As it goes to workers.
	gzip -nkf $(LIBEXEC)/$(AGENT)

agent-debug: setup
	@$(BUILD_DEBUG) --product shunt-agent
	$(INSTALL_AGENT)

init: $(LIBEXEC)/shunt-init

$(LIBEXEC)/shunt-init: $(INIT_SOURCES) | setup
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -static -s -Wall -Wextra -Werror -o $@ $(filter %.c,$^)
	gzip -nkf $@

install: release
	@install -d '$(DESTDIR)$(prefix)/bin' '$(DESTDIR)$(prefix)/libexec/shunt'
	install -m 755 $(TREE)/release/shunt '$(DESTDIR)$(prefix)/bin/shunt'
	install -m 755 $(LIBEXEC)/$(AGENT) $(LIBEXEC)/shunt-init '$(DESTDIR)$(prefix)/libexec/shunt/'
	install -m 644 $(LIBEXEC)/$(AGENT).gz $(LIBEXEC)/shunt-init.gz \
		'$(DESTDIR)$(prefix)/libexec/shunt/'
	echo "installed $(DESTDIR)$(prefix)/bin/shunt"

test: test-build
	@Tests/run.sh
	echo "make test: $$(( $$(date +%s) - $(BEGIN) )) s"

# What `Tests/run.sh` runs.
test-build: setup init
	@# With all programs, which tests depend on. Not --build-tests: that would build every tool of
	# every dependency, a protoc among them.
	$(BUILD_DEBUG) --product shuntPackageTests
	$(INSTALL_AGENT)

# Everything of the demo is in .demo/; it stops what it started, whatever happens.
demo: setup release
	@jobs/demo '$(CURDIR)/$(TREE)/release/shunt'
	echo "make demo: $$(( $$(date +%s) - $(BEGIN) )) s"

lint:
	@$(SWIFT) format lint --strict --recursive Package.swift Sources Tests

clean:
	@if [ -d .demo ]; then chmod -R u+w .demo; fi
	rm -rf .build .build-static .demo
