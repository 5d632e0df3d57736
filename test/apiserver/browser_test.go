package apiserver_test

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/checky-dev/checky/test/browser"
)

// TestPages opens the documentation of a real facade in a real browser: each page shows every route, "Try it out" gets a verdict,
// and nothing is asked of another host.
func TestPages(t *testing.T) {
	c := newCluster(t)
	f := c.start()
	u := f.newUser()
	chromium := browser.Start(t)

	t.Run("docs", func(t *testing.T) {
		b := browser.Open(chromium, t, f.url)
		b.Run(chromedp.Navigate(f.url + "/docs"))
		for _, path := range []string{"/v1/check", "/v1/status/{id}", "/auth/signup", "/auth/tokens/{id}/rotate", "/readyz"} {
			// Swagger UI puts places to break lines into paths.
			b.Holds(`document.body.innerText.replaceAll("\u200b", "").includes(` + quoted(path) + `)`)
		}
		b.Screenshot("rest-docs")
		b.Run(
			chromedp.Click(chromedp.CSS(".btn.authorize")),
			chromedp.SendKeys(chromedp.CSS(".auth-container input"), u.token),
			chromedp.Click(chromedp.CSS(".auth-btn-wrapper .authorize")),
			chromedp.Click(chromedp.CSS(".auth-btn-wrapper .btn-done")),
			chromedp.WaitNotPresent(chromedp.CSS(".modal-ux")),
			chromedp.Click(chromedp.CSS("#operations-Checks-check .opblock-summary-control")),
			chromedp.WaitVisible(chromedp.CSS("#operations-Checks-check .btn.execute")),
		)
		b.Holds(`document.querySelector("#operations-Checks-check .examples-select-element") !== null`)
		// The example that brings its own rules; React hears of the choice by the event.
		b.Evaluate(`(() => {
			const select = document.querySelector("#operations-Checks-check .examples-select-element");
			Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, "value").set.call(select, "own rules");
			select.dispatchEvent(new Event("change", {bubbles: true}));
			return "";
		})()`)
		b.Holds(`document.querySelector("#operations-Checks-check .body-param__text")?.value.includes("99999")`)
		b.Evaluate(`document.querySelector("#operations-Checks-check .btn.execute").click(), ""`)
		b.WaitFor("expected a number at least 0 and at most 10000, found 99999")
		b.Evaluate(`document.querySelector("#operations-Checks-check .live-responses-table").scrollIntoView(), ""`)
		b.Screenshot("rest-docs-tried")
		b.Clean()
	})

	t.Run("redoc", func(t *testing.T) {
		b := browser.Open(chromium, t, f.url)
		b.Run(chromedp.Navigate(f.url + "/redoc"))
		for _, text := range []string{"Check a payload", "Ask for a password reset", "Rotate a token", "Should it get requests?"} {
			b.WaitFor(text)
		}
		b.Screenshot("rest-redoc")
		b.Clean()
	})
}

// quoted is a text as JavaScript has it.
func quoted(s string) string {
	text, _ := json.Marshal(s) // Strings always marshal.
	return string(text)
}
