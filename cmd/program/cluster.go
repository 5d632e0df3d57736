package program

import (
	"errors"
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
)

// Cluster leads to the cluster of KUBECONFIG, or of the Pod's service account.
func Cluster() (*rest.Config, error) {
	config, err := ctrl.GetConfig()
	if clientcmd.IsEmptyConfig(err) { // its own text names a variable that is not read
		return nil, errors.New("there is no cluster: set KUBECONFIG to a file that exists and names one, or run in a Pod with a service account")
	}
	if err != nil {
		return nil, fmt.Errorf("there is no cluster: set KUBECONFIG to a file that names one, or run in a Pod with a service account: %w", err)
	}
	return config, nil
}
