package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// corefile answers for the cluster's names alone; there is no way to any other.
const corefile = `cluster.local:53 {
    bind %s
    errors
    kubernetes cluster.local {
        kubeconfig %s
        pods insecure
    }
}
`

// startDNS starts CoreDNS on the node, with the rights that it has in every cluster.
func (n *Node) startDNS(context.Context) error {
	access, err := n.kubeconfig("system:masters-dns", "system:masters")
	if err != nil {
		return err
	}
	path := filepath.Join(n.dir, "Corefile")
	if err := os.WriteFile(path, fmt.Appendf(nil, corefile, NodeAddress, access), 0o600); err != nil {
		return err
	}
	return n.serve("coredns", n.binaries.path("coredns"), "-conf", path)
}
