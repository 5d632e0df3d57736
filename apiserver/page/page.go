package page

import (
	"bytes"
	"crypto/rand"
	"html/template"
	"net/http"
)

// Options are what the pages are told.
type Options struct {
	// Title is what the interface is called in the pages' titles. Empty: Checky.
	Title string
}

// The Content-Security-Policy of each page. None has unsafe-inline or unsafe-eval, and nothing may frame a page.
const (
	// docsPolicy is Swagger UI's: its pictures are data: URLs in its style sheet. What it styles while it runs, it
	// styles through the object model, which a policy does not concern.
	docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	// redocPolicy is ReDoc's, up to the nonce of style-src: it writes style elements, and searches in a worker that it
	// makes of a blob.
	redocPolicy = "default-src 'none'; script-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src blob:; " +
		"form-action 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'self' 'nonce-"
	// resetPolicy is that of the form, which its script sends.
	resetPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

// Register adds the pages to mux, all for GET and HEAD. The document at /openapi.json and the route that resets a
// password are somebody else's. The link that a mail has is EXTERNAL-URL/password-reset#token=TOKEN.
func Register(mux *http.ServeMux, o Options) {
	if o.Title == "" {
		o.Title = "Checky"
	}
	files := embedded()
	templates := template.Must(template.New("").Funcs(template.FuncMap{"asset": files.url}).ParseFS(static, "static/*.html"))
	render := func(name, nonce string) []byte {
		var page bytes.Buffer
		data := struct{ Title, Nonce string }{o.Title, nonce}
		if err := templates.ExecuteTemplate(&page, name, data); err != nil {
			// The templates are embedded, and their data is of one shape: a test has run each.
			panic(err)
		}
		return page.Bytes()
	}
	docs, reset := render("docs.html", ""), render("reset.html", "")

	mux.Handle("GET /{$}", http.RedirectHandler("/docs", http.StatusFound))
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, _ *http.Request) { write(w, docs, docsPolicy) })
	mux.HandleFunc("GET /redoc", func(w http.ResponseWriter, _ *http.Request) {
		nonce := rand.Text()
		write(w, render("redoc.html", nonce), redocPolicy+nonce+"'")
	})
	mux.HandleFunc("GET /password-reset", func(w http.ResponseWriter, _ *http.Request) { write(w, reset, resetPolicy) })
	mux.Handle("GET "+assetsPath, files)
}

// write answers with a page. Pages are small, name the assets of this build, and one has a nonce: nobody keeps them.
func write(w http.ResponseWriter, page []byte, policy string) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", policy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	_, _ = w.Write(page) // Where it cannot be written the caller has gone.
}
