package route

import (
	"net/http"

	"github.com/checky-dev/checky/apiserver/problem"
)

// Unmatched answers requests for which a mux has no route with problems, in place of its plain texts: 404, and 405 with
// the methods that the path has.
func Unmatched(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		seen := &headerOnly{header: http.Header{}}
		mux.ServeHTTP(seen, r)
		if allow := seen.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			problem.Write(w, problem.New(http.StatusMethodNotAllowed, "This path has no such method: use %s.", allow))
			return
		}
		problem.Write(w, problem.New(http.StatusNotFound, "There is no such route. GET /docs shows those that there are."))
	})
}

// headerOnly takes an answer's header and drops the rest.
type headerOnly struct{ header http.Header }

func (h *headerOnly) Header() http.Header         { return h.header }
func (h *headerOnly) Write(b []byte) (int, error) { return len(b), nil }
func (h *headerOnly) WriteHeader(int)             {}
