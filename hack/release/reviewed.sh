#!/usr/bin/env bash
# Refuses to release a commit that is on no protected branch - main, or release-* - since whoever may push a tag could otherwise
# release what nobody has reviewed. It needs the history of all branches.
#
#   hack/release/reviewed.sh                         this commit
#   hack/release/reviewed.sh Dockerfile              and that each image which the file begins with is named by its digest
set -euo pipefail

if [ -z "$(git branch --remotes --contains HEAD --list origin/main 'origin/release-*')" ]; then
	echo "::error::$(git rev-parse HEAD) is neither on main nor on a branch release-*: merge it first" >&2
	exit 1
fi
for file in "$@"; do
	loose=$(sed -n 's/^ARG [A-Z_]*IMAGE=//p' "$file" | grep -v '@sha256:[0-9a-f]\{64\}$' || true)
	if [ -n "$loose" ]; then
		printf '::error::%s begins with what a tag names, and a tag can be moved: put @sha256:... after it (docker buildx imagetools inspect IMAGE tells it)\n%s\n' "$file" "$loose" >&2
		exit 1
	fi
done
