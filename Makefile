# `make help` lists what there is. Each stage runs under a budget in minutes; the first that fails ends the run.
SHELL := bash
# Where rustup and Go put themselves, for a shell that is older than they are.
export PATH := $(PATH):$(HOME)/.cargo/bin:/usr/local/go/bin
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo demo-pipeline test ci bench bench-full nightly sim needs lint build unit crash semantics groups consume bounces outages kube packaging stubs rivals clients conformance effects generate bench-clients mutants beforehand image sbom manifests

STAGE := @scripts/stage
KAFKA := scripts/with-kafka
# A stage on its own builds first; in `make test` that is done once for all.
BUILD := $(if $(BUILT),,build)
SEEDS ?= 1000
KILLS ?= 100
COPIES ?= 4
TRANSACTIONS ?= 500
DEMO_KILLS ?= 25
RECORDS ?= 20000

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## a real Kafka, a sidecar that is killed, money transfers, a table; BOOTSTRAP_SERVERS=host:port takes your Kafka
	@scripts/need demo
	cargo build --locked --workspace
	target/debug/sidecommit demo --transactions $(TRANSACTIONS) --kills $(DEMO_KILLS) \
		$(if $(BOOTSTRAP_SERVERS),--bootstrap-servers $(BOOTSTRAP_SERVERS))

demo-pipeline: ## the same from topic to topic: two sidecars in one consumer group, killed, paused and restarted; RECORDS=n
	@scripts/need demo
	cargo build --locked --workspace
	target/debug/sidecommit demo pipeline --records $(RECORDS) \
		$(if $(BOOTSTRAP_SERVERS),--bootstrap-servers $(BOOTSTRAP_SERVERS))

test: needs beforehand lint build ## what a change must pass: all stages below; an hour warm, as root
	@$(KAFKA) $(MAKE) --no-print-directory BUILT=yes unit sim crash semantics groups consume bounces outages packaging kube stubs rivals clients conformance effects

ci: test ## what CI runs: make test, then the demos
	$(STAGE) demo 6 target/debug/sidecommit demo --transactions $(TRANSACTIONS) --kills $(DEMO_KILLS)
	$(STAGE) pipeline 5 target/debug/sidecommit demo pipeline --records 5000 --kills 4 --pauses 2 --rolls 1

bench: ## the sidecar beside native clients on one broker, 12 minutes after the build; writes docs/performance.md (PROFILE=dev spares the release build)
	@scripts/need bench
	scripts/bench compare

bench-full: ## how the sidecar grows with callers, records, lanes and payloads, 15 minutes; writes docs/performance.md
	@scripts/need demo
	scripts/bench grid

mutants: $(BUILD) ## plants faults one at a time; each must turn its test red; writes docs/mutants.md
	@$(KAFKA) scripts/mutants

nightly: needs build ## the long campaigns (100,000 seeds, 1,000 kills, ...) and a summary of them with a picture
	@scripts/nightly

needs: ## checks and installs the tools
	$(STAGE) needs 6 scripts/need test

lint: ## format, clippy, docs, licences, the API's rules
	$(STAGE) lint 18 scripts/lint

# Binaries and tests in one profile.
build: ## builds everything
	$(STAGE) build 24 cargo build --locked --workspace --all-targets

unit: $(BUILD) ## unit, property and golden tests
	$(STAGE) unit 4 $(KAFKA) scripts/tests unit

sim: $(BUILD) ## the seeded simulation; SEEDS=100000 for more, SIM_SEED=n replays one
	$(STAGE) sim $$((2 + $(SEEDS) / 500)) target/debug/sidecommit-sim --seeds $(SEEDS)

crash: $(BUILD) ## SIGKILL at every named point; KILLS=n
	$(STAGE) crash 6 env SIDECOMMIT_KILLS=$(KILLS) $(KAFKA) scripts/tests crash

semantics: $(BUILD) ## everything else that is tested on a real Kafka
	$(STAGE) semantics 12 $(KAFKA) scripts/tests semantics

groups: $(BUILD) ## transactions that share a Kafka transaction: poison, kills, order, throughput; SIDECOMMIT_GROUP_KILLS=n
	$(STAGE) groups 10 $(KAFKA) scripts/tests groups

consume: $(BUILD) ## reading: copies under faults (COPIES=n of 12 cells), rebalances, dead letters
	$(STAGE) consume $$((5 + $(COPIES))) env SIDECOMMIT_COPIES=$(COPIES) $(KAFKA) scripts/tests consume

# Brokers of their own, not the shared one.
bounces: $(BUILD) ## brokers killed, paused, cut off and moved under transactions; SIDECOMMIT_BOUNCES=n
	$(STAGE) bounces 8 scripts/tests bounces

outages: $(BUILD) ## all brokers gone, no leader, the outcomes deleted, many slots' first start
	$(STAGE) outages 6 scripts/tests outages

# Its binary is built by then, see beforehand; root, for mount namespaces and Service addresses.
kube: $(BUILD) ## injection, rollouts, leases, webhook and policies on a real Kubernetes API server; SIDECOMMIT_RACE_SECONDS=n
	$(STAGE) kube 20 $(KAFKA) scripts/tests kube

packaging: ## the chart, its golden files, what is made from it, and all manifests against three Kubernetes versions' schemas
	$(STAGE) packaging 6 k8s/check

beforehand:
	@scripts/beforehand

stubs: $(BUILD) ## bare generated stubs of five languages, and the examples that are written with them
	$(STAGE) stubs 8 bash -c '$(KAFKA) tests/stubs/run && k8s/examples/check'

rivals: $(BUILD) ## the native clients' programs that the bench measures the sidecar against
	$(STAGE) rivals 4 $(KAFKA) tests/bench/check

clients: $(BUILD) ## the packages of clients/: built, formatted, linted, typed, unit-tested, documented; their generated code is current
	$(STAGE) clients 14 bash -c 'clients/each build && clients/current && clients/each check'

conformance: $(BUILD) ## languages x scenarios, over both transports; then each package installed, its README's example run, and its bench tried
	$(STAGE) conformance 14 $(KAFKA) bash -c 'target/debug/sidecommit-conformance && tests/clients/install && tests/clients/bench --check'

effects: $(BUILD) ## effects outside Kafka once each: PostgreSQL and HTTP, everybody killed at random; SIDECOMMIT_STRIKES=n
	$(STAGE) effects 10 $(KAFKA) bash -c 'tests/effects/check && tests/effects/run'

generate: ## writes the generated code of all clients anew
	@scripts/need clients
	clients/each generate

bench-clients: ## each client beside its language's native Kafka client, 5 minutes after the build; writes docs/performance.md
	@scripts/need clients
	cargo build --locked --workspace --bin kafka-fixture
	cargo build --locked --workspace --bin sidecommit --release
	clients/each build
	$(STAGE) bench-clients 12 tests/clients/bench

image: ## the container image without an engine: target/image/oci (OCI layout) and target/image/sidecommit.oci.tar; builds the release binary
	k8s/image/build

sbom: ## what the image is made of, as CycloneDX JSON: target/image/sidecommit.cdx.json; after make image
	k8s/image/sbom

manifests: ## makes k8s/manifests, k8s/policies and k8s/kustomize from the chart, and its golden files anew
	k8s/chart/schema
	BLESS=1 k8s/chart/check
	k8s/render
