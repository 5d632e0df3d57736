#!/usr/bin/env bash
# Builds a tool from its Go module, once, into a cache folder outside the checkout, and prints the binary's path on
# standard output. Progress goes to standard error.
#
#   hack/tools.sh golangci-lint
#   CHECKY_CACHE=DIR hack/tools.sh golangci-lint
#   CHECKY_TOOLS=built hack/tools.sh opa            only what is built already
#
# Such a tool is no `tool` line in go.mod: golangci-lint would bring two hundred modules into the versions that Checky
# itself is built with.
set -euo pipefail

case "${1-}" in
golangci-lint) module=github.com/golangci/golangci-lint/v2 package=/cmd/golangci-lint version=v2.15.0 ;;
oapi-codegen) module=github.com/oapi-codegen/oapi-codegen/v2 package=/cmd/oapi-codegen version=v2.8.2 ;;
actionlint) module=github.com/rhysd/actionlint package=/cmd/actionlint version=v1.7.12 ;;
govulncheck) module=golang.org/x/vuln package=/cmd/govulncheck version=v1.9.0 ;;
kind) module=sigs.k8s.io/kind package='' version=v0.33.0 ;;
kubeconform) module=github.com/yannh/kubeconform package=/cmd/kubeconform version=v0.8.0 ;;
crd-ref-docs) module=github.com/elastic/crd-ref-docs package='' version=v0.3.0 ;;
# Helm's own releases are told the Kubernetes version that charts are rendered and linted for; without, it is 1.20.
helm)
	module=helm.sh/helm/v3 package=/cmd/helm version=v3.22.0
	link="-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=36 -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=36"
	;;
helm-docs) module=github.com/norwoodj/helm-docs package=/cmd/helm-docs version=v1.14.2 ;;
# promtool knows all that Prometheus finds targets by, for which it would build the clients of twenty clouds; rules need none.
promtool) module=github.com/prometheus/prometheus package=/cmd/promtool version=v0.316.0 tags=remove_all_sd ;;
# What the benchmark compares the command line with.
opa) module=github.com/open-policy-agent/opa package='' version=v1.22.2 ;;
*)
	echo "usage: $0 golangci-lint|crd-ref-docs|helm|helm-docs|oapi-codegen|actionlint|govulncheck|kind|kubeconform|opa|promtool" >&2
	exit 2
	;;
esac

cache=${CHECKY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/checky}
# By Go's version too: a linter cannot read code of a newer language than it was built with.
dir=$cache/tools/$1-$version-$(go env GOVERSION)-$(go env GOOS)-$(go env GOARCH)
if [ ! -x "$dir/$1" ]; then
	if [ "${CHECKY_TOOLS-}" = built ]; then
		echo "$1 is not built" >&2
		exit 3
	fi
	echo "building $1 $version (from its Go module; the first time takes minutes)" >&2
	mkdir -p "$dir"
	part=$(mktemp -d "$dir/.build.XXXXXX")
	trap 'rm -rf "$part"' EXIT
	# Outside the checkout, so that its go.mod plays no part.
	(cd "$part" && GOWORK=off GOFLAGS='' CGO_ENABLED=0 GOBIN=$part go install -tags "${tags-}" -trimpath -ldflags "-s -w ${link-}" "$module$package@$version" >&2)
	mv "$part/$1" "$dir/$1"
	echo "  $1 built in $SECONDS s" >&2
fi
printf '%s\n' "$dir/$1"
