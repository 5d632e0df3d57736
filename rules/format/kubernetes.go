package format

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

var kubernetes = []Format{
	{Name: "quantity", Alias: "k8s-quantity", Expected: "a Kubernetes quantity such as 500m or 1.5Gi", Valid: isQuantity},
	{Name: "name", Alias: "k8s-name", Expected: "a Kubernetes object name: lower-case letters, digits, - and ., at most 253", Valid: isName},
}

// isName wants a DNS-1123 subdomain, which is what most kinds of objects may be called. Services and namespaces, whose
// names are single labels, are stricter.
func isName(s string) bool {
	return len(s) <= validation.DNS1123SubdomainMaxLength && len(validation.IsDNS1123Subdomain(s)) == 0
}

// maxQuantity bounds a quantity's text: its 96 bits and 9 decimal places need far less.
const maxQuantity = 64

// isQuantity follows the grammar of k8s.io/apimachinery/pkg/api/resource.Quantity. That package's parser is not used
// because it expands exponents, and takes a lone point for 0.
func isQuantity(s string) bool {
	if s == "" || len(s) > maxQuantity {
		return false
	}
	if s[0] == '+' || s[0] == '-' {
		s = s[1:]
	}
	end := 0
	for end < len(s) && (isDigit(s[end]) || s[end] == '.') {
		end++
	}
	whole, fraction, _ := strings.Cut(s[:end], ".")
	if !isDigits(whole + fraction) {
		return false
	}
	switch suffix := s[end:]; suffix {
	case "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei":
		return true
	default:
		return suffix[0]|0x20 == 'e' && isExponent(suffix[1:])
	}
}

// maxExponent is how many digits an exponent may have: nothing within a quantity's range needs more.
const maxExponent = 3

func isExponent(s string) bool {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	return isDigits(s) && len(s) <= maxExponent
}
