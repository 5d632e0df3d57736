#!/usr/bin/env bash
# Prints what CHANGELOG.md says of a version: the notes of its release. A version that it lacks is an error.
#
#   hack/release/notes.sh v0.1.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=${1:?usage: $0 VERSION, as v0.1.0}
notes=$(awk -v heading="## [${version#v}]" '
	index($0, "## [") == 1 { inside = index($0, heading) == 1; next }
	/^\[[^]]+\]: / { next }
	inside { print }
' CHANGELOG.md | sed -e '/./,$!d')
if [ -z "$notes" ]; then
	echo "CHANGELOG.md has no section ## [${version#v}]" >&2
	exit 1
fi
printf '%s\n' "$notes"
