package e2e_test

import "testing"

// TestKustomize installs by kustomize what the README says, and then what is for one's own machine, with the alert daemon.
func TestKustomize(t *testing.T) {
	c := newCluster(t)
	c.kubectl("apply", "-k", "config/default")
	c.settled("deployment/checky-controller", "deployment/checky-apiserver")
	did(t, "kubectl apply -k config/default: all Pods ready")
	c.samples()
	c.restFlow()

	c.kubectl("apply", "-k", "config/dev")
	c.settled("deployment/checky-controller", "deployment/checky-apiserver", "daemonset/checky-alertd")
	did(t, "kubectl apply -k config/dev: all Pods ready, the alert daemon's too")
	c.heard()
}
