package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	swagger "github.com/swaggest/swgui/v5/static"
)

//go:embed static
var static embed.FS

//go:embed redoc/redoc.standalone.js.gz redoc/LICENSE redoc/*.LICENSE.txt
var redoc embed.FS

// assetsPath is what the assets are below. The next segment of the path is a hash of them all: an asset never changes
// at its URL, so browsers keep it for ever.
const assetsPath = "/assets/"

// contentTypes are the types of what is served; nothing else is.
var contentTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
}

// assets are files compressed by gzip, by name.
type assets struct {
	files  map[string][]byte
	prefix string // assetsPath, the hash and a slash
}

// embedded collects the assets of this build. Swagger UI and ReDoc come compressed, and stay so.
func embedded() *assets {
	a := &assets{files: map[string][]byte{}}
	a.add("swagger-ui-bundle.js", read(swagger.FS, "swagger-ui-bundle.js.gz"))
	a.add("swagger-ui.css", read(swagger.FS, "swagger-ui.css.gz"))
	a.add("redoc.standalone.js", read(redoc, "redoc/redoc.standalone.js.gz"))
	for _, name := range []string{"redoc.standalone.js.LICENSE.txt", "redoc.worker.js.LICENSE.txt"} {
		a.add(name, compress(read(redoc, "redoc/"+name)))
	}
	a.add("redoc.LICENSE.txt", compress(read(redoc, "redoc/LICENSE")))
	for _, name := range []string{"checky.svg", "docs.css", "docs.js", "redoc.css", "redoc.js", "reset.css", "reset.js"} {
		a.add(name, compress(read(static, "static/"+name)))
	}

	hash := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		sum := sha256.Sum256(a.files[name])
		fmt.Fprintf(hash, "%s %x\n", name, sum)
	}
	a.prefix = assetsPath + hex.EncodeToString(hash.Sum(nil)[:8]) + "/"
	return a
}

// add takes a file that is compressed already.
func (a *assets) add(name string, compressed []byte) { a.files[name] = compressed }

// url is where an asset is. A name that is none fails the template, and so the start.
func (a *assets) url(name string) (string, error) {
	if a.files[name] == nil {
		return "", fmt.Errorf("no asset is called %s", name)
	}
	return a.prefix + name, nil
}

// ServeHTTP answers with an asset, compressed for whoever accepts that.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, found := strings.CutPrefix(r.URL.Path, a.prefix)
	compressed := a.files[name]
	if !found || compressed == nil {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Content-Type", contentTypes[path.Ext(name)])
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("Vary", "Accept-Encoding")
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		header.Set("Content-Encoding", "gzip")
		header.Set("Content-Length", strconv.Itoa(len(compressed)))
		_, _ = w.Write(compressed) // Where it cannot be written the caller has gone.
		return
	}
	plain, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		// What is embedded can be read: a test has read each.
		panic(err)
	}
	_, _ = io.Copy(w, plain) //nolint:gosec // G110: the bomb would be our own
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3): gzip counts, * where gzip is not named, and a weight of
// 0 refuses.
func acceptsGzip(values []string) bool {
	others := false
	for _, field := range strings.Split(strings.Join(values, ","), ",") {
		coding, parameter, _ := strings.Cut(field, ";")
		_, weight, _ := strings.Cut(parameter, "=")
		q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		accepted := err != nil || q > 0
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return accepted
		case "*":
			others = accepted
		}
	}
	return others
}

// read gives an embedded file.
func read(files fs.FS, name string) []byte {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		// What is embedded is there: a test has read each.
		panic(err)
	}
	return content
}

// compress makes a small file as the large ones are.
func compress(content []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(content)
	if err := errors.Join(err, w.Close()); err != nil {
		// A buffer takes everything.
		panic(err)
	}
	return out.Bytes()
}
