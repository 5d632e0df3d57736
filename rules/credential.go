package rules

import (
	"regexp"
	"strings"
)

// Credential is a form of key or token that can be told by its looks.
type Credential struct {
	// Name of the kind of credential, for messages: "an AWS access key".
	Name string
	// hint is a text that every match contains, so that most strings need no regular expression.
	hint    string
	pattern *regexp.Regexp
}

// credentials are the forms that are recognised. Sources: each issuer's own documentation of its prefixes.
var credentials = []Credential{
	{"a private key in PEM form", "PRIVATE KEY-----", regexp.MustCompile(`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----`)},
	{"an AWS access key ID", "A", regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z2-7]{16}\b`)},
	{"a GitHub token", "gh", regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{36,}\b`)},
	{"a GitHub fine-grained token", "github_pat_", regexp.MustCompile(`\bgithub_pat_[A-Za-z0-9_]{36,}\b`)},
	{"a GitLab token", "glpat-", regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{20,}`)},
	{"a Slack token", "xox", regexp.MustCompile(`\bxox[abeoprs]-[A-Za-z0-9-]{10,}`)},
	{"a Stripe secret key", "k_live_", regexp.MustCompile(`\b[rs]k_live_[A-Za-z0-9]{16,}\b`)},
	{"a Google API key", "AIza", regexp.MustCompile(`\bAIza[A-Za-z0-9_-]{35}`)},
	{"an npm token", "npm_", regexp.MustCompile(`\bnpm_[A-Za-z0-9]{36}\b`)},
	{"a Checky token", "cky_", regexp.MustCompile(`\bcky_[A-Za-z0-9]+_[A-Za-z0-9_-]{20,}`)},
	{"a JSON Web Token", "eyJ", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}`)},
	{"a password in a URL", "://", regexp.MustCompile(`[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s:@]{3,}@`)},
}

// maxCredentialScan is how much of a string is looked at for credentials, in bytes.
const maxCredentialScan = 16 << 10

// FindCredential tells whether a text holds a credential of a known form, and which.
func FindCredential(text string) (name string, found bool) {
	if len(text) > maxCredentialScan {
		text = text[:maxCredentialScan]
	}
	for i := range credentials {
		k := &credentials[i]
		if strings.Contains(text, k.hint) && k.pattern.MatchString(text) {
			return k.Name, true
		}
	}
	return "", false
}

// credentialWords are what names of secret members contain, without separators and in lower case.
var credentialWords = []string{
	"password", "passwd", "passphrase", "secret", "apikey", "accesskey", "privatekey", "token", "credential", "authorization",
}

// credentialName says whether a member's name is one that credentials are kept under.
func credentialName(name string) bool {
	plain := strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(strings.ToLower(name))
	for _, word := range credentialWords {
		if strings.Contains(plain, word) {
			return true
		}
	}
	return false
}

// CredentialName says whether a member's name is one that credentials are kept under, such as password,
// api_key or clientSecret.
func CredentialName(name string) bool { return credentialName(name) }

// IsCredential says whether a value must not be quoted: because of the name it stands under, or because it
// looks like a credential.
func IsCredential(name, value string) bool {
	if credentialName(name) {
		return true
	}
	_, found := FindCredential(value)
	return found
}
