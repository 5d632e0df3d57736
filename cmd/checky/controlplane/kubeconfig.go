package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// clusterName is the one cluster and context of a kubeconfig written here.
const clusterName = "checky"

// WriteKubeconfig writes a kubeconfig file, readable by its owner alone, that holds a configuration's
// certificates. It replaces only a file that it wrote itself.
func WriteKubeconfig(path string, cfg *rest.Config, user string) error {
	if err := checkOwn(path); err != nil {
		return err
	}
	file := clientcmdapi.NewConfig()
	file.Clusters[clusterName] = &clientcmdapi.Cluster{Server: cfg.Host, CertificateAuthorityData: cfg.CAData}
	file.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: cfg.CertData, ClientKeyData: cfg.KeyData}
	file.Contexts[clusterName] = &clientcmdapi.Context{Cluster: clusterName, AuthInfo: user, Namespace: "default"}
	file.CurrentContext = clusterName
	text, err := clientcmd.Write(*file)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return writeFile(path, text)
}

// checkOwn refuses a file that is there and is not a kubeconfig of this package's.
func checkOwn(path string) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	file, err := clientcmd.Load(text)
	if err == nil && len(file.Clusters) <= 1 && (len(file.Clusters) == 0 || file.Clusters[clusterName] != nil) {
		return nil
	}
	return fmt.Errorf("%s is there already and is not Checky's: name another file", path)
}
