#!/usr/bin/env bash
# Builds the images into archives that `docker load` and `ctr -n k8s.io images import` read: DIR/checky.tar and
# DIR/checky-alertd.tar. It says what builds them.
#
#   hack/images/make.sh DIR VERSION
#   ENGINE=docker|buildah|none hack/images/make.sh DIR VERSION
#
# docker and buildah build the Dockerfile, whose bases they pull. none needs no engine and no registry, but Go and, for
# checky-alertd, Debian 12 with gcc and libasound2-dev. auto, which is the default, takes Docker where its daemon
# answers, else buildah where it has the bases or can pull them, else none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ $# -ne 2 ]; then
	echo "usage: $0 DIR VERSION" >&2
	exit 2
fi
out=$1 version=$2
registry=${REGISTRY:-ghcr.io/checky-dev}

# Variables of the Dockerfile that the environment sets: other bases, another proxy for Go modules.
args=()
for name in GO_IMAGE BASE_IMAGE ALERTD_BASE_IMAGE GOPROXY; do
	if [ -n "${!name-}" ]; then args+=(--build-arg "$name=${!name}"); fi
done

# bases prints the images that the Dockerfile begins with.
bases() {
	sed -n 's/^ARG \([A-Z_]*IMAGE\)=\(.*\)/\1 \2/p' Dockerfile | while read -r name default; do
		printf '%s\n' "${!name-$default}"
	done
}

have_docker() { command -v docker >/dev/null && docker info >/dev/null 2>&1; }

have_buildah() {
	command -v buildah >/dev/null || return 1
	local base
	while read -r base; do
		timeout 120 buildah pull --quiet --policy missing "$base" >/dev/null 2>&1 || return 1
	done < <(bases)
}

engine=${ENGINE:-auto}
if [ "$engine" = auto ]; then
	if have_docker; then
		engine=docker
	elif have_buildah; then
		engine=buildah
	else
		engine=none
	fi
fi

mkdir -p "$out"
out=$(cd "$out" && pwd)
case $engine in
none)
	echo "images: building without a container engine" >&2
	exec env GOWORK=off GOFLAGS=-mod=readonly go -C hack/images run . -out "$out" -version "$version" -registry "$registry"
	;;
docker | buildah) echo "images: building the Dockerfile with $engine" >&2 ;;
*)
	echo "images: ENGINE=$engine: must be auto, docker, buildah or none" >&2
	exit 2
	;;
esac

revision=$(git rev-parse HEAD)
if [ -n "$(git status --porcelain)" ]; then revision+=-dirty; fi
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
args+=(
	--build-arg "VERSION=$version"
	--build-arg "REVISION=$revision"
	--build-arg "SOURCE_DATE_EPOCH=$epoch"
	--build-arg "CREATED=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -r "$epoch" +%Y-%m-%dT%H:%M:%SZ)"
)
for image in checky checky-alertd; do
	tag=$registry/$image:$version
	rm -f "$out/$image.tar"
	if [ "$engine" = docker ]; then
		DOCKER_BUILDKIT=1 docker build "${args[@]}" --target "$image" --tag "$tag" .
		docker save --output "$out/$image.tar" "$tag"
	else
		buildah bud "${args[@]}" --timestamp "$epoch" --target "$image" --tag "$tag" .
		buildah push --quiet "$tag" "docker-archive:$out/$image.tar:$tag"
	fi
	echo "$out/$image.tar"
done
