package controllers

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestOptions(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"Defaults":    {nil, ""},
		"TTL":         {[]string{"--default-ttl=-1s"}, "--default-ttl"},
		"Cap":         {[]string{"--max-finished-per-namespace=-1"}, "--max-finished-per-namespace"},
		"Idle":        {[]string{"--concurrency=0"}, "--concurrency"},
		"Crowded":     {[]string{"--concurrency=100000"}, "--concurrency"},
		"Namespace":   {[]string{"--namespace=a/b"}, "--namespace"},
		"Nowhere":     {[]string{"--namespace="}, "--namespace"},
		"Certificate": {[]string{"--webhooks"}, "--webhook-cert-dir"},
		"TwoSources":  {[]string{"--webhooks", "--webhook-cert-dir=/certs", "--webhook-secret=a"}, "--webhook-secret"},
		"NoWebhooks":  {[]string{"--webhook-secret=a"}, "--webhook-secret"},
		"OneSecret":   {[]string{"--webhooks", "--webhook-secret=a", "--apiserver-secret=a"}, "--apiserver-secret"},
		"SecretName":  {[]string{"--webhooks", "--webhook-secret=a/b"}, "--webhook-secret"},
		"FacadeName":  {[]string{"--apiserver-secret=A"}, "--apiserver-secret"},
		"Service":     {[]string{"--webhook-service=a.b"}, "--webhook-service"},
		"NoService":   {[]string{"--apiserver-service="}, "--apiserver-service"},
		"Nothing":     {[]string{"--webhook-configuration=?"}, "--webhook-configuration"},
		"Kept":        {[]string{"--webhooks", "--webhook-secret=a", "--apiserver-secret=b", "--webhook-configuration="}, ""},
		"Webhooks":    {[]string{"--webhooks", "--webhook-cert-dir=/certs"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := DefaultOptions()
			flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
			o.BindFlags(flags)
			if err := flags.Parse(tc.args); err != nil {
				t.Fatal(err)
			}
			err := o.Validate()
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want %s in it", err, tc.want)
			}
		})
	}
}
