#!/usr/bin/env bash
# Fails if a generated file, go.mod or go.sum, or a Go file's format is not what the tools make of it, and shows the
# difference. It works on a copy: the checkout is not changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
# What git would commit now: tracked files and new ones, as they are in the work tree.
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
	if [ -e "$file" ]; then printf '%s\0' "$file"; fi
done | tar --null --files-from=- -cf - | tar -C "$copy" -xf -

failed=0
# same WHAT FIX PATH...: compares paths of the copy with the checkout's.
same() {
	local what=$1 fix=$2 path
	shift 2
	for path in "$@"; do
		if ! diff -ruN "$path" "$copy/$path"; then
			echo "verify: $what is not up to date: run $fix" >&2
			failed=1
			return
		fi
	done
	echo "$what: up to date"
}

echo "generating in a copy of the checkout"
make --no-print-directory -C "$copy" generate manifests notices
same "the deep copies" "make generate" api
same "the OpenAPI document and the Go client" "make generate" apiserver/openapi.json apiserver/client
same "the generated pages of the documentation" "make generate" docs/modules docs/modules.md docs/reference
same "the manifests" "make manifests" config/crd config/grafana config/knowledge config/rbac config/webhook
same "the chart" "make manifests" charts/checky
same "the notices of third parties" "make notices" THIRD_PARTY_NOTICES.txt

(cd "$copy" && go mod tidy)
same "go.mod" "go mod tidy" go.mod go.sum

unformatted=$(git ls-files -z --cached --others --exclude-standard -- '*.go' | xargs -0 gofmt -l)
if [ -n "$unformatted" ]; then
	printf 'verify: not formatted: run gofmt -w on\n%s\n' "$unformatted" >&2
	failed=1
else
	echo "the format of Go files: up to date"
fi
exit $failed
