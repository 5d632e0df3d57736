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
		seen := &statusOnly{header: http.Header{}}
		mux.ServeHTTP(seen, r)
		if allow := seen.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			problem.Write(w, problem.New(http.StatusMethodNotAllowed, "This path has no such method: use %s.", allow))
			return
		}
		problem.Write(w, problem.New(http.StatusNotFound, "There is no such route. GET /docs shows those that there are."))
	})
}

// statusOnly takes an answer's header and drops the rest.
type statusOnly struct{ header http.Header }

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (s *statusOnly) WriteHeader(int)             {}
