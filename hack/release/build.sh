#!/usr/bin/env bash
# Builds what a release offers for download into dist/release: checky and kubectl-checky for Linux, macOS and Windows,
# as archives with licences, each with a bill of materials, and checksums.txt over all of them.
#
#   hack/release/build.sh v0.1.0                              all platforms
#   hack/release/build.sh v0.1.0 linux/amd64 windows/amd64    these
#   OUT=DIR hack/release/build.sh v0.1.0                      elsewhere than dist/release
#
# The same commit, version and Go toolchain give the same bytes: paths are trimmed, nothing is taken from Git but the
# commit's name and time (REVISION and SOURCE_DATE_EPOCH from outside win), and cgo is off. checky-alertd needs cgo and is released as an image.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [[ ! ${1-} =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]]; then
	echo "usage: $0 VERSION [OS/ARCH...], VERSION as v0.1.0" >&2
	exit 2
fi
version=$1
shift
platforms=("$@")
krew=()
if [ ${#platforms[@]} -eq 0 ]; then
	krew=(-krew "$PWD/.krew.yaml")
	platforms=(linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64)
fi
out=${OUT:-dist/release}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
revision=${REVISION:-$(git rev-parse HEAD)}

stamp=github.com/checky-dev/checky/cmd/program

rm -rf "$out"
mkdir -p "$out"
out=$(cd "$out" && pwd)
for platform in "${platforms[@]}"; do
	os=${platform%/*} arch=${platform#*/}
	for program in checky kubectl-checky; do
		echo "building $program $version for $platform" >&2
		file=$out/bin/${os}_$arch/$program
		if [ "$os" = windows ]; then file+=.exe; fi
		CGO_ENABLED=0 GOOS=$os GOARCH=$arch GOAMD64=v1 GOARM64=v8.0 go build -trimpath -buildvcs=false \
			-ldflags "-s -w -buildid= -X $stamp.version=$version -X $stamp.revision=$revision" -o "$file" "./cmd/$program"
	done
done
GOWORK=off go -C hack/release run . -version "$version" -dir "$out" -root "$PWD" -epoch "$epoch" "${krew[@]}"
rm -rf "${out:?}/bin"
ls "$out"
