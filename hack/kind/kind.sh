#!/usr/bin/env bash
# Checky on a kind cluster of its own, from this checkout, for people with Docker.
#
#   hack/kind/kind.sh check   look for what up needs, and whether the cluster is ours or free to make
#   hack/kind/kind.sh up      make the cluster, load the images of dist/images, apply config/dev, wait until all runs
#   hack/kind/kind.sh down    delete it
#
# up can be run again at any time: it keeps the cluster, loads the images anew and restarts what runs them. Both touch no
# cluster but the one that up made: its node has a label that up sets, and kubectl is never told to use the context that
# happens to be current. KIND_CLUSTER names the cluster (checky); its context is kind-checky.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cluster=${KIND_CLUSTER:-checky}
context=kind-$cluster
label=checky.dev/made-by=kind-up
timeout=${KIND_TIMEOUT:-300s}

say() { printf '%s\n' "$*" >&2; }
fail() {
	say "kind.sh: $*"
	exit 1
}

on_cluster() { kubectl --context "$context" "$@"; }

# need COMMAND WHERE: a prerequisite, and where to get it.
need() { command -v "$1" >/dev/null || fail "$1 is not installed: $2"; }

prerequisites() {
	need docker "kind runs its nodes as containers; https://docs.docker.com/get-docker/"
	need kind "https://kind.sigs.k8s.io/docs/user/quick-start/#installation"
	need kubectl "https://kubernetes.io/docs/tasks/tools/"
	docker info >/dev/null 2>&1 || fail "docker is installed, but its engine does not answer: start it, or see to it that you may use it (docker info says more)"
}

exists() { kind get clusters 2>/dev/null | grep -Fxq -- "$cluster"; }

# ours tells whether up made the cluster.
ours() { [ -n "$(on_cluster get nodes -l "$label" -o name 2>/dev/null)" ]; }

refuse() {
	fail "the kind cluster $cluster is there, and was not made by make kind-up: it is left alone. Choose another name: make kind-$1 KIND_CLUSTER=NAME"
}

make_cluster() {
	if exists; then
		ours || refuse up
		say "the cluster $cluster is there"
		return
	fi
	say "making the cluster $cluster"
	kind create cluster --name "$cluster" --config hack/kind/cluster.yaml --wait "$timeout"
	on_cluster label nodes --all --overwrite "$label" >/dev/null
}

load_images() {
	local archive
	for archive in dist/images/checky.tar dist/images/checky-alertd.tar; do
		[ -e "$archive" ] || fail "$archive is missing: run make images"
		say "loading $archive"
		kind load image-archive --name "$cluster" "$archive"
	done
}

install() {
	say "applying config/dev"
	# Server-side: the knowledge file is larger than what a client-side apply keeps in an annotation.
	on_cluster apply --server-side --force-conflicts -k config/dev
	on_cluster wait --for=condition=Established --timeout "$timeout" \
		crd/checks.checky.dev crd/rulesets.checky.dev crd/clusterrulesets.checky.dev crd/alertpolicies.checky.dev crd/silences.checky.dev
	# The tag stays the same from build to build: Pods of an earlier one are replaced.
	on_cluster -n checky-system rollout restart deployment,daemonset
	local kind
	for kind in deployment/checky-controller deployment/checky-apiserver daemonset/checky-alertd; do
		on_cluster -n checky-system rollout status --timeout "$timeout" "$kind"
	done
}

next_steps() {
	cat <<EOF

Checky runs in the kind cluster $cluster.

    kubectl config use-context $context
    kubectl apply -f config/samples/
    kubectl get checks

The REST facade: https://localhost:8443/docs, with a certificate that Checky signed itself, beside

    kubectl -n checky-system port-forward service/checky-apiserver 8443:443

What the alert daemon would sound is in /var/lib/checky-alertd/sounds of its Pod. make kind-down deletes the cluster.
EOF
}

case "${1-}" in
check)
	prerequisites
	if exists && ! ours; then refuse up; fi
	;;
up)
	prerequisites
	make_cluster
	load_images
	install
	next_steps
	;;
down)
	prerequisites
	if ! exists; then
		say "there is no kind cluster $cluster"
		exit 0
	fi
	ours || refuse down
	kind delete cluster --name "$cluster"
	;;
*)
	echo "usage: $0 check|up|down" >&2
	exit 2
	;;
esac
