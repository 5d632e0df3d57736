#!/usr/bin/env bash
# Builds kube-apiserver, kubectl and etcd from their Go modules, once, into a cache folder
# outside the checkout, and prints that folder on standard output. Progress goes to standard error.
#
#   hack/controlplane/build.sh            build what is missing, print the folder
#   hack/controlplane/build.sh node       the rest of a node too: kubelet, kube-proxy, kube-controller-manager, kube-scheduler
#   CHECKY_CACHE=DIR hack/controlplane/build.sh
#
# The folder is keyed by the versions in go.mod, so a second run only prints it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0
kube=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
etcd=$(go list -m -f '{{.Version}}' go.etcd.io/etcd/server/v3)
cache=${CHECKY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/checky}
dir=$cache/controlplane/kubernetes-$kube-etcd-$etcd-$(go env GOOS)-$(go env GOARCH)

say() { printf '%s\n' "$*" >&2; }

# build NAME PACKAGE LDFLAGS: one binary, moved into place whole, so that a build that was cut off
# leaves nothing that looks finished.
build() {
	local name=$1 package=$2 flags=$3 began=$SECONDS
	if [ -x "$dir/$name" ]; then return; fi
	say "building $name (from Go modules; the first time takes minutes, later runs use $dir)"
	mkdir -p "$dir"
	go build -trimpath -ldflags "-s -w $flags" -o "$dir/.$name.$$" "$package" &
	local pid=$!
	trap 'kill $pid 2>/dev/null || true; rm -f "$dir/.$name.$$"' EXIT
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		if [ $(((SECONDS - began) % 20)) -eq 0 ]; then say "  still building $name, $((SECONDS - began)) s"; fi
	done
	wait "$pid"
	trap - EXIT
	mv "$dir/.$name.$$" "$dir/$name"
	say "  $name built in $((SECONDS - began)) s"
}

version="-X k8s.io/component-base/version.gitVersion=$kube -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$(echo "$kube" | cut -d. -f2)"
build etcd ./etcd ""
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "$version"
build kubectl k8s.io/kubernetes/cmd/kubectl "$version"
if [ "${1-}" = node ]; then
	for name in kube-controller-manager kube-scheduler kubelet kube-proxy; do
		build "$name" "k8s.io/kubernetes/cmd/$name" "$version"
	done
fi
printf '%s\n' "$dir"
