package report

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Figure is a number with its unit, as people read it: three digits that count, thousands set off, no exponent. A unit of "" or
// "×" stands without a space.
func Figure(v float64, unit string) string {
	text := Number(v)
	switch unit {
	case "":
		return text
	case "×", "%":
		return text + unit
	default:
		return text + " " + unit
	}
}

// Number is a number with three digits that count and thousands set off by commas.
func Number(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	decimals := 0
	if size := math.Abs(v); size > 0 && size < 100 {
		decimals = min(2-int(math.Floor(math.Log10(size))), 6)
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return thousands(text)
}

func thousands(text string) string {
	whole, rest, _ := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return sign + whole
}

// Duration is a time in the unit that suits it, from ns to s.
func Duration(d time.Duration) string {
	return Nanoseconds(float64(d))
}

// Nanoseconds is a time in the unit that suits it, given in ns.
func Nanoseconds(ns float64) string {
	switch size := math.Abs(ns); {
	case size < 1e3:
		return Figure(ns, "ns")
	case size < 1e6:
		return Figure(ns/1e3, "µs")
	case size < 1e9:
		return Figure(ns/1e6, "ms")
	default:
		return Figure(ns/1e9, "s")
	}
}

// Bytes is a size in B, KiB, MiB or GiB.
func Bytes(n float64) string {
	switch size := math.Abs(n); {
	case size < 1<<10:
		return Figure(n, "B")
	case size < 1<<20:
		return Figure(n/(1<<10), "KiB")
	case size < 1<<30:
		return Figure(n/(1<<20), "MiB")
	default:
		return Figure(n/(1<<30), "GiB")
	}
}
