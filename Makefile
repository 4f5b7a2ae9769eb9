# What one does with this repository. `make help` lists it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

CARGO ?= cargo
PYTHON ?= python3
TARGET := $(or $(CARGO_TARGET_DIR),target)
VENV := .venv
# Tools that people point at AWS: each in a virtual environment of its own, .venv-TOOL, from tests/e2e/tools/TOOL.txt.
TOOLS := ansible cloudsplaining envoy minio prowler s3cmd
# The JavaScript SDK, from tests/e2e/js.
JS := tests/e2e/js/node_modules
# The SDK for Java, out of a package that has it.
JAVA := .clients/aws-java-sdk-bundle.jar
# The program with the SDK for Rust, from tests/e2e/rust.
RUST := $(TARGET)/sdk/debug/iamd-rust-sdk
# What `make run` hands to `iamd serve`, such as ARGS="--ephemeral".
ARGS ?=
FUZZ_SECONDS ?= 60

say = @printf '\n== %s\n'

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Build iamd and start it on localhost:4260 (data in ./iamd-data).
	$(say) "Building iamd"
	@$(CARGO) build --release --locked --package iamd-server
	$(say) "Starting; paste the export lines into another shell, then try: aws sts get-caller-identity"
	@exec $(TARGET)/release/iamd serve $(ARGS)

.PHONY: test
test: lint unit rules e2e clients ## Run every check and test.

.PHONY: lint
lint: ## Check the format and the lints.
	$(say) "Format"
	@$(CARGO) fmt --all --check
	$(say) "Lints"
	@$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@$(CARGO) clippy --package iamd-policy --no-default-features --locked -- -D warnings
	$(say) "Fuzz targets"
	@if command -v c++ >/dev/null; then \
	    for file in crates/*/fuzz/Cargo.toml; do \
	        $(CARGO) check --quiet --locked --manifest-path "$$file" --target-dir $(TARGET)/fuzzed; \
	    done; \
	else echo "SKIPPED: libFuzzer takes a C++ compiler, and there is none"; fi

.PHONY: unit
unit: ## Run the Rust tests.
	$(say) "Rust tests"
	@$(CARGO) test --workspace --locked

.PHONY: rules
rules: ## Check the house rules, and that generated files are as generated.
	$(say) "House rules"
	@$(CARGO) xtask tidy
	$(say) "Generated files"
	@$(CARGO) xtask codegen --check
	@$(CARGO) xtask coverage --check
	@$(CARGO) xtask policy-checks --check

.PHONY: e2e
e2e: $(VENV)/made ## Drive the built binary with the AWS CLI and SDKs.
	$(say) "Building iamd for the end-to-end tests"
	@$(CARGO) build --locked --package iamd-server
	$(say) "End-to-end tests"
	@IAMD_BINARY=$(abspath $(TARGET))/debug/iamd $(VENV)/bin/python -m pytest tests/e2e --ignore tests/e2e/tools

.PHONY: clients
clients: $(VENV)/made $(TOOLS:%=.venv-%/made) $(JS)/made $(JAVA) $(RUST) ## Drive it with Ansible, auditors, Envoy and clients of S3.
	$(say) "Building iamd for programs of others"
	@$(CARGO) build --locked --package iamd-server
	$(say) "Ansible, auditors, Envoy and clients of S3"
	@IAMD_BINARY=$(abspath $(TARGET))/debug/iamd $(VENV)/bin/python -m pytest tests/e2e/tools

# A tool that cannot be had is no error here: its tests say loudly that they were skipped. Without dependencies, since
# the files name them all.
.venv-%/made: tests/e2e/tools/%.txt
	$(say) "Installing $* into .venv-$*"
	@rm -rf .venv-$*
	@$(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/pip install --quiet --disable-pip-version-check --no-compile --no-deps --requirement $< \
	    && touch $@ || echo "$* could not be installed"

$(JS)/made: tests/e2e/js/package-lock.json
	$(say) "Installing the JavaScript SDK into $(JS)"
	@cd $(dir $(JS)) && npm ci --ignore-scripts --no-audit --no-fund --loglevel error && touch node_modules/made \
	    || echo "the JavaScript SDK could not be installed"

$(RUST): tests/e2e/rust/Cargo.toml tests/e2e/rust/Cargo.lock tests/e2e/rust/src/main.rs
	$(say) "Building a program with the SDK for Rust"
	@if $(CARGO) fetch --quiet --locked --manifest-path $<; then \
	    $(CARGO) build --locked --manifest-path $< --target-dir $(TARGET)/sdk; \
	else echo "the SDK for Rust could not be fetched"; fi

$(JAVA): tests/e2e/tools/java.txt | $(VENV)/made
	$(say) "Fetching the SDK for Java into $(JAVA)"
	@rm -rf $(JAVA).d && mkdir -p $(JAVA).d
	@$(VENV)/bin/pip download --quiet --disable-pip-version-check --no-deps --dest $(JAVA).d --requirement $< \
	    && tar --extract --file "$$(echo $(JAVA).d/*.tar.gz)" --directory $(JAVA).d --strip-components=3 \
	        --wildcards '*/deps/jars/aws-java-sdk-bundle-*.jar' \
	    && mv $(JAVA).d/*.jar $@ && touch $@ || echo "the SDK for Java could not be fetched"
	@rm -rf $(JAVA).d

$(VENV)/made: tests/e2e/requirements.txt
	$(say) "Installing the clients of the end-to-end tests into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# How a release is compiled: guided by what iamd does when the benchmarks drive it. With the host named as the
# target, the flags are for iamd alone and not for what runs at build time.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
PROFILES = $(abspath $(TARGET))/profiles
PROFDATA = $(shell rustc --print sysroot)/lib/rustlib/$(HOST)/bin/llvm-profdata
NOTING = $(abspath $(TARGET))/noting
GUIDED = $(abspath $(TARGET))/guided
BUILD = $(CARGO) build --release --locked --target "$(HOST)" --package iamd-server --target-dir

.PHONY: release
release: ## Build iamd as it is released: guided by a profile.
	$(say) "Asking for the compiler's llvm-profdata"
	@[ -x "$(PROFDATA)" ] || rustup component add llvm-tools
	$(say) "Building iamd so that it notes what it does"
	@rm -rf "$(PROFILES)"
	@RUSTFLAGS="-Cprofile-generate=$(PROFILES)" $(BUILD) "$(NOTING)"
	$(say) "Driving it"
	@IAMD_PROGRAM="$(NOTING)/$(HOST)/release/iamd" $(CARGO) bench --locked --package iamd-server \
	    --bench durable --bench get_user --bench lists --bench s3
	@"$(PROFDATA)" merge -o "$(PROFILES)/iamd.profdata" "$(PROFILES)"/*.profraw
	$(say) "Building iamd with what was noted"
	@RUSTFLAGS="-Cprofile-use=$(PROFILES)/iamd.profdata" $(BUILD) "$(GUIDED)"
	@echo "Built $(GUIDED)/$(HOST)/release/iamd"

.PHONY: bench
bench: ## Measure against the floors, as ratios.
	@for file in crates/*/benches/*.rs; do \
	    crate="$$(basename "$$(dirname "$$(dirname "$$file")")")"; \
	    bench="$$(basename "$$file" .rs)"; \
	    printf '\n== %s: %s\n' "$$crate" "$$bench"; \
	    $(CARGO) bench --locked --package "iamd-$$crate" --bench "$$bench"; \
	done
	$(say) "policy: peers"
	@$(CARGO) run --release --locked --manifest-path benchmarks/peers/Cargo.toml

# Fuzzing needs flags of the nightly compiler, which the pinned one takes when it is told to.
.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZ_SECONDS (60) each.
	@command -v cargo-fuzz >/dev/null || { printf 'Installing cargo-fuzz\n'; $(CARGO) install --locked cargo-fuzz; }
	@for file in $(wildcard crates/*/fuzz/fuzz_targets/*.rs); do \
	    fuzz="$$(dirname "$$(dirname "$$file")")"; \
	    target="$$(basename "$$file" .rs)"; \
	    printf '\n== %s: %s\n' "$$fuzz" "$$target"; \
	    RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --fuzz-dir "$$fuzz" "$$target" -- -max_total_time=$(FUZZ_SECONDS); \
	done

.PHONY: clean
clean: ## Remove everything that was built.
	@$(CARGO) clean
	@rm -rf $(VENV) $(TOOLS:%=.venv-%) $(JS) .clients
