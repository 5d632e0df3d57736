package modules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/checky-dev/checky/rules"
)

// Secrets checks that a payload holds no keys, tokens or passwords.
var Secrets = rules.Module{
	Name:         "secrets",
	Summary:      "Reports strings that look like credentials, anywhere below the selected values: by the form of a known key or token, or by the name of the member that holds them.",
	FieldDefault: "$",
	Topic:        "leaked secret key token password",
	Params: []rules.Param{
		{Name: "allow", Type: "string or list of strings", Doc: "Names of members to leave out, with all that is below them. Default none."},
	},
	Example: "{name: secrets, params: {allow: [pageToken]}}",
	Compile: compileSecrets,
}

// expectedNothing is what is expected everywhere. Only the kind of what was found is ever told.
const (
	expectedNothing = "no credential here; keep it in a Secret and refer to that"
	namedAlike      = "a value under a name that credentials are kept under"
)

type secrets struct{ allow []string }

func compileSecrets(p *rules.Params) (rules.Checker, error) {
	s := &secrets{}
	if p.Given("allow") {
		s.allow = p.Strings("allow")
	}
	return &rules.EachValue{Field: p.Field("field"), Test: s.test}, nil
}

// test looks first whether there is any credential at all, in whatever order; only if so it walks again, in order
// and with paths, to report them.
func (s *secrets) test(c *rules.Call, n rules.Node) error {
	path := c.Pointer(n)
	named := holdsCredential(rules.MemberName(path))
	found, err := s.holds(c, named, n.Value)
	if err != nil || !found {
		return err
	}
	r := credentialReport{secrets: s, call: c, start: path}
	return r.value(named, n.Value)
}

// holds says whether there is a credential in a value. Named says that it stands under the name of one, be it within
// arrays.
func (s *secrets) holds(c *rules.Call, named bool, value any) (bool, error) {
	switch v := value.(type) {
	case string:
		kind, err := credentialIn(c, named, v)
		return kind != "", err
	case []any:
		for _, item := range v {
			if found, err := s.holds(c, named, item); found || err != nil {
				return found, err
			}
		}
	case map[string]any:
		for member, item := range v {
			if slices.Contains(s.allow, member) {
				continue
			}
			if err := c.Step(len(member) / bytesPerScanStep); err != nil {
				return false, err
			}
			if found, err := s.holds(c, holdsCredential(member), item); found || err != nil {
				return found, err
			}
		}
	}
	return false, c.Step(1)
}

// credentialReport walks a value that holds credentials and reports each, members in the order of their names.
type credentialReport struct {
	*secrets
	call  *rules.Call
	start string
	trail []string // the tokens below start
}

func (r *credentialReport) value(named bool, value any) error {
	switch v := value.(type) {
	case string:
		kind, err := credentialIn(r.call, named, v)
		if kind != "" && !r.call.Drops() {
			r.call.FailAt(r.pointer(), expectedNothing, kind)
		}
		return err
	case []any:
		for i, item := range v {
			if err := r.below(strconv.Itoa(i), named, item); err != nil {
				return err
			}
		}
	case map[string]any:
		members := make([]string, 0, len(v))
		for member := range v {
			if !slices.Contains(r.allow, member) {
				members = append(members, member)
			}
		}
		slices.Sort(members)
		for _, member := range members {
			if err := r.below(member, holdsCredential(member), v[member]); err != nil {
				return err
			}
		}
	}
	return r.call.Step(1)
}

func (r *credentialReport) below(token string, named bool, value any) error {
	r.trail = append(r.trail, token)
	err := r.value(named, value)
	r.trail = r.trail[:len(r.trail)-1]
	return err
}

func (r *credentialReport) pointer() string {
	var b strings.Builder
	b.WriteString(r.start)
	for _, token := range r.trail {
		b.WriteByte('/')
		b.WriteString(rules.EscapePointer(token))
	}
	return b.String()
}

// bytesPerScanStep is how many bytes of text are searched for all forms of credentials in about one step of a Call.
const bytesPerScanStep = 4

// credentialIn names the kind of credential that a string is, or is empty.
func credentialIn(c *rules.Call, named bool, text string) (kind string, err error) {
	if err := c.Step(1 + len(text)/bytesPerScanStep); err != nil {
		return "", err
	}
	if kind, found := rules.FindCredential(text); found {
		return kind, nil
	}
	if named && text != "" && !isPlaceholder(text) {
		return namedAlike, nil
	}
	return "", nil
}

// describing are ends of names whose values tell about a credential without being one: secretName, token_type,
// passwordPolicy, tokenEndpoint.
var describing = []string{
	"name", "names", "ref", "type", "kind", "url", "uri", "endpoint", "path", "file", "policy", "issuer", "audience", "scope",
	"expiry", "expires", "expiresat", "expiresin", "ttl", "createdat", "updatedat", "changedat", "hint", "method",
}

var separators = strings.NewReplacer("_", "", "-", "")

// holdsCredential says whether a member of that name holds a credential, not just something about one.
func holdsCredential(name string) bool {
	if !rules.CredentialName(name) {
		return false
	}
	plain := separators.Replace(strings.ToLower(name))
	return !slices.ContainsFunc(describing, func(end string) bool { return strings.HasSuffix(plain, end) })
}

// placeholderWords stand where a value was taken out, in lower case.
var placeholderWords = []string{"redacted", "masked", "hidden", "removed", "omitted", "none", "null"}

// isPlaceholder tells what stands in a credential's place from a credential: a mask such as *** or xxxx, a word
// such as [REDACTED], or a reference such as ${DB_PASSWORD}, $(TOKEN), {{ .Values.token }} or <token>. A weak
// password such as changeme is none.
func isPlaceholder(text string) bool {
	text = strings.TrimSpace(text)
	if strings.Trim(text, "*") == "" || strings.Trim(text, "xX") == "" || strings.Trim(text, "•") == "" || strings.Trim(text, ".") == "" {
		return true
	}
	for _, marks := range [...][2]string{{"${", "}"}, {"$(", ")"}, {"{{", "}}"}, {"<", ">"}} {
		if inner, ok := strings.CutPrefix(text, marks[0]); ok {
			inner, ok = strings.CutSuffix(inner, marks[1])
			return ok && inner != "" && !strings.ContainsAny(inner, "{}<>")
		}
	}
	word := strings.ToLower(strings.Trim(text, "[]()"))
	return slices.Contains(placeholderWords, word)
}
