package rules

import (
	"strings"
)

// Credential is a form of key or token that can be told by its looks.
type Credential struct {
	// Name of the kind of credential, for messages: "an AWS access key".
	Name string
	// prefix is what it begins with, where no letter, digit or underscore stands before it.
	prefix string
	// least and most are how many characters of the alphabet follow; most is 0 where it is open. No text that is shorter
	// than prefix and least together holds the form.
	least, most int
	alphabet    alphabet
	// rest looks at what follows that run, where there is more to the form.
	rest func(text string) bool
	// around decides forms that are told by what stands on both sides of the prefix, instead.
	around func(text string, at int) bool
}

// alphabet is a set of ASCII characters.
type alphabet [256]bool

// alphabetOf takes pairs of a first and a last character, and single others.
func alphabetOf(ranges, others string) alphabet {
	var a alphabet
	for i := 0; i+1 < len(ranges); i += 2 {
		for c := int(ranges[i]); c <= int(ranges[i+1]); c++ {
			a[c] = true
		}
	}
	for i := range len(others) {
		a[others[i]] = true
	}
	return a
}

// run is how many characters of the alphabet a text begins with.
func (a *alphabet) run(text string) int {
	n := 0
	for n < len(text) && a[text[n]] {
		n++
	}
	return n
}

var (
	base32    = alphabetOf("AZ27", "")
	letters   = alphabetOf("AZaz09", "")
	lowerHex  = alphabetOf("af09", "")
	capitals  = alphabetOf("AZ09", "")
	wordLike  = alphabetOf("AZaz09", "_")
	urlBase64 = alphabetOf("AZaz09", "_-")
	dotted    = alphabetOf("AZaz09", "_-.")
)

// credentials are the forms that are recognised. Sources: each issuer's own documentation of its prefixes, or its
// entry among GitHub's secret scanning patterns.
var credentials = []Credential{
	{Name: "a private key in PEM form", prefix: "PRIVATE KEY", least: len("-----BEGIN -----"), around: isPrivateKey},
	{Name: "a JSON Web Token", prefix: "eyJ", least: leastTokenPart, alphabet: urlBase64, rest: isWebToken},
	{Name: "a password in a URL", prefix: "://", around: isPasswordInURL},
	{Name: "an age secret key", prefix: "AGE-SECRET-KEY-1", least: 58, most: 58, alphabet: capitals},
	{Name: "an AWS access key ID", prefix: "AKIA", least: 16, most: 16, alphabet: base32},
	{Name: "an AWS access key ID", prefix: "ASIA", least: 16, most: 16, alphabet: base32},
	{Name: "an Anthropic API key", prefix: "sk-ant-", least: 20, alphabet: urlBase64},
	{Name: "a Checky token", prefix: "cky_", least: 22, alphabet: urlBase64},
	{Name: "a DigitalOcean token", prefix: "dop_v1_", least: 64, most: 64, alphabet: lowerHex},
	{Name: "a Docker Hub token", prefix: "dckr_pat_", least: 20, alphabet: urlBase64},
	{Name: "a GitHub token", prefix: "ghp_", least: 36, alphabet: letters},
	{Name: "a GitHub token", prefix: "gho_", least: 36, alphabet: letters},
	{Name: "a GitHub token", prefix: "ghu_", least: 36, alphabet: letters},
	{Name: "a GitHub token", prefix: "ghs_", least: 36, alphabet: letters},
	{Name: "a GitHub token", prefix: "ghr_", least: 36, alphabet: letters},
	{Name: "a GitHub fine-grained token", prefix: "github_pat_", least: 36, alphabet: wordLike},
	{Name: "a GitLab token", prefix: "glpat-", least: 20, alphabet: dotted},
	{Name: "a GitLab runner token", prefix: "glrt-", least: 20, alphabet: dotted},
	{Name: "a Google API key", prefix: "AIza", least: 35, alphabet: urlBase64},
	{Name: "a Google OAuth client secret", prefix: "GOCSPX-", least: 28, alphabet: urlBase64},
	{Name: "a Google OAuth access token", prefix: "ya29.", least: 20, alphabet: urlBase64},
	{Name: "a Grafana service account token", prefix: "glsa_", least: 32, alphabet: wordLike},
	{Name: "a Hugging Face token", prefix: "hf_", least: 34, alphabet: letters},
	{Name: "an npm token", prefix: "npm_", least: 36, most: 36, alphabet: letters},
	{Name: "an OpenAI API key", prefix: "sk-proj-", least: 20, alphabet: urlBase64},
	{Name: "a PyPI token", prefix: "pypi-AgEIcHlwaS5vcmc", least: 50, alphabet: urlBase64},
	{Name: "a SendGrid API key", prefix: "SG.", least: 66, most: 66, alphabet: dotted},
	{Name: "a Shopify access token", prefix: "shpat_", least: 32, most: 32, alphabet: lowerHex},
	{Name: "a Slack token", prefix: "xoxa-", least: 10, alphabet: urlBase64},
	{Name: "a Slack token", prefix: "xoxb-", least: 10, alphabet: urlBase64},
	{Name: "a Slack token", prefix: "xoxe-", least: 10, alphabet: urlBase64},
	{Name: "a Slack token", prefix: "xoxe.xox", least: 10, alphabet: urlBase64},
	{Name: "a Slack token", prefix: "xoxo-", least: 10, alphabet: urlBase64},
	{Name: "a Slack token", prefix: "xoxp-", least: 10, alphabet: urlBase64},
	{Name: "a Slack token", prefix: "xoxr-", least: 10, alphabet: urlBase64},
	{Name: "a Slack token", prefix: "xoxs-", least: 10, alphabet: urlBase64},
	{Name: "a Slack webhook", prefix: "hooks.slack.com/services/T", least: 8, alphabet: wordLike},
	{Name: "a Stripe secret key", prefix: "sk_live_", least: 16, alphabet: letters},
	{Name: "a Stripe secret key", prefix: "rk_live_", least: 16, alphabet: letters},
	{Name: "a Vault token", prefix: "hvs.", least: 24, alphabet: urlBase64},
}

// FindCredential tells whether a text holds a credential of a known form, and which: the first of the table's.
// It takes time linear in the text.
func FindCredential(text string) (name string, found bool) {
	for i := range credentials {
		if k := &credentials[i]; k.isIn(text) {
			return k.Name, true
		}
	}
	return "", false
}

func (k *Credential) isIn(text string) bool {
	if len(text) < len(k.prefix)+k.least {
		return false
	}
	for from := 0; ; {
		i := strings.Index(text[from:], k.prefix)
		if i < 0 {
			return false
		}
		at, after := from+i, from+i+len(k.prefix)
		if k.around != nil {
			if k.around(text, at) {
				return true
			}
			from = after
			continue
		}
		n := k.alphabet.run(text[after:])
		if !followsWord(text, at) && n >= k.least && (k.most == 0 || n <= k.most) &&
			(k.rest == nil || k.rest(text[after+n:])) {
			return true
		}
		// The run ends where it ends, so a start later in it is no better. The search goes on behind it, which
		// keeps it linear.
		from = after + n
	}
}

// followsWord says whether a letter, digit or underscore stands right before an offset.
func followsWord(text string, at int) bool { return at > 0 && wordLike[text[at-1]] }

// maxPEMLabel is more than any label before PRIVATE KEY takes.
const maxPEMLabel = 32

// isPrivateKey looks at both sides of PRIVATE KEY for the boundary of RFC 7468, or for OpenPGP's.
func isPrivateKey(text string, at int) bool {
	after := text[at+len("PRIVATE KEY"):]
	if !strings.HasPrefix(after, "-----") && !strings.HasPrefix(after, " BLOCK-----") {
		return false
	}
	before := text[max(0, at-maxPEMLabel-len("-----BEGIN ")):at]
	i := strings.LastIndex(before, "-----BEGIN ")
	if i < 0 {
		return false
	}
	label := before[i+len("-----BEGIN "):]
	return len(label) == strings.Count(label, " ")+countIn(&capitals, label)
}

func countIn(a *alphabet, text string) int {
	n := 0
	for i := range len(text) {
		if a[text[i]] {
			n++
		}
	}
	return n
}

// leastTokenPart is shorter than any header, claims or signature, but longer than what stands in prose.
const leastTokenPart = 8

// isWebToken looks for the second and third part of a compact JWS (RFC 7515). The first two are JSON objects, which
// begin with eyJ in Base64.
func isWebToken(text string) bool {
	claims, ok := strings.CutPrefix(text, ".eyJ")
	if !ok {
		return false
	}
	n := urlBase64.run(claims)
	signature, ok := strings.CutPrefix(claims[n:], ".")
	return ok && n >= leastTokenPart && urlBase64.run(signature) >= leastTokenPart
}

// maxUserInfo is how much of a URL is looked at for a password.
const maxUserInfo = 512

// leastURLPassword keeps placeholders such as u:p@ out.
const leastURLPassword = 3

// isPasswordInURL looks for scheme://user:password@ around ://.
func isPasswordInURL(text string, at int) bool {
	if at == 0 || !letters[text[at-1]] {
		return false
	}
	rest := text[at+len("://"):]
	rest = rest[:min(len(rest), maxUserInfo)]
	if end := strings.IndexAny(rest, "/?# \t\r\n\"'<>"); end >= 0 {
		rest = rest[:end]
	}
	userinfo, _, ok := strings.Cut(rest, "@")
	if !ok {
		return false
	}
	_, password, ok := strings.Cut(userinfo, ":")
	return ok && len(password) >= leastURLPassword
}

// credentialWords are what names of secret members contain, without separators and in lower case.
var credentialWords = []string{
	"password", "passwd", "passphrase", "secret", "apikey", "accesskey", "privatekey", "token", "credential", "authorization",
}

var nameSeparators = strings.NewReplacer("_", "", "-", "", ".", "", " ", "")

// plainName is a member's name without separators and in lower case.
func plainName(name string) string { return nameSeparators.Replace(strings.ToLower(name)) }

// CredentialName says whether a member's name is one that credentials are kept under, such as password,
// api_key or clientSecret. It errs on the side of yes.
func CredentialName(name string) bool {
	plain := plainName(name)
	for _, word := range credentialWords {
		if strings.Contains(plain, word) {
			return true
		}
	}
	return false
}

// IsCredential says whether a value must not be quoted: because of the name it stands under, or because it
// looks like a credential.
func IsCredential(name, value string) bool {
	if CredentialName(name) {
		return true
	}
	_, found := FindCredential(value)
	return found
}
