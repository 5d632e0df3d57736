// Package page serves the pages that people open in a browser: the documentation of the interface, twice, and the form
// that a reset link leads to.
//
//	/                 leads to /docs
//	/docs             Swagger UI ──┐
//	/redoc            ReDoc ───────┴── read /openapi.json
//	/password-reset   the form, which posts to /auth/password-reset/confirm
//	/assets/...       their scripts, styles and pictures, all embedded: no page asks another host for anything
//
// Each page comes with a Content-Security-Policy of its own, without unsafe-inline: scripts are files, and the styles
// that ReDoc writes while it runs carry a nonce. The pages stand at the root of their host; a proxy that moves them
// below a prefix is not supported.
package page
