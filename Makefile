# Checky's tasks. `make` alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# Bounds for a machine of two cores; set them for a larger one.
PARALLEL ?= 2
TIMEOUT ?= 20m
FUZZTIME ?= 30s
BENCHTIME ?= 1s

# Packages that share data between goroutines: these are tested with the race detector, which needs a C compiler. The
# detector costs a factor of ten, so the others are tested without.
CONCURRENT ?= ./rules ./rules/cel ./rules/jsonschema ./engine/... ./rag/... ./controllers/... ./apiserver/... ./audio/... ./cmd/... ./test/operator ./test/apiserver ./test/alertd

# Where etcd, kube-apiserver and kubectl are; they are built on first use. KUBEBUILDER_ASSETS from outside wins.
assets = $${KUBEBUILDER_ASSETS:-$$(hack/controlplane/build.sh)}

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

.PHONY: test
test: ## Run every test that needs no container runtime: unit, golden, property, and against a real kube-apiserver and etcd
	KUBEBUILDER_ASSETS="$(assets)"; export KUBEBUILDER_ASSETS; \
	all=$$(go list ./... | sort); concurrent=$$(go list $(CONCURRENT) | sort); \
	go test -p $(PARALLEL) -timeout $(TIMEOUT) $$(comm -23 <(echo "$$all") <(echo "$$concurrent")); \
	go test -race -p $(PARALLEL) -timeout $(TIMEOUT) $(CONCURRENT)

.PHONY: lint
lint: ## Run the linters, the import rules of the design among them
	"$$(hack/tools.sh golangci-lint)" run --timeout 15m ./...

##@ Try it

# Where the alert daemon cannot be built, the demo says so and leaves its tone out.
speaking = $$(echo '\#include <alsa/asoundlib.h>' | $${CC:-cc} -E - >/dev/null 2>&1 && echo alertd || true)

.PHONY: demo
demo: build ## Apply config/samples to an API server of their own, show every verdict and record a tone, and stop
	speaking="$(speaking)"; if [ -n "$$speaking" ]; then $(MAKE) --no-print-directory alertd; fi; \
	bin/checky demo $${speaking:+--alertd bin/checky-alertd}

.PHONY: up
up: build ## Run an API server with Checky on this machine until Ctrl-C
	bin/checky up

##@ Generated files

.PHONY: generate
generate: ## Write the deep copies of the API types, the OpenAPI document and the Go client
	go tool controller-gen object paths=./api/...
	go test ./apiserver/route -run TestDocumentIsCommitted -count 1 -update
	"$$(hack/tools.sh oapi-codegen)" -config apiserver/client/oapi-codegen.yaml apiserver/client/openapi-3.0.json

.PHONY: pictures
pictures: ## Draw the spectrograms of the documentation; it needs sox
	hack/pictures.sh

.PHONY: manifests
manifests: ## Write the custom resource definitions, the controller's role and the webhooks
	go tool controller-gen crd paths=./api/... output:crd:dir=config/crd/bases
	go tool controller-gen rbac:roleName=checky-controller webhook paths=./controllers/... \
		output:rbac:dir=config/rbac output:webhook:dir=config/webhook

.PHONY: notices
notices: ## Write THIRD_PARTY_NOTICES.txt, the licences of what the programs are made of
	go run ./hack/licenses > .notices.part && mv .notices.part THIRD_PARTY_NOTICES.txt

.PHONY: verify
verify: ## Fail if a generated file, go.mod or the formatting is not up to date
	hack/verify.sh

##@ Images

# The version of what is installed is written down once, in the chart.
VERSION ?= $(shell sed -n 's/^appVersion: *//p' charts/checky/Chart.yaml)
# What builds the images: docker, buildah, none (no container engine), or auto, which is the first of them that works.
ENGINE ?= auto

.PHONY: images
images: ## Build the container images into dist/images; ENGINE=none needs no container engine and no registry
	ENGINE="$(ENGINE)" hack/images/make.sh dist/images "$(VERSION)"

##@ Releasing

.PHONY: release-build
release-build: ## Build the archives, bills of materials and checksums of RELEASE=v0.1.0 into dist/release
	hack/release/build.sh "$(RELEASE)"

.PHONY: release-notes
release-notes: ## Print what CHANGELOG.md says of RELEASE=v0.1.0
	hack/release/notes.sh "$(RELEASE)"

.PHONY: release-test
release-test: ## Build a release twice, and compare
	GOWORK=off go -C hack/release test ./...
	hack/release/test.sh

.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities in what the programs call; it asks vuln.go.dev
	"$$(hack/tools.sh govulncheck)" ./...

##@ Depth

.PHONY: bench
bench: ## Run the benchmarks; they report time and allocations
	KUBEBUILDER_ASSETS="$(assets)"; export KUBEBUILDER_ASSETS; \
	go test -p 1 -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -timeout 60m ./rules/... ./rag/... ./engine/... ./apiserver/...; \
	go test -run '^$$' -bench . -benchtime 5x -timeout 60m ./test/apiserver

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME
	packages=$$(go list ./...); \
	for package in $$packages; do \
		for target in $$(go test -list '^Fuzz' "$$package" | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x "$$package"; \
		done; \
	done

.PHONY: clean
clean: ## Delete what was built in this checkout; the cache outside it stays
	rm -rf bin dist
