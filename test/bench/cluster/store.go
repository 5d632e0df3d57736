package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/test/bench/load"
)

// storeWorkers is how many connections a Store writes by: etcd makes one wait for the disk of all writes that come meanwhile.
const storeWorkers = 64

// Store is the API server's etcd. Checks that are copied in it are, to the byte, what the API server would have stored, but for their
// names, UIDs and owners: the API server learns of them by its watch, as of those that another API server stores. It takes some
// thousand of them a second, where the API server takes a hundred.
type Store struct {
	pool *load.Pool
}

// Original is a Check as it is stored.
type Original struct {
	key   client.ObjectKey
	uid   string
	value []byte
}

// Store connects to etcd. It speaks etcd's JSON gateway, as its HTTP API is called.
func (c *Cluster) Store() (*Store, error) {
	text, err := c.Etcd.flag("listen-client-urls")
	if err != nil {
		return nil, err
	}
	address, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	dir := c.cp.Dir()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "etcd.crt"), filepath.Join(dir, "etcd.key"))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(filepath.Join(dir, "etcd-ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &Store{pool: load.NewPool(storeWorkers, address.Host, &tls.Config{
		RootCAs: roots, Certificates: []tls.Certificate{pair}, ServerName: "localhost", NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12,
	})}, nil
}

// Close closes the connections.
func (s *Store) Close() { s.pool.Close() }

// keyValue is what etcd's JSON has of a key; encoding/json writes bytes in base64, as etcd wants them.
type keyValue struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value,omitempty"`
}

func storeKey(key client.ObjectKey) []byte {
	return []byte("/registry/checky.dev/checks/" + key.Namespace + "/" + key.Name)
}

func call(conn *load.Conn, path string, question, answer any) error {
	text, err := json.Marshal(question)
	if err != nil {
		return err
	}
	status, body, err := conn.Exchange(load.Request(http.MethodPost, path, text))
	switch {
	case err != nil:
		return err
	case status != http.StatusOK:
		return fmt.Errorf("etcd: %s: status %d: %.300s", path, status, body)
	case answer == nil:
		return nil
	}
	return json.Unmarshal(body, answer)
}

// Originals reads Checks as they are stored.
func (s *Store) Originals(ctx context.Context, keys []client.ObjectKey) ([]Original, error) {
	conns, giveBack, err := s.pool.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer giveBack()
	originals := make([]Original, len(keys))
	for i, key := range keys {
		var found struct {
			KVs []keyValue `json:"kvs"`
		}
		if err := call(conns[0], "/v3/kv/range", keyValue{Key: storeKey(key)}, &found); err != nil {
			return nil, err
		}
		if len(found.KVs) != 1 {
			return nil, fmt.Errorf("etcd has no check %s", key)
		}
		originals[i] = Original{key: key, uid: member(found.KVs[0].Value, "uid"), value: found.KVs[0].Value}
	}
	return originals, nil
}

// Copy stores n copies of the originals in turn, in their namespaces, named by the prefix and numbers from first on.
func (s *Store) Copy(ctx context.Context, originals []Original, prefix string, first, n int) error {
	conns, giveBack, err := s.pool.Take(ctx)
	if err != nil {
		return err
	}
	defer giveBack()
	var next atomic.Int64
	var group sync.WaitGroup
	problems := make([]error, len(conns))
	for w, conn := range conns {
		group.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1) - 1)
				if i >= n {
					return
				}
				if problems[w] = copyOne(conn, originals[(first+i)%len(originals)], prefix, first+i); problems[w] != nil {
					return
				}
			}
		})
	}
	group.Wait()
	return errors.Join(errors.Join(problems...), ctx.Err())
}

func copyOne(conn *load.Conn, from Original, prefix string, number int) error {
	name := fmt.Sprintf("%s%07d", prefix, number)
	value := bytes.ReplaceAll(from.value, []byte(`"`+from.key.Name+`"`), []byte(`"`+name+`"`))
	value = bytes.ReplaceAll(value, []byte(from.uid), fmt.Appendf(nil, "%08x-0000-4000-8000-000000000000", number+1))
	key := client.ObjectKey{Namespace: from.key.Namespace, Name: name}
	return call(conn, "/v3/kv/put", keyValue{Key: storeKey(key), Value: value}, nil)
}
