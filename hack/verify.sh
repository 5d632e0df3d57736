#!/usr/bin/env bash
# Fails if a generated file, a go.mod or go.sum, or a Go file's format is not what the tools make of it, and shows the
# difference. It works on a copy: the checkout is not changed. Each step says how long it took, and each that fails what mends it;
# one that fails keeps none of the others from being looked at.
#
#   hack/verify.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
# What git would commit now: tracked files and new ones, as they are in the work tree.
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
	if [ -e "$file" ]; then printf '%s\0' "$file"; fi
done | tar --null --files-from=- -cf - | tar -C "$copy" -xf -

# Each copy is another folder, and Go's build cache knows packages by their folder unless paths are left out of what it builds.
export GOWORK=off GOFLAGS=-trimpath

wrong=()
# step NAME FIX COMMAND...: runs the command, whose output is shown only if it fails.
step() {
	local name=$1 fix=$2 began=$SECONDS output
	shift 2
	if output=$("$@" 2>&1); then
		printf '%-62s up to date  %3d s\n' "$name" $((SECONDS - began))
		return
	fi
	printf '%s\n%-62s WRONG       %3d s: %s\n' "$output" "$name" $((SECONDS - began)) "$fix" >&2
	wrong+=("$name: $fix")
}

written() { make --no-print-directory -C "$copy" "$@"; }

# same PATH...: compares paths of the copy, in which they were written anew, with the checkout's.
same() {
	local path
	for path in "$@"; do diff -ruN "$path" "$copy/$path" || return; done
}

formatted() {
	local unformatted
	unformatted=$(git ls-files -z --cached --others --exclude-standard -- '*.go' |
		while IFS= read -r -d '' file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done | xargs -0 gofmt -l)
	printf '%s' "$unformatted"
	[ -z "$unformatted" ]
}

step "make generate in a copy of the checkout" "see what it says above" written generate
step "  the deep copies" "run make generate" same api
step "  the index of the knowledge file" "run make generate" same rag-content.idx
step "  the OpenAPI document and the Go client" "run make generate" same apiserver/openapi.json apiserver/client
step "  the generated pages of the documentation" "run make generate" same docs/modules docs/modules.md docs/reference
step "make manifests in a copy of the checkout" "see what it says above" written manifests
step "  the manifests" "run make manifests" same config/crd config/grafana config/knowledge config/rbac config/webhook
step "  the chart" "run make manifests" same charts/checky
step "make notices in a copy of the checkout" "see what it says above" written notices
step "  the notices of third parties" "run make notices" same THIRD_PARTY_NOTICES.txt
for module in . hack/controlplane hack/images hack/release test/bench test/chaos test/install; do
	step "go.mod and go.sum of $module" "run GOWORK=off go -C $module mod tidy" go -C "$module" mod tidy -diff
done
step "the format of Go files" "run gofmt -w on these" formatted

if [ ${#wrong[@]} -gt 0 ]; then
	echo "verify: ${#wrong[@]} of the steps failed, after $SECONDS s" >&2
	printf '  %s\n' "${wrong[@]}" >&2
	exit 1
fi
echo "verify: all of it is up to date, after $SECONDS s"
