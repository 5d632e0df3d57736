#!/usr/bin/env bash
# Holds that a release can be built again: two platforms, twice, from two folders; the checksums must fit their files and
# be the same, and the program must say its version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=v0.0.1-test
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SOURCE_DATE_EPOCH=1767225600 REVISION=0123456789abcdef0123456789abcdef01234567
# The second is built in a copy, since a path that got into a program would be the same in one folder.
mkdir "$work/copy"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
	if [ -e "$file" ]; then printf '%s\0' "$file"; fi
done | tar --null --files-from=- -cf - | tar -C "$work/copy" -xf -

here=$(go env GOOS)/$(go env GOARCH)
OUT=$work/first hack/release/build.sh "$version" "$here" windows/amd64
(cd "$work/copy" && OUT=$work/second hack/release/build.sh "$version" "$here" windows/amd64)

(cd "$work/first" && sha256sum --check --strict checksums.txt)
diff -r "$work/first" "$work/second"
echo "two builds are equal"

tar -xzf "$work/first/checky_${version}_${here/\//_}.tar.gz" -C "$work" checky
said=$("$work/checky" --version)
case $said in
*"$version"*) echo "$said" ;;
*)
	echo "checky --version says $said, not $version" >&2
	exit 1
	;;
esac
