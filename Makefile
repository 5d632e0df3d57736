# Checky's tasks. `make` alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# A go.work above the checkout plays no part in it: each go.mod has its own versions.
export GOWORK := off

# Bounds for a machine of two cores; set them for a larger one.
PARALLEL ?= 2
TIMEOUT ?= 20m
FUZZTIME ?= 30s
BENCHTIME ?= 1s

# Packages that share data between goroutines: these are tested with the race detector, which needs a C compiler. The
# detector costs a factor of ten, so the others are tested without.
CONCURRENT ?= ./rules ./rules/cel ./rules/jsonschema ./engine/... ./rag/... ./controllers/... ./apiserver/... ./audio/... ./cmd/... ./test/operator ./test/apiserver ./test/alertd ./test/plugin

# Modules of their own, whose dependencies are no part of the programs; hack/controlplane, which has no code but etcd's main, aside.
MODULES = hack/images hack/release test/bench test/chaos test/install

# Where etcd, kube-apiserver and kubectl are, and with `node` kube-controller-manager and what runs Pods too; they are built on first
# use. KUBEBUILDER_ASSETS from outside wins.
assets = $${KUBEBUILDER_ASSETS:-$$(hack/controlplane/build.sh)}
node = $${KUBEBUILDER_ASSETS:-$$(hack/controlplane/build.sh node)}

##@ Everyday

.PHONY: help
help: ## List the tasks
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/checky, one static binary
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/ ./cmd/checky

.PHONY: alertd
alertd: ## Build bin/checky-alertd, the alert daemon; it needs a C compiler and ALSA's headers (Debian: gcc, libasound2-dev)
	CGO_ENABLED=1 go build -trimpath -ldflags "-s -w" -o bin/ ./cmd/checky-alertd

.PHONY: plugin
plugin: ## Build bin/kubectl-checky, the kubectl plugin; a folder of PATH is where kubectl finds it
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/ ./cmd/kubectl-checky

.PHONY: test
test: ## Run every test that needs no container runtime: unit, golden, property, and against a real kube-apiserver and etcd
	KUBEBUILDER_ASSETS="$(node)"; export KUBEBUILDER_ASSETS; \
	all=$$(go list ./... | sort); concurrent=$$(go list $(CONCURRENT) | sort); \
	go test -p $(PARALLEL) -timeout $(TIMEOUT) $$(comm -23 <(echo "$$all") <(echo "$$concurrent")); \
	go test -race -p $(PARALLEL) -timeout $(TIMEOUT) $(CONCURRENT); \
	go -C hack/images test ./...; \
	go -C hack/release test ./...; \
	go -C test/bench test -p $(PARALLEL) -timeout $(TIMEOUT) ./...; \
	go -C test/chaos test -p $(PARALLEL) -timeout $(TIMEOUT) ./...; \
	go -C test/install test -p $(PARALLEL) -timeout $(TIMEOUT) ./manifests/... ./monitoring/...

.PHONY: lint
lint: ## Run the linters of Go, the import rules of the design among them, of workflows and of scripts; it needs shellcheck
	linter=$$(hack/tools.sh golangci-lint); failed=0; \
	for module in . $(MODULES); do \
		echo "golangci-lint: $$module"; \
		(cd "$$module" && "$$linter" run --config "$(CURDIR)/.golangci.yml" --build-tags images --allow-serial-runners --timeout 15m ./...) || failed=1; \
	done; \
	exit $$failed
	"$$(hack/tools.sh actionlint)"
	shellcheck .ci/run $$(git ls-files '*.sh')

.PHONY: verify
verify: ## Fail if a generated file, go.mod or the formatting is not up to date
	hack/verify.sh

.PHONY: clean
clean: ## Delete what was built in this checkout; the cache outside it stays
	rm -rf bin dist

##@ Try it

# Where the alert daemon cannot be built, the demo says so and leaves its tone out.
speaking = $$(echo '\#include <alsa/asoundlib.h>' | $${CC:-cc} -E - >/dev/null 2>&1 && echo alertd || true)

.PHONY: demo
demo: build ## Apply config/samples to an API server of their own, show every verdict and record a tone, and stop
	@speaking="$(speaking)"; if [ -n "$$speaking" ]; then $(MAKE) --no-print-directory alertd; fi; \
	bin/checky demo $${speaking:+--alertd bin/checky-alertd}

.PHONY: up
up: build ## Run an API server with Checky on this machine until Ctrl-C
	bin/checky up

.PHONY: kind-up
kind-up: ## Install Checky from this checkout on a kind cluster of its own; it needs Docker, kind and kubectl
	hack/kind/kind.sh check
	$(MAKE) --no-print-directory images ENGINE=docker
	hack/kind/kind.sh up

.PHONY: kind-check
kind-check: ## Try what the README shows on the cluster of make kind-up
	hack/kind/smoke.sh

.PHONY: kind-down
kind-down: ## Delete the cluster of make kind-up
	hack/kind/kind.sh down

##@ Ship it

# The version of what is installed is written down once, in the chart.
VERSION ?= $(shell sed -n 's/^appVersion: *//p' charts/checky/Chart.yaml)
# What builds the images: docker, buildah, none (no container engine), or auto, which is the first of them that works.
ENGINE ?= auto

.PHONY: images
images: ## Build the container images into dist/images; ENGINE=none needs no container engine and no registry
	ENGINE="$(ENGINE)" hack/images/make.sh dist/images "$(VERSION)"

.PHONY: image-test
image-test: ## Build the images in both ways, by buildah on stand-in bases, and run them; it needs Debian 12, root, buildah and mmdebstrap
	go -C hack/images test -count 1 -tags images -timeout 60m ./...

# Flags of the tests: E2E='-run TestKustomize', E2E='-run TestSoak -soak 30m'.
E2E ?=

.PHONY: e2e
e2e: ## Install Checky on a real node in namespaces of its own, by its manifests and by Helm, and use it; it needs Debian 12, root and containerd
	if [ "$$(id -u)" -ne 0 ]; then \
		echo "make e2e: a node's containers need the machine's administrator: sudo --preserve-env=PATH,HOME make e2e" >&2; exit 1; \
	fi
	go -C test/install test -count 1 ./node
	go -C test/install test -count 1 -v -timeout 60m ./e2e $(E2E)

.PHONY: install-yaml
install-yaml: ## Write dist/install.yaml, all of config/default in one file
	mkdir -p dist
	"$(assets)/kubectl" kustomize config/default > dist/install.yaml

.PHONY: chart
chart: ## Lint the Helm chart with each of its files of values, and pack it into dist
	helm="$$(hack/tools.sh helm)"; \
	for values in charts/checky/ci/*-values.yaml; do "$$helm" lint --strict --quiet -f "$$values" charts/checky; done; \
	"$$helm" package --destination dist charts/checky

# The address below which the site lies: /checky/ on the project's pages, / on a host of its own.
SITE_BASE ?= /

.PHONY: site
site: docs/node_modules/.package-lock.json ## Build the documentation as a site into dist/site, and check it; it needs Node.js
	cd docs && SITE_BASE="$(SITE_BASE)" npm run --silent build
	go run ./hack/docs/sitecheck -base "$(SITE_BASE)" dist/site

docs/node_modules/.package-lock.json: docs/package.json docs/package-lock.json
	cd docs && npm ci --no-audit --no-fund --ignore-scripts
	touch $@

.PHONY: release-build
release-build: ## Build the archives, bills of materials and checksums of VERSION into dist/release
	hack/release/build.sh "$(VERSION)"

.PHONY: release-notes
release-notes: ## Print what CHANGELOG.md says of VERSION
	hack/release/notes.sh "$(VERSION)"

.PHONY: release-test
release-test: ## Build a release twice, and compare
	hack/release/test.sh

##@ Generated files

.PHONY: generate
generate: ## Write the deep copies of the API types, the index of the knowledge file, the OpenAPI document, the Go client, and pages of the documentation; it needs ALSA's headers
	go tool controller-gen object paths=./api/...
	go run ./hack/knowledge rag-content.txt > .index.part && mv .index.part rag-content.idx
	go test ./apiserver/route -run TestDocumentIsCommitted -count 1 -update
	"$$(hack/tools.sh oapi-codegen)" -config apiserver/client/oapi-codegen.yaml apiserver/client/openapi-3.0.json
	types=$$(mktemp); trap 'rm -f "$$types"' EXIT; \
	"$$(hack/tools.sh crd-ref-docs)" --log-level ERROR --source-path api/v1alpha1 --config hack/docs/api/config.yaml --templates-dir hack/docs/api \
		--renderer markdown --output-path "$$types"; \
	go run ./hack/docs -types "$$types" docs
	go test ./cmd/checky ./cmd/checky-alertd ./cmd/kubectl-checky -run TestReferenceIsCommitted -count 1 -update

.PHONY: pictures
pictures: ## Draw the spectrograms of the documentation; it needs sox
	hack/pictures.sh

.PHONY: manifests
manifests: ## Write the custom resource definitions, the controller's role and the webhooks, and what the chart has of them
	go tool controller-gen crd paths=./api/... output:crd:dir=config/crd/bases
	go tool controller-gen rbac:roleName=checky-controller webhook paths=./controllers/... \
		output:rbac:dir=config/rbac output:webhook:dir=config/webhook
	cp rag-content.txt config/knowledge/rag-content.txt
	go run ./hack/monitoring
	hack/charts/files.sh
	"$$(hack/tools.sh helm-docs)" --chart-search-root charts --sort-values-order file --log-level warning

.PHONY: notices
notices: ## Write THIRD_PARTY_NOTICES.txt, the licences of what the programs are made of
	go run ./hack/licenses > .notices.part && mv .notices.part THIRD_PARTY_NOTICES.txt

##@ Depth

# What benchmark is built, and flags of it: BENCH='-only engines,retrieval' for a part, which leaves the documentation as it is.
bench = dist/bench/bench
# All but memory over time, which tells nothing in a short run.
bench-short = -only engines,retrieval,operator,scale,facade,batch
BENCH ?=

.PHONY: bench
bench: build alertd ## Measure Checky beside ceilings and other engines, in 20 minutes, and write docs/benchmarks.md; BENCH='-only engines' for a part
	hack/tools.sh opa >/dev/null
	KUBEBUILDER_ASSETS="$(assets)"; export KUBEBUILDER_ASSETS; \
	go -C test/bench build -trimpath -o "$(CURDIR)/$(bench)" .; \
	$(bench) $(or $(BENCH),-docs)

.PHONY: bench-quick
bench-quick: build alertd ## The same with small sizes, in 3 minutes and without memory over time; it only reports, into dist/bench
	KUBEBUILDER_ASSETS="$(assets)"; export KUBEBUILDER_ASSETS; \
	go -C test/bench build -trimpath -o "$(CURDIR)/$(bench)" .; \
	$(bench) -quick $(or $(BENCH),$(bench-short))

.PHONY: microbench
microbench: ## Run the packages' own benchmarks; they report time and allocations
	KUBEBUILDER_ASSETS="$(assets)"; export KUBEBUILDER_ASSETS; \
	go test -p 1 -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -timeout 60m ./rules/... ./rag/... ./engine/... ./apiserver/...; \
	go test -run '^$$' -bench . -benchtime 5x -timeout 60m ./test/apiserver

# What breaks a cluster: for how long, by which seed (0: another one each time), and flags of it, such as CHAOS='-rate 20'.
chaos = dist/chaos/chaos
DURATION ?= 30m
SEED ?= 0
CHAOS ?=

.PHONY: chaos
chaos: build alertd ## Break a cluster for DURATION by the faults of SEED while it is used, and say which promises were not kept; Linux alone
	go -C test/chaos build -trimpath -o "$(CURDIR)/$(chaos)" .
	KUBEBUILDER_ASSETS="$(assets)" $(chaos) -duration $(DURATION) -seed $(SEED) $(CHAOS)

.PHONY: chaos-quick
chaos-quick: ## The same in two minutes: each fault that matters once, by a fixed seed
	$(MAKE) --no-print-directory chaos DURATION=85s SEED=7 CHAOS=-quick

.PHONY: chaos-mutants
chaos-mutants: build alertd ## Put deliberate bugs into a cluster, one after the other, and fail unless each is found
	go -C test/chaos build -trimpath -o "$(CURDIR)/$(chaos)" .
	KUBEBUILDER_ASSETS="$(assets)" $(chaos) -mutants -seed 7 $(CHAOS)

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME
	packages=$$(go list ./...); \
	for package in $$packages; do \
		for target in $$(go test -list '^Fuzz' "$$package" | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x "$$package"; \
		done; \
	done

.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities in what the programs call; it asks vuln.go.dev
	"$$(hack/tools.sh govulncheck)" ./...
