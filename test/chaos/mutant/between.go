package mutant

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	certutil "k8s.io/client-go/util/cert"
)

// maxBody bounds a request or an answer that is changed, in bytes.
const maxBody = 16 << 20

// headerTimeout bounds how long a request's header may take to arrive.
const headerTimeout = time.Minute

// betweenAPI serves at an address of its own what the API server serves to one of its clients, through a bug. It goes on until this program ends.
func betweenAPI(api *rest.Config, bug func(http.Handler) http.Handler, answers func(*http.Response) error) (address string, authority []byte, err error) {
	transport, err := rest.TransportFor(api)
	if err != nil {
		return "", nil, err
	}
	certificate, key, err := certutil.GenerateSelfSignedCertKey("127.0.0.1", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return "", nil, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return "", nil, err
	}
	handler, err := passing(api.Host, transport, answers)
	if err != nil {
		return "", nil, err
	}
	if bug != nil {
		handler = bug(handler)
	}
	address, err = serve(handler, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
	return address, certificate, err
}

// betweenFacade does so for a facade.
func betweenFacade(facade string, bug func(http.Handler) http.Handler) (address string, err error) {
	handler, err := passing("http://"+facade, http.DefaultTransport, nil)
	if err != nil {
		return "", err
	}
	return serve(bug(handler), nil)
}

// passing passes requests on.
func passing(to string, transport http.RoundTripper, answers func(*http.Response) error) (http.Handler, error) {
	target, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1, ModifyResponse: answers,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Set("Accept-Encoding", "identity") // so that what is to be changed can be read
		},
		// As where nobody answers.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}, nil
}

func serve(handler http.Handler, secure *tls.Config) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: handler, TLSConfig: secure, ReadHeaderTimeout: headerTimeout}
	go func() {
		if secure != nil {
			_ = server.ServeTLS(listener, "", "") // it ends with this program
		} else {
			_ = server.Serve(listener) // the same
		}
	}()
	return listener.Addr().String(), nil
}

// decode reads a JSON object.
func decode(from io.Reader) (map[string]any, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxBody))
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var object map[string]any
	return object, decoder.Decode(&object)
}

// get is what is at a path; nil: nothing is.
func get(object map[string]any, path ...string) any {
	for _, name := range path[:len(path)-1] {
		object, _ = object[name].(map[string]any)
	}
	return object[path[len(path)-1]]
}

// set puts a value at a path.
func set(object map[string]any, value any, path ...string) {
	for _, name := range path[:len(path)-1] {
		inner, ok := object[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			object[name] = inner
		}
		object = inner
	}
	object[path[len(path)-1]] = value
}

// replace gives a request another body.
func replace(r *http.Request, object map[string]any) {
	text, _ := json.Marshal(object) //nolint:errchkjson // it was JSON a moment ago
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	r.Header.Set("Content-Length", strconv.Itoa(len(text)))
}

// answer answers with an object.
func answer(w http.ResponseWriter, code int, object map[string]any) {
	text, _ := json.Marshal(object) //nolint:errchkjson // it was JSON a moment ago
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(text) // the client may be gone
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

// Header is the answer's.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader keeps the answer's status.
func (r *recorder) WriteHeader(code int) { r.code = code }

// Write keeps some of the answer's body.
func (r *recorder) Write(text []byte) (int, error) {
	if r.code == 0 {
		r.code = http.StatusOK
	}
	return r.body.Write(text)
}

// play gives the answer.
func (r *recorder) play(w http.ResponseWriter) {
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.WriteHeader(r.code)
	_, _ = w.Write(r.body.Bytes()) // the client may be gone
}

// filter leaves Checks out of lists and watches.
func filter(answer *http.Response, leaveOut func(map[string]any) bool) error {
	if !strings.HasSuffix(answer.Request.URL.Path, "/checks") || answer.StatusCode != http.StatusOK {
		return nil
	}
	if watch := answer.Request.URL.Query().Get("watch"); watch == "true" || watch == "1" {
		in, out := answer.Body, &pipe{}
		out.PipeReader, out.writer = io.Pipe()
		out.source = in
		go filterLines(in, out.writer, leaveOut)
		answer.Body = out
		return nil
	}
	list, err := decode(answer.Body)
	if err != nil {
		return err
	}
	items, _ := list["items"].([]any)
	kept := []any{}
	for _, item := range items {
		if object, ok := item.(map[string]any); !ok || !leaveOut(object) {
			kept = append(kept, item)
		}
	}
	list["items"] = kept
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	answer.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return nil
}

// pipe is an answer's body that is filtered; closing it ends the source.
type pipe struct {
	*io.PipeReader
	writer *io.PipeWriter
	source io.Closer
}

// Close ends both.
func (p *pipe) Close() error { return errors.Join(p.source.Close(), p.PipeReader.Close()) }

// filterLines passes the events of a watch on, one a line.
func filterLines(from io.Reader, to *io.PipeWriter, leaveOut func(map[string]any) bool) {
	reader := bufio.NewReader(from)
	for {
		line, err := reader.ReadBytes('\n')
		var event struct {
			Object map[string]any `json:"object"`
		}
		if len(line) > 0 && (json.Unmarshal(line, &event) != nil || !leaveOut(event.Object)) {
			if _, failed := to.Write(line); failed != nil {
				return
			}
		}
		if err != nil {
			_ = to.CloseWithError(err) // it never fails
			return
		}
	}
}
