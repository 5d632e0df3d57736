package format

import "strings"

var money = []Format{
	{Name: "iban", Expected: "an IBAN with right check digits, such as DE89370400440532013000", Valid: isIBAN},
	{Name: "luhn", Expected: "a number with a right Luhn check digit", Valid: isLuhn},
	{Name: "currency", Alias: "iso4217", Expected: "an ISO 4217 currency code such as EUR", Valid: isCurrency},
	{Name: "country", Alias: "iso3166", Expected: "an ISO 3166-1 alpha-2 country code such as DE", Valid: isCountry},
	{Name: "country-alpha-3", Alias: "iso3166-alpha-3", Expected: "an ISO 3166-1 alpha-3 country code such as DEU", Valid: isCountry3},
}

// isLuhn wants two digits or more of which the last is the check digit of ISO/IEC 7812-1, annex B, as on
// payment cards and in IMEIs. Spaces and hyphens are not part of the number.
func isLuhn(s string) bool {
	if len(s) < 2 || !isDigits(s) {
		return false
	}
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum = (sum + d) % 10
	}
	return sum == 0
}

// maxIBAN is the longest that ISO 13616 allows.
const maxIBAN = 34

// isIBAN wants the electronic form of ISO 13616, in capitals and without spaces: a country that issues IBANs, the length
// it issues, and check digits that are right by ISO 7064 (mod 97-10).
func isIBAN(s string) bool {
	if len(s) < 4 || len(s) > maxIBAN || !isDigits(s[2:4]) {
		return false
	}
	if length, ok := ibanLengths[s[:2]]; !ok || len(s) != length {
		return false
	}
	// Check digits run from 02 to 98: 00, 01 and 99 are congruent to 97, 98 and 02 and are never issued.
	if check := s[2:4]; check < "02" || check > "98" {
		return false
	}
	remainder := 0
	for i := range len(s) {
		switch c := s[(i+4)%len(s)]; {
		case isDigit(c):
			remainder = (remainder*10 + int(c-'0')) % 97
		case 'A' <= c && c <= 'Z':
			remainder = (remainder*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return remainder == 1
}

// ibanLengths is each country's length of an IBAN. Source: SWIFT's IBAN registry.
var ibanLengths = lengths(`
	NO15 BE16 DK18 FI18 FK18 FO18 GL18 NL18 SD18 MK19 SI19 AT20 BA20 EE20 KZ20 LT20 LU20 XK20 MN20
	CH21 HR21 LI21 LV21 BG22 BH22 CR22 DE22 GB22 GE22 IE22 ME22 RS22 VA22 AE23 GI23 IL23 IQ23 OM23 SO23 TL23
	AD24 CZ24 ES24 MD24 PK24 RO24 SA24 SE24 SK24 TN24 VG24 LY25 PT25 ST25 IS26 TR26
	BI27 DJ27 FR27 GR27 IT27 MC27 MR27 SM27 AL28 AZ28 BY28 CY28 DO28 GT28 HN28 HU28 LB28 NI28 PL28 SV28
	BR29 EG29 PS29 QA29 UA29 JO30 KW30 MU30 YE30 MT31 SC31 LC32 RU33
`)

func lengths(text string) map[string]int {
	table := map[string]int{}
	for word := range strings.FieldsSeq(text) {
		n, _ := number(word[2:])
		table[word[:2]] = n
	}
	return table
}
