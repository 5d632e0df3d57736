// Package browser shows pages to a real Chromium, and records what they complain of and ask for.
//
//	chromium := browser.Start(t)
//	tab := browser.Open(chromium, t, server.URL)
//	tab.Run(chromedp.Navigate(server.URL + "/docs"))
//	tab.WaitFor("Check a payload")
//	tab.Screenshot("docs")
//	tab.Clean()    // no breach of the policy, no error on the console, no request to another host
//
// Pictures are kept in the folder that CHECKY_SCREENSHOTS names.
package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a page may take to show what is waited for.
const patience = time.Minute

// Start starts a Chromium of the test's own, whose requests can reach this machine alone.
func Start(t *testing.T) context.Context {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		t.Fatal("the pages are tested in a real browser: install chromium (apt-get install chromium), so that chromium, chromium-browser or google-chrome is in PATH")
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.WindowSize(1280, 1000),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.IgnoreCertErrors,
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	}
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", program, err)
	}
	return ctx
}

// Tab is one page of the browser, and all that it complained of or asked for.
type Tab struct {
	t    *testing.T
	ctx  context.Context
	base string

	mu         sync.Mutex
	complaints []string
	requests   []string
}

// Open opens an empty tab that records.
func Open(browser context.Context, t *testing.T, base string) *Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	b := &Tab{t: t, ctx: ctx, base: base}
	if err := chromedp.Listen(ctx, b.record); err != nil {
		t.Fatal(err)
	}
	b.ctx, cancel = context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	// A breach of the policy is an event of the document as well as a line of the log; the event tells more.
	const breaches = `document.addEventListener("securitypolicyviolation", (e) =>
		console.error("breach of " + e.effectiveDirective + ": " + e.blockedURI + " " + e.sample + " " + e.sourceFile + ":" + e.lineNumber));`
	b.Run(
		call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}), call(runtime.Enable, cdp.Empty{}),
		call(audits.Enable, cdp.Empty{}),
		call(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: breaches}),
	)
	return b
}

// call sends a command of the protocol.
func call[P, R any](command cdp.Command[P, R], parameters P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, parameters)
		return err
	})
}

func (b *Tab) record(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, fmt.Sprintf("exception: %s %s", e.ExceptionDetails.Text, described(e.ExceptionDetails.Exception)))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			var words []string
			for _, argument := range e.Args {
				words = append(words, described(argument))
			}
			b.complaints = append(b.complaints, fmt.Sprintf("console.%s: %s", e.Type, strings.Join(words, " ")))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning || e.Entry.Source == log.EntrySourceSecurity {
			b.complaints = append(b.complaints, fmt.Sprintf("log, %s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *audits.EventIssueAdded:
		if e.Issue.Code == audits.InspectorIssueCodeContentSecurityPolicyIssue {
			b.complaints = append(b.complaints, fmt.Sprintf("issue: %+v", *e.Issue.Details.ContentSecurityPolicyIssueDetails))
		}
	}
}

// described is a value as the console has it.
func described(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return string(o.Value) + o.Description
}

// Run takes steps, one after the other.
func (b *Tab) Run(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.fatal(err)
	}
}

// fatal ends the test with what is known of the page.
func (b *Tab) fatal(err error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), 10*time.Second)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText.slice(0, 2000)"))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.t.Fatalf("%v\ncomplaints: %q\nrequests: %q\npage: %s", err, b.complaints, b.requests, text)
}

// WaitFor waits until the page shows a text.
func (b *Tab) WaitFor(text string) {
	b.t.Helper()
	b.Holds(fmt.Sprintf("document.body.innerText.includes(%q)", text))
}

// Holds waits until an expression is true.
func (b *Tab) Holds(expression string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(patience))); err != nil {
		b.fatal(fmt.Errorf("waiting for %s: %w", expression, err))
	}
}

// Evaluate gives an expression's value.
func (b *Tab) Evaluate(expression string) string {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		b.fatal(err)
	}
	return value
}

// Clean fails if the page complained of anything but what is expected, or asked another host.
func (b *Tab) Clean(expected ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
complaints:
	for _, complaint := range b.complaints {
		for _, e := range expected {
			if strings.Contains(complaint, e) {
				continue complaints
			}
		}
		b.t.Errorf("the page complained: %s", complaint)
	}
	for _, request := range b.requests {
		u, err := url.Parse(request)
		if err != nil || u.Scheme != "data" && u.Scheme != "blob" && u.Scheme+"://"+u.Host != b.base {
			b.t.Errorf("the page asked for %s", request)
		}
	}
	if len(b.requests) < 3 {
		b.t.Errorf("only %d requests were seen: the recorder did not work", len(b.requests))
	}
}

// Dark makes the page think that the person likes it dark.
func Dark() chromedp.Action[chromedp.Void] {
	return call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
	})
}

// Screenshot keeps a picture of the page, in CHECKY_SCREENSHOTS if that is set.
func (b *Tab) Screenshot(name string) {
	b.t.Helper()
	folder := os.Getenv("CHECKY_SCREENSHOTS")
	if folder == "" {
		folder = b.t.TempDir()
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.fatal(err)
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		b.t.Fatal(err)
	}
	path := filepath.Join(folder, name+".png")
	if err := os.WriteFile(path, picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.t.Logf("%s: %d bytes", path, len(picture))
}
