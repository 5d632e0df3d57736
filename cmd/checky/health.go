package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/checky-dev/checky/cmd/program"
)

// maxHealthBody is how much of an answer is read and printed, in bytes.
const maxHealthBody = 4 << 10

// healthOptions are what `checky health` is asked.
type healthOptions struct {
	caFile  string
	timeout time.Duration
}

func newHealthCommand() *cobra.Command {
	o := healthOptions{timeout: 10 * time.Second}
	command := &cobra.Command{
		Use:   "health URL",
		Short: "Ask a URL whether what serves it is well",
		Long: `Ask a URL, by GET, whether what serves it is well, and print what it answers: for probes and tests in images that have neither
shell nor curl.

Exit code 0: it answered with a status of 2xx. 1: it answered with another, a redirect among them, or not at all. 2: bad URL or flags.`,
		Example: "  checky health https://checky-apiserver.checky-system.svc/readyz --ca-file /etc/checky/tls/ca.crt",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := o.client()
			if err != nil {
				return err
			}
			target, err := healthURL(args[0])
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
			defer cancel()
			if err := health(ctx, client, target, cmd.OutOrStdout()); err != nil {
				return &program.ExitError{Code: program.ExitFailure, Err: err}
			}
			return nil
		},
	}
	command.Flags().StringVar(&o.caFile, "ca-file", o.caFile, "certificates to trust the server by, PEM (default: the system's)")
	command.Flags().DurationVar(&o.timeout, "timeout", o.timeout, "how long the answer may take, in all")
	return command
}

// healthURL says whether a URL can be asked. Its errors do not repeat it: it may hold a password.
func healthURL(text string) (*url.URL, error) {
	target, err := url.Parse(text)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return nil, errors.New("URL: it is not of the form http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH")
	}
	return target, nil
}

// client asks once: it follows no redirect, which could lead to a host that nobody meant.
func (o *healthOptions) client() (*http.Client, error) {
	if o.timeout <= 0 {
		return nil, fmt.Errorf("--timeout: %s is not above 0", o.timeout)
	}
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.caFile != "" {
		text, err := os.ReadFile(o.caFile)
		if err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--ca-file: %s holds no certificate in PEM", o.caFile)
		}
	}
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: settings, DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// health prints what a URL answers; an error says that it is not well.
func health(ctx context.Context, client *http.Client, target *url.URL, out io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return errors.New("URL: it cannot be asked")
	}
	request.Header.Set("Accept", "*/*")
	answer, err := client.Do(request)
	if err != nil {
		if failed := (*url.Error)(nil); errors.As(err, &failed) {
			err = failed.Err
		}
		return fmt.Errorf("%s does not answer: %w", target.Host, err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxHealthBody))
	fmt.Fprintln(out, strings.TrimSpace(answer.Status+"\n"+printable(body)))
	if err != nil {
		return fmt.Errorf("the answer of %s ends early: %w", target.Host, err)
	}
	switch code := answer.StatusCode; {
	case code >= 300 && code < 400:
		return fmt.Errorf("%s answers with a redirect (%d), which is not followed: ask the URL that it leads to", target.Host, code)
	case code < 200 || code >= 300:
		return fmt.Errorf("%s is not well: it answers with %d", target.Host, code)
	}
	return nil
}

// printable leaves out what could do something to a terminal.
func printable(text []byte) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(string(text), ""))
}
