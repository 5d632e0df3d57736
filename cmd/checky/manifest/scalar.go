package manifest

import (
	"math/big"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// scalar gives a scalar its JSON type.
func scalar(n *yaml.Node) (*Node, error) {
	out := &Node{Kind: String, Text: n.Value, Line: n.Line, Block: n.Style&yaml.LiteralStyle != 0}
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	if n.Style&yaml.TaggedStyle == 0 {
		if quoted {
			return out, nil
		}
		return plain(n, out)
	}
	var want Kind
	switch n.ShortTag() {
	case "!!str":
		return out, nil
	case "!!null":
		want = Null
	case "!!bool":
		want = Bool
	case "!!int", "!!float":
		want = Number
	default:
		return nil, unknownTag(n, ", or write the value as a string, number, boolean or null")
	}
	out, err := plain(n, out)
	if err == nil && out.Kind != want {
		return nil, fail(n, "the value does not fit its tag %s", n.ShortTag())
	}
	return out, err
}

// maxDigits bounds the numbers that are not decimal: to convert them takes time by the square of their length.
const maxDigits = 1024

var (
	decimalNumber = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	leadingZero   = regexp.MustCompile(`^[-+]?0[0-9]`)
	basedNumber   = regexp.MustCompile(`^[-+]?0(x[0-9a-fA-F]+|o[0-7]+|b[01]+)$`)
)

// plain resolves an unquoted scalar by the core schema of YAML 1.2. Numbers may hold _ between their digits, as in
// YAML 1.1.
func plain(n *yaml.Node, out *Node) (*Node, error) {
	switch n.Value {
	case "", "~", "null", "Null", "NULL":
		out.Kind, out.Text = Null, ""
		return out, nil
	case "true", "True", "TRUE", "false", "False", "FALSE":
		out.Kind, out.Text = Bool, strings.ToLower(n.Value)
		return out, nil
	}
	switch strings.ToLower(strings.TrimLeft(n.Value, "+-")) {
	case ".inf", ".nan":
		return nil, fail(n, "JSON has no infinity and no not-a-number; write null or a string")
	}
	if !strings.ContainsRune("+-.0123456789", rune(n.Value[0])) {
		return out, nil
	}
	text := strings.ReplaceAll(n.Value, "_", "")
	switch {
	case basedNumber.MatchString(text):
		if len(text) > maxDigits {
			return nil, fail(n, "a number that is not decimal may have at most %d digits; write it as a decimal, or as a string", maxDigits)
		}
		number, _ := new(big.Int).SetString(strings.TrimPrefix(text, "+"), 0)
		out.Kind, out.Text = Number, number.String()
	case decimalNumber.MatchString(text):
		if leadingZero.MatchString(text) {
			return nil, fail(n, "a number with leading zeros is octal to some readers and decimal to others; leave the zeros out, write 0o for octal, or quote it")
		}
		out.Kind, out.Text = Number, literal(text)
	}
	return out, nil
}

// literal writes a decimal number as JSON does: no plus sign, and digits on both sides of the point.
func literal(text string) string {
	text = strings.TrimPrefix(text, "+")
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	mantissa, exponent := text, ""
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa, exponent = text[:i], text[i:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	return sign + whole + fraction + exponent
}

// yamlTags are the tags of YAML's own that JSON has no type for, or another type than the value they stand before.
var yamlTags = []string{"!!binary", "!!bool", "!!float", "!!int", "!!map", "!!null", "!!omap", "!!pairs", "!!seq", "!!set", "!!str", "!!timestamp"}

// unknownTag refuses a tag. Of other tags than YAML's own it does not tell the name: a password that begins with ! and is not
// quoted reads as a tag.
func unknownTag(n *yaml.Node, more string) error {
	if tag := n.ShortTag(); slices.Contains(yamlTags, tag) {
		return fail(n, "the tag %s is not known; leave it out%s", tag, more)
	}
	return fail(n, "a tag, which is what begins with !, is not known; leave it out%s; where the ! belongs to a text, quote it", more)
}
