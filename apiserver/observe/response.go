package observe

import "net/http"

// response is an answer whose status and length are known afterwards. http.ResponseController finds what the one below can
// do through Unwrap.
type response struct {
	inner  http.ResponseWriter
	status int // 0: none sent yet
	bytes  int64
}

// Unwrap is for http.ResponseController: deadlines, hijacking.
func (w *response) Unwrap() http.ResponseWriter { return w.inner }

// Header is that of the answer.
func (w *response) Header() http.Header { return w.inner.Header() }

// WriteHeader notes the first final status; 1xx are not final, but for 101.
func (w *response) WriteHeader(status int) {
	if w.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.inner.WriteHeader(status)
}

// Write counts the body's bytes.
func (w *response) Write(body []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.inner.Write(body)
	w.bytes += int64(n)
	return n, err
}

// Flush is for those who ask for an http.Flusher.
func (w *response) Flush() {
	_ = w.FlushError() // http.Flusher has no way to say so
}

// FlushError is for http.ResponseController.
func (w *response) FlushError() error {
	if w.status == 0 {
		w.status = http.StatusOK // a flush sends the header
	}
	return http.NewResponseController(w.inner).Flush()
}
