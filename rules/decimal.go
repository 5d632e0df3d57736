package rules

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Decimal is a JSON number, exact at any length: coefficient x 10^exponent. Comparing two never expands an exponent, so
// 1e1000000000 costs no more than 1. Two are equal by == if and only if their numbers are. The zero value is 0.
//
// The arithmetic that Checky needs is comparison and bounded addition, over literals of any size without
// allocation in the common case; that is why this is not a general decimal library.
type Decimal struct {
	negative bool
	small    uint64 // the coefficient, where it has at most 18 digits; no trailing zeros
	large    string // the coefficient's digits otherwise; no leading or trailing zeros
	exponent int64  // of the coefficient's last digit
}

// maxSmallDigits is how many digits always fit a uint64 together with a factor of ten to spare.
const maxSmallDigits = 18

// errNumber is what ParseDecimal wraps.
var errNumber = errors.New("not a JSON number")

// ParseDecimal reads a JSON number (RFC 8259, section 6). The exponent may have at most
// MaxExponentDigits digits.
func ParseDecimal(literal string) (Decimal, error) {
	if d, ok := parseShort(literal); ok {
		return d, nil
	}
	return parseAny(literal)
}

// parseShort reads what most numbers are: without an exponent, and of few digits. What it does not read may still be a number.
func parseShort(literal string) (d Decimal, ok bool) {
	s := literal
	if s != "" && s[0] == '-' {
		d.negative, s = true, s[1:]
	}
	if len(s) == 0 || len(s) > maxSmallDigits || s[0] == '0' && len(s) > 1 && s[1] != '.' {
		return Decimal{}, false
	}
	point := len(s)
	for i := range len(s) {
		switch digit := s[i] - '0'; {
		case digit <= 9:
			d.small = d.small*10 + uint64(digit)
		case s[i] == '.' && point == len(s) && i > 0 && i+1 < len(s):
			point = i
		default:
			return Decimal{}, false
		}
	}
	if d.small == 0 {
		return Decimal{}, true
	}
	if point < len(s) {
		d.exponent = int64(point + 1 - len(s))
	}
	for d.small%10 == 0 {
		d.small /= 10
		d.exponent++
	}
	return d, true
}

func parseAny(literal string) (Decimal, error) {
	s, d := literal, Decimal{}
	if strings.HasPrefix(s, "-") {
		d.negative, s = true, s[1:]
	}
	mantissa := s
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa = s[:i]
		exponent, err := parseExponent(s[i+1:])
		if err != nil {
			return Decimal{}, fmt.Errorf("%w: %s", err, clip(literal))
		}
		d.exponent = exponent
	}
	whole, fraction, dotted := strings.Cut(mantissa, ".")
	if !isDigits(whole) || (dotted && !isDigits(fraction)) || (len(whole) > 1 && whole[0] == '0') {
		return Decimal{}, fmt.Errorf("%w: %s", errNumber, clip(literal))
	}
	d.setDigits(whole, fraction)
	return d, nil
}

func parseExponent(s string) (int64, error) {
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || !isDigits(digits) {
		return 0, errNumber
	}
	trimmed := strings.TrimLeft(digits, "0")
	if len(trimmed) > MaxExponentDigits {
		return 0, fmt.Errorf("an exponent of more than %d digits", MaxExponentDigits)
	}
	exponent, _ := strconv.ParseInt("0"+trimmed, 10, 64)
	if s[0] == '-' {
		exponent = -exponent
	}
	return exponent, nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// setDigits normalises whole.fraction x 10^exponent.
func (d *Decimal) setDigits(whole, fraction string) {
	fraction = strings.TrimRight(fraction, "0")
	d.exponent -= int64(len(fraction))
	if fraction == "" {
		trimmed := strings.TrimRight(whole, "0")
		d.exponent += int64(len(whole) - len(trimmed))
		whole = trimmed
	}
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		fraction = strings.TrimLeft(fraction, "0")
	}
	n := len(whole) + len(fraction)
	switch {
	case n == 0:
		*d = Decimal{}
	case n <= maxSmallDigits:
		for _, part := range [2]string{whole, fraction} {
			for i := range len(part) {
				d.small = d.small*10 + uint64(part[i]-'0')
			}
		}
	default:
		d.large = whole + fraction
	}
}

// DecimalFromInt gives n as a Decimal.
func DecimalFromInt(n int64) Decimal {
	d, _ := ParseDecimal(strconv.FormatInt(n, 10))
	return d
}

func (d Decimal) isZero() bool { return d.small == 0 && d.large == "" }

// powersOfTen are those that a small coefficient is below.
var powersOfTen = func() (powers [maxSmallDigits + 1]uint64) {
	powers[0] = 1
	for i := 1; i < len(powers); i++ {
		powers[i] = 10 * powers[i-1]
	}
	return powers
}()

// length is the number of digits of the coefficient.
func (d Decimal) length() int64 {
	if d.large != "" {
		return int64(len(d.large))
	}
	n := 1
	for n < maxSmallDigits && d.small >= powersOfTen[n] {
		n++
	}
	return int64(n)
}

func (d Decimal) digits() string {
	if d.large != "" {
		return d.large
	}
	return strconv.FormatUint(d.small, 10)
}

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int {
	switch {
	case d.isZero():
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// IsInteger says whether the value has no fraction: 1, 1.0 and 1e2 have none.
func (d Decimal) IsInteger() bool { return d.exponent >= 0 }

// Compare is -1, 0 or 1 as d is less than, equal to or greater than e.
func (d Decimal) Compare(e Decimal) int {
	if ds, es := d.Sign(), e.Sign(); ds != es || ds == 0 {
		return cmp.Compare(ds, es)
	}
	c := d.compareMagnitude(e)
	if d.negative {
		return -c
	}
	return c
}

func (d Decimal) compareMagnitude(e Decimal) int {
	if d.exponent == e.exponent && d.large == "" && e.large == "" {
		return cmp.Compare(d.small, e.small)
	}
	dn, en := d.length(), e.length()
	if c := cmp.Compare(d.exponent+dn, e.exponent+en); c != 0 {
		return c
	}
	if d.large == "" && e.large == "" {
		a, b := d.small, e.small
		for ; dn < en; dn++ {
			a *= 10
		}
		for ; en < dn; en++ {
			b *= 10
		}
		return cmp.Compare(a, b)
	}
	// Both coefficients start at the same power of ten and end in a digit that is not zero, so the
	// order of their texts is the order of their values.
	return strings.Compare(d.digits(), e.digits())
}

// Int64 gives the value where it is an integer that fits.
func (d Decimal) Int64() (int64, bool) {
	if d.isZero() {
		return 0, true
	}
	if d.exponent < 0 || d.exponent+d.length() > 19 {
		return 0, false
	}
	n, err := strconv.ParseInt(d.plain(), 10, 64)
	return n, err == nil
}

// plain writes the value without an exponent.
func (d Decimal) plain() string {
	digits := d.digits()
	var b strings.Builder
	if d.negative {
		b.WriteByte('-')
	}
	switch point := int64(len(digits)) + d.exponent; {
	case d.exponent >= 0:
		b.WriteString(digits)
		b.WriteString(strings.Repeat("0", int(d.exponent)))
	case point > 0:
		b.WriteString(digits[:point])
		b.WriteByte('.')
		b.WriteString(digits[point:])
	default:
		b.WriteString("0.")
		b.WriteString(strings.Repeat("0", int(-point)))
		b.WriteString(digits)
	}
	return b.String()
}

// String writes the value in one canonical form, so that 1.0, 1 and 10e-1 read alike: an integer plainly up
// to 21 digits and a fraction up to 9 zeros after the point, anything else with an exponent.
func (d Decimal) String() string {
	if d.isZero() {
		return "0"
	}
	digits := d.digits()
	point := int64(len(digits)) + d.exponent
	if point >= -9 && (d.exponent < 0 && point <= int64(len(digits)) || point <= 21) {
		return d.plain()
	}
	var b strings.Builder
	if d.negative {
		b.WriteByte('-')
	}
	b.WriteString(digits[:1])
	if len(digits) > 1 {
		b.WriteByte('.')
		b.WriteString(digits[1:])
	}
	b.WriteByte('e')
	b.WriteString(strconv.FormatInt(point-1, 10))
	return b.String()
}

// maxSumDigits bounds the digits that a sum may have: adding 1 and 1e1000000000 is refused.
const maxSumDigits = 1000

// Sum adds numbers exactly. It refuses numbers that lie too far apart for the exact sum to be written in
// 1,000 digits.
func Sum(numbers ...Decimal) (Decimal, error) {
	lowest, highest, first := int64(0), int64(0), true
	for _, n := range numbers {
		if n.isZero() {
			continue
		}
		low, high := n.exponent, n.exponent+n.length()
		if first {
			lowest, highest, first = low, high, false
		}
		lowest, highest = min(lowest, low), max(highest, high)
	}
	if highest-lowest > maxSumDigits {
		return Decimal{}, fmt.Errorf("the numbers are too far apart to add exactly within %d digits", maxSumDigits)
	}
	// One total per power of ten: as many additions as numbers, and no more multiplications than digits.
	totals := make([]*big.Int, highest-lowest)
	term := new(big.Int)
	for _, n := range numbers {
		if n.isZero() {
			continue
		}
		if term.SetUint64(n.small); n.large != "" {
			term.SetString(n.large, 10)
		}
		if n.negative {
			term.Neg(term)
		}
		at := &totals[n.exponent-lowest]
		if *at == nil {
			*at = new(big.Int)
		}
		(*at).Add(*at, term)
	}
	total, ten := new(big.Int), big.NewInt(10)
	for i := len(totals) - 1; i >= 0; i-- {
		if total.Mul(total, ten); totals[i] != nil {
			total.Add(total, totals[i])
		}
	}
	sum := Decimal{negative: total.Sign() < 0, exponent: lowest}
	digits := total.Abs(total).String()
	sum.setDigits(digits, "")
	return sum, nil
}

// Negate gives -d.
func (d Decimal) Negate() Decimal {
	if !d.isZero() {
		d.negative = !d.negative
	}
	return d
}
