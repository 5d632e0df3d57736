package page

import "net/http"

// Options are what the pages are told.
type Options struct {
	// Title is what the interface is called in the pages' titles. Empty: Checky.
	Title string
}

// Register adds the pages to mux, all for GET (and so HEAD). The document at /openapi.json and the route that resets a
// password are somebody else's.
func Register(mux *http.ServeMux, o Options) {
	if o.Title == "" {
		o.Title = "Checky"
	}
	mux.Handle("GET /{$}", http.RedirectHandler("/docs", http.StatusFound))
}
