#!/usr/bin/env bash
# Fetches ReDoc's bundle and writes it here as it is embedded: patched as README.md says, compressed the same way each
# time. A patch that does not fit exactly once stops it, and so does a bundle that is not the one expected.
set -euo pipefail
cd "$(dirname "$0")"

version=2.5.4
bundle=dcaf76612bc4a3fbcc923a8966dee2f6146a5f32e5ce1b6f02dd60cbbf89500b # sha256 of bundles/redoc.standalone.js

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
archive=$(npm pack --silent --pack-destination "$work" "redoc@$version")
tar -xzf "$work/$archive" -C "$work"
script=$work/package/bundles/redoc.standalone.js
echo "$bundle  $script" | sha256sum --check --quiet

# patch FROM TO replaces the one place where FROM stands, both plain text.
patch() {
	if [[ $(grep -oF -- "$1" "$script" | wc -l) != 1 ]]; then
		echo "redoc/update.sh: expected to find once: $1" >&2
		exit 1
	fi
	FROM=$1 TO=$2 perl -0pi -e 's/\Q$ENV{FROM}\E/$ENV{TO}/' "$script"
}
patch 'r.nc=void 0' 'r.nc=document.currentScript.nonce'
patch 'n.createElement(pw,null),"API docs by Redocly"' '"API docs by Redocly"'
patch 'src:"https://cdn.redoc.ly/redoc/logo-mini.svg"' 'src:"data:,"'
patch '//# sourceMappingURL=redoc.standalone.js.map' ''

gzip -9n <"$script" >redoc.standalone.js.gz
cp "$work/package/LICENSE" LICENSE
cp "$work/package/bundles/redoc.standalone.js.LICENSE.txt" .
cp "$work"/package/bundles/*.worker.js.LICENSE.txt redoc.worker.js.LICENSE.txt
sha256sum redoc.standalone.js.gz
