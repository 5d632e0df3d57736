package controlplane

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func newClient(t *testing.T, cfg *rest.Config) client.Client {
	t.Helper()
	c, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func settings(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Data:       map[string]string{"key": "value"},
	}
}

func TestControlPlaneServes(t *testing.T) {
	var progress bytes.Buffer
	cp, err := Start(t.Context(), Options{Log: &progress})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cp.Stop(); err != nil {
			t.Error(err)
		}
	})

	t.Run("the administrator may do everything", func(t *testing.T) {
		if err := newClient(t, cp.RESTConfig()).Create(t.Context(), settings("admin")); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("a user may do only what RBAC allows", func(t *testing.T) {
		cfg, err := cp.UserConfig("system:serviceaccount:default:somebody", "system:serviceaccounts")
		if err != nil {
			t.Fatal(err)
		}
		if err := newClient(t, cfg).Create(t.Context(), settings("user")); !apierrors.IsForbidden(err) {
			t.Fatalf("want forbidden, got %v", err)
		}
	})
	t.Run("nobody without a certificate", func(t *testing.T) {
		cfg := cp.RESTConfig()
		cfg.CertData, cfg.KeyData = nil, nil
		if _, err := client.New(cfg, client.Options{}); !apierrors.IsUnauthorized(err) {
			err = newClient(t, cfg).Create(t.Context(), settings("nobody"))
			if !apierrors.IsUnauthorized(err) {
				t.Fatalf("want unauthorized, got %v", err)
			}
		}
	})
	t.Run("kubectl works with the kubeconfig", func(t *testing.T) {
		info, err := os.Stat(cp.Kubeconfig())
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("kubeconfig has mode %o, want 600", got)
		}
		kubectl := exec.CommandContext(t.Context(), cp.KubectlPath(), "get", "namespace", "default", "-o", "name", "--cache-dir", t.TempDir())
		kubectl.Env = append(os.Environ(), "KUBECONFIG="+cp.Kubeconfig())
		out, err := kubectl.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if diff := cmp.Diff("namespace/default\n", string(out)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a second one beside it, in a folder that is in use, is refused", func(t *testing.T) {
		_, err := Start(t.Context(), Options{Dir: cp.Dir()})
		if err == nil || !strings.Contains(err.Error(), "in use by another control plane") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("progress is told", func(t *testing.T) {
		if !strings.Contains(progress.String(), "ready after") {
			t.Errorf("got %q", progress.String())
		}
	})
	t.Run("stopping ends Wait, deletes temporary data, and may be repeated", func(t *testing.T) {
		waited := make(chan error, 1)
		go func() { waited <- cp.Wait(context.Background()) }()
		if err := errors.Join(cp.Stop(), cp.Stop(), <-waited); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(cp.Dir()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the data folder is still there: %v", err)
		}
		apiserver, _ := cp.current()
		for _, p := range []*process{cp.etcd, apiserver} {
			if !isClosed(p.done) {
				t.Errorf("%s still runs", p.name)
			}
		}
	})
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestRestartKeepsObjects(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var kubeconfigs []string
	for i, name := range []string{"first", "second"} {
		cp, err := Start(t.Context(), Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cp.Stop() })
		kubeconfigs = append(kubeconfigs, cp.Kubeconfig())
		c := newClient(t, cp.RESTConfig())
		if err := c.Create(t.Context(), settings(name)); err != nil {
			t.Fatal(err)
		}
		var list corev1.ConfigMapList
		if err := c.List(t.Context(), &list, client.InNamespace("default")); err != nil {
			t.Fatal(err)
		}
		if got := len(list.Items); got != i+1 {
			t.Errorf("start %d: %d ConfigMaps, want %d", i+1, got, i+1)
		}
		if err := cp.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if kubeconfigs[0] != kubeconfigs[1] {
		t.Errorf("the kubeconfig moved from %s to %s", kubeconfigs[0], kubeconfigs[1])
	}
}

func TestWaitTellsOfAServerThatDied(t *testing.T) {
	cp, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cp.Stop() })
	if err := cp.etcd.stop(); err != nil { // its supervisor ends it behind the control plane's back
		t.Fatal(err)
	}
	if err := cp.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "etcd stopped") {
		t.Fatalf("got %v", err)
	}
}

func TestStartErrors(t *testing.T) {
	script := func(t *testing.T, etcd string) string {
		t.Helper()
		dir := t.TempDir()
		for name, text := range map[string]string{"etcd": etcd, "kube-apiserver": "#!/bin/sh\nexit 1\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	cases := map[string]struct {
		reason string
		opts   func(t *testing.T) Options
		is     error
		want   []string
	}{
		"EmptyFolder": {
			reason: "a folder without binaries is named, with what is missing",
			opts:   func(t *testing.T) Options { t.Helper(); return Options{Assets: t.TempDir()} },
			is:     ErrNoAssets,
			want:   []string{"etcd is not there"},
		},
		"EtcdFails": {
			reason: "the end of the log of the server that failed is in the error",
			opts: func(t *testing.T) Options {
				t.Helper()
				return Options{Assets: script(t, "#!/bin/sh\necho the disk is made of cheese >&2\nexit 3\n")}
			},
			want: []string{"etcd stopped (exit status 3)", "the disk is made of cheese"},
		},
		"EtcdHangs": {
			reason: "a server that never gets ready is given up, with its log",
			opts: func(t *testing.T) Options {
				t.Helper()
				return Options{Assets: script(t, "#!/bin/sh\necho still thinking\nexec sleep 600\n"), StartTimeout: time.Second}
			},
			want: []string{"etcd: not ready within 1s", "still thinking"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Start(t.Context(), tc.opts(t))
			if err == nil {
				t.Fatalf("%s: no error", tc.reason)
			}
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("%s: %v is not %v", tc.reason, err, tc.is)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %q lacks %q", tc.reason, err, want)
				}
			}
		})
	}
}

func TestKubeconfigOfOthersIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	const theirs = "apiVersion: v1\nkind: Config\nclusters:\n- name: production\n  cluster: {server: https://production.example}\n"
	if err := os.WriteFile(path, []byte(theirs), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteKubeconfig(path, &rest.Config{Host: "https://127.0.0.1:1"}, adminName); err == nil {
		t.Error("a kubeconfig of another cluster was overwritten")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(theirs, string(text)); diff != "" {
		t.Error(diff)
	}
	own := filepath.Join(t.TempDir(), "config")
	for range 2 {
		if err := WriteKubeconfig(own, &rest.Config{Host: "https://127.0.0.1:1"}, adminName); err != nil {
			t.Fatal(err)
		}
	}
}
