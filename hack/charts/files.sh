#!/usr/bin/env bash
# Copies what the chart has in common with config/ into folders of charts/checky/files, since a chart can read nothing outside its own: the
# kinds, who may do what, webhooks, network policies and what is scraped. `make manifests` runs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

files=charts/checky/files
rm -rf "${files:?}"/*/
# copy FOLDER FILE...: into a folder of files/.
copy() {
	mkdir -p "$files/$1"
	cp -- "${@:2}" "$files/$1/"
}
copy crd config/crd/bases/*.yaml
for file in config/rbac/*.yaml; do
	if [ "${file##*/}" != kustomization.yaml ]; then copy rbac "$file"; fi
done
copy apiserver config/apiserver/rbac.yaml
copy alertd config/alertd/rbac.yaml
copy webhook config/webhook/manifests.yaml
copy network-policy config/network-policy/network-policies.yaml
copy prometheus config/prometheus/access.yaml config/prometheus/monitors.yaml
