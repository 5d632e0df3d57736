#!/usr/bin/env bash
# What the README shows, on the cluster of make kind-up: verdicts on the samples, an answer of the REST facade through its
# Service, and a critical failure that the alert daemon announces. It leaves the samples where they are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cluster=${KIND_CLUSTER:-checky}
timeout=${KIND_TIMEOUT:-300s}
port=${PORT:-18443}

on_cluster() { kubectl --context "kind-$cluster" "$@"; }

echo "== the samples"
on_cluster apply -f config/samples/
for verdict in order-good=Success order-bad=Failure leaked-key=Failure broken-rule=Error; do
	on_cluster -n default wait "--for=jsonpath={.status.phase}=${verdict#*=}" --timeout "$timeout" "chk/${verdict%=*}"
done
on_cluster get checks -A

echo "== the facade, through its Service"
on_cluster -n checky-system port-forward service/checky-apiserver "$port:443" >/dev/null &
forward=$!
trap 'kill "$forward" 2>/dev/null || true' EXIT
authority=$(mktemp)
on_cluster -n checky-system get secret checky-apiserver-tls -o 'jsonpath={.data.ca\.crt}' | base64 -d >"$authority"
curl --silent --show-error --fail --output /dev/null --retry 30 --retry-delay 1 --retry-connrefused --cacert "$authority" "https://localhost:$port/openapi.json"
rm -f "$authority"
echo "it answers, with the certificate that Checky made"

echo "== a critical failure is heard"
on_cluster apply -f - <<'EOF'
apiVersion: checky.dev/v1alpha1
kind: Check
metadata: {name: cooling, namespace: default}
spec:
  input: {celsius: 61}
  rules:
  - {name: celsius, severity: critical, module: {name: range, params: {field: $.celsius, max: 45}}}
EOF
for _ in $(seq 60); do
	if on_cluster -n default events --for check/cooling | grep Announced; then
		echo "== all of it passed"
		exit 0
	fi
	sleep 2
done
echo "no node announced the failure" >&2
exit 1
