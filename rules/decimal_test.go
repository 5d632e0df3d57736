package rules

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func decimal(t interface{ Fatal(...any) }, literal string) Decimal {
	d, err := ParseDecimal(literal)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// jsonNumbers are literals of JSON numbers, small enough for math/big.
var jsonNumbers = rapid.StringMatching(`-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?`)

func TestDecimalAgreesWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := jsonNumbers.Draw(t, "a"), jsonNumbers.Draw(t, "b")
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		d, e := decimal(t, a), decimal(t, b)
		if got, want := d.Compare(e), x.Cmp(y); got != want {
			t.Errorf("%s compared to %s is %d, want %d", a, b, got, want)
		}
		if d.Sign() != x.Sign() || d.IsInteger() != x.IsInt() || d.Negate().Compare(e.Negate()) != -d.Compare(e) {
			t.Errorf("%s: sign %d, integer %t, want %d, %t", a, d.Sign(), d.IsInteger(), x.Sign(), x.IsInt())
		}
		written, ok := new(big.Rat).SetString(d.String())
		if !ok || written.Cmp(x) != 0 {
			t.Errorf("%s is written as %s", a, d)
		}
		if again := decimal(t, d.String()); again != d || (d == e) != (x.Cmp(y) == 0) {
			t.Errorf("%s and %s are written as %s and %s, and are equal: %t", a, b, d, e, d == e)
		}
		if n, ok := d.Int64(); ok != (x.IsInt() && x.Num().IsInt64()) || ok && n != x.Num().Int64() {
			t.Errorf("%s as int64 is %d, %t", a, n, ok)
		}
		sum, err := Sum(d, e)
		if err != nil {
			return // too far apart: the bound has a test of its own
		}
		if got, _ := new(big.Rat).SetString(sum.String()); got.Cmp(new(big.Rat).Add(x, y)) != 0 || sum != decimal(t, sum.String()) {
			t.Errorf("%s + %s is %s", a, b, sum)
		}
	})
}

// TestShortDecimals: what is read in one pass is what would be read otherwise.
func TestShortDecimals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		literal := rapid.OneOf(jsonNumbers, rapid.StringMatching(`-?[0-9.]{0,20}`), rapid.String()).Draw(t, "literal")
		short, ok := parseShort(literal)
		if !ok {
			return
		}
		if long, err := parseAny(literal); err != nil || short != long {
			t.Errorf("%q is read as %+v, want %+v, %v", literal, short, long, err)
		}
	})
}

func TestDecimalString(t *testing.T) {
	for literal, want := range map[string]string{
		"0": "0", "-0": "0", "0.000": "0", "0e99": "0", "1.0": "1", "10e-1": "1", "1e2": "100", "-1.50": "-1.5",
		"123456789012345678901": "123456789012345678901", "1234567890123456789012": "1.234567890123456789012e21", "1e21": "1e21", "1e20": "100000000000000000000",
		"0.0000000001": "0.0000000001", "0.00000000001": "1e-11", "1E+400": "1e400", "1e1000000000": "1e1000000000", "12e-1000000000": "1.2e-999999999",
		"1e0000000000000000000005": "100000",
	} {
		if got := decimal(t, literal).String(); got != want {
			t.Errorf("%s is written as %s, want %s", literal, got, want)
		}
	}
}

// TestDecimalExtremes: no exponent is expanded, and a long number is compared by its text.
func TestDecimalExtremes(t *testing.T) {
	nines, power := decimal(t, strings.Repeat("9", 100_000)), decimal(t, "1e100000")
	if nines.Compare(power) != -1 || power.Compare(nines) != 1 {
		t.Error("100,000 nines are not below 1e100000")
	}
	if huge, one := decimal(t, "1e1000000000"), decimal(t, "1"); huge.Compare(one) != 1 || huge.Negate().Compare(one) != -1 || !huge.IsInteger() {
		t.Error("1e1000000000 is not above 1")
	}
	if _, ok := decimal(t, "1e1000000000").Int64(); ok {
		t.Error("1e1000000000 fits an int64")
	}
	if allocations := testing.AllocsPerRun(100, func() {
		d, _ := ParseDecimal("-12345.678e10")
		_ = d.Compare(Decimal{})
	}); allocations > 0 {
		t.Errorf("%v allocations", allocations)
	}
	for literal, want := range map[string]int64{"9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63, "12.5e1": 125} {
		if n, ok := decimal(t, literal).Int64(); !ok || n != want {
			t.Errorf("%s as int64 is %d, %t", literal, n, ok)
		}
	}
	if got := DecimalFromInt(-1 << 63).String(); got != "-9223372036854775808" {
		t.Errorf("the least int64 is %s", got)
	}
}

func TestSumBounds(t *testing.T) {
	for reason, tc := range map[string]struct {
		terms []string
		want  string // empty where it is refused
	}{
		"none":           {nil, "0"},
		"zeros":          {[]string{"0", "-0.0"}, "0"},
		"cancel":         {[]string{"1e999", "-1e999"}, "0"},
		"exact":          {[]string{"0.1", "0.2", "-0.3"}, "0"},
		"1,000 digits":   {[]string{"1e999", "-1e999", "5"}, "5"},
		"1,001 digits":   {[]string{"1e1000", "1"}, ""},
		"far apart":      {[]string{"1", "1e1000000000"}, ""},
		"zero and far":   {[]string{"0", "1e1000000000"}, "1e1000000000"},
		"far, but close": {[]string{"1e1000000000", "2e999999999"}, "1.2e1000000000"},
		"long":           {[]string{"12345678901234567890123", "0.5"}, "12345678901234567890123.5"},
	} {
		t.Run(reason, func(t *testing.T) {
			terms := make([]Decimal, len(tc.terms))
			for i, term := range tc.terms {
				terms[i] = decimal(t, term)
			}
			got, err := Sum(terms...)
			if (err != nil) != (tc.want == "") || err == nil && got.String() != tc.want {
				t.Errorf("%s, %v, want %q", got, err, tc.want)
			}
		})
	}
}

// FuzzParseDecimal holds the grammar against encoding/json's.
func FuzzParseDecimal(f *testing.F) {
	for _, seed := range []string{"0", "-0", "01", "1.", ".5", "1.5e", "1e+", "1e+-5", "+1", "-", "", "1e5", "1E-05", "0x1", "1_0", "Infinity", "NaN", "1 ", "1e1000000000000", "--1", "1e99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, literal string) {
		d, err := ParseDecimal(literal)
		valid := literal != "" && (literal[0] == '-' || '0' <= literal[0] && literal[0] <= '9') && json.Valid([]byte(literal)) &&
			strings.Trim(literal, " \t\r\n") == literal
		if err == nil && !valid {
			t.Errorf("%q is taken for a number: %s", literal, d)
		}
		if err != nil && valid && !strings.Contains(err.Error(), "digits") {
			t.Errorf("%q is refused: %v", literal, err)
		}
	})
}

func BenchmarkParseAndCompare(b *testing.B) {
	bound := DecimalFromInt(10000)
	b.ReportAllocs()
	for b.Loop() {
		d, _ := ParseDecimal("9999.99")
		_ = d.Compare(bound)
	}
}
