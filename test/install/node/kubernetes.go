package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
)

// kubeletConfig is for a machine that does nothing else: images are never collected, and nothing is evicted before the disk is full.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: %[1]s
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: %[2]s}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix://%[3]s
cgroupDriver: cgroupfs
cgroupRoot: %[4]s
failCgroupV1: false
failSwapOn: false
clusterDNS: [%[1]s]
clusterDomain: cluster.local
evictionHard: {memory.available: 50Mi, nodefs.available: 100Mi, imagefs.available: 100Mi, nodefs.inodesFree: 1%%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
podLogsDir: /var/log/pods
resolvConf: %[5]s
readOnlyPort: 0
registerWithTaints: []
# A test does not wait for a minute until the content of a Secret that changed arrives.
configMapAndSecretChangeDetectionStrategy: Watch
syncFrequency: 10s
`

const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: %[1]s
clientConnection: {kubeconfig: %[2]s}
hostnameOverride: %[3]s
bindAddress: 0.0.0.0
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
iptables: {minSyncPeriod: 100ms}
`

// kubeconfig writes one for a component, which is a user with some groups.
func (n *Node) kubeconfig(user string, groups ...string) (string, error) {
	config, err := n.UserConfig(user, groups...)
	if err != nil {
		return "", err
	}
	path := filepath.Join(n.dir, "kubeconfigs", filepath.Base(user))
	return path, controlplane.WriteKubeconfig(path, config, user)
}

// startControllers starts kube-controller-manager and kube-scheduler.
func (n *Node) startControllers(context.Context) error {
	manager, err := n.kubeconfig("system:kube-controller-manager")
	if err != nil {
		return err
	}
	scheduler, err := n.kubeconfig("system:kube-scheduler")
	if err != nil {
		return err
	}
	err = n.serve("kube-controller-manager", n.binaries.path("kube-controller-manager"),
		"--kubeconfig="+manager, "--authentication-kubeconfig="+manager, "--authorization-kubeconfig="+manager,
		"--use-service-account-credentials", "--leader-elect=false", "--bind-address=127.0.0.1",
		"--service-account-private-key-file="+n.ServiceAccountKeyFile(), "--root-ca-file="+n.AuthorityFile(),
		// A node that is gone is looked for within seconds, since tests wait for it.
		"--node-monitor-grace-period=20s")
	if err != nil {
		return err
	}
	return n.serve("kube-scheduler", n.binaries.path("kube-scheduler"),
		"--kubeconfig="+scheduler, "--authentication-kubeconfig="+scheduler, "--authorization-kubeconfig="+scheduler,
		"--leader-elect=false", "--bind-address=127.0.0.1")
}

// startKubelet starts the kubelet below control groups of this run.
func (n *Node) startKubelet(context.Context) error {
	groups, err := makeGroups(filepath.Base(n.dir))
	if err != nil {
		return fmt.Errorf("control groups: %w", err)
	}
	access, err := n.kubeconfig("system:node:"+Name, "system:nodes")
	if err != nil {
		return err
	}
	resolv, config := filepath.Join(n.dir, "resolv.conf"), filepath.Join(n.dir, "kubelet.yaml")
	for path, text := range map[string]string{
		resolv: "nameserver " + NodeAddress.String() + "\n",
		config: fmt.Sprintf(kubeletConfig, NodeAddress, n.AuthorityFile(), n.socket(), groups, resolv),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	root := filepath.Join(n.dir, "kubelet")
	return n.serve("kubelet", n.binaries.path("kubelet"),
		"--config="+config, "--kubeconfig="+access, "--root-dir="+root, "--cert-dir="+filepath.Join(root, "pki"),
		"--hostname-override="+Name, "--node-ip="+NodeAddress.String())
}

// startProxy starts kube-proxy, by which Services have their addresses.
func (n *Node) startProxy(context.Context) error {
	access, err := n.kubeconfig("system:kube-proxy")
	if err != nil {
		return err
	}
	config := filepath.Join(n.dir, "kube-proxy.yaml")
	text := fmt.Sprintf(proxyConfig, podNetwork, access, Name)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	return n.serve("kube-proxy", n.binaries.path("kube-proxy"), "--config="+config)
}
