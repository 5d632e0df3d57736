package retrieval

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/checky-dev/checky/rag"
)

// The words that entries are made of. With names that are made up, which grow in number with the file as those of a
// company's systems do, they give a vocabulary as uneven as that of a language.
var (
	things = []string{
		"order", "invoice", "payment", "refund", "shipment", "customer record", "address", "deployment", "container", "certificate", "sensor reading",
		"price list", "contract", "booking", "claim", "subscription", "login event", "backup job", "cron schedule", "network policy", "ingress rule",
		"data export", "audit log", "product listing", "warehouse move", "payroll entry", "tax statement", "purchase request", "delivery note", "warranty case",
	}
	fields = []string{
		"amount", "total", "currency", "quantity", "unit price", "due date", "created at", "updated at", "e-mail", "phone number", "postal code", "country",
		"status", "owner", "tenant", "region", "memory limit", "CPU request", "image tag", "replica count", "port", "host name", "version", "checksum",
		"temperature", "humidity", "voltage", "tax rate", "discount", "account number", "time zone", "language", "priority", "retry count", "timeout", "label",
	}
	problems = []string{
		"is missing", "is null where a value is needed", "is above the maximum", "is below the minimum", "is a text where a number is expected",
		"does not match the pattern", "is not one of the values allowed", "occurs twice in one list", "does not add up to the total", "lies in the past",
		"comes before the date that it must follow", "is longer than the column that takes it", "is not a valid address", "has a credential in it", "has no unit",
		"is written in another case than its readers expect", "has a fraction although it counts things", "was rounded on its way", "refers to a record that is gone",
	}
	reasons = []string{
		"Whoever reads it next has to guess", "Sums over it go wrong without a word", "The import rejects the whole batch", "Customers see it on their bill",
		"The scheduler cannot place it", "Alerts fire at night for nothing", "It has cost a day of work before", "The archive refuses it after seven years",
		"A partner's system stops at the first one", "It hides that the source has changed",
	}
	remedies = []string{
		"send the real value, or leave the member out", "compare a record from before and after the release", "look at the producer before widening the rule",
		"hold it for review by a person", "fix it at its source and send it again", "write the convention into the field's documentation",
		"ask the team that owns the form", "round on purpose, once, and say so", "map the old name until all readers have moved", "raise the limit only with the owner's word",
	}
	syllables = []string{"ba", "cor", "del", "fen", "gri", "hal", "jun", "kel", "lor", "mi", "nor", "pal", "qui", "ras", "sol", "ter", "ul", "ven", "wes", "zan"}
)

// corpus makes a knowledge file of n entries, about 200 bytes each as the shipped file has, and queries for it. The same n gives the same bytes.
func corpus(n int) (content []byte, queries []rag.Query) {
	random := rand.New(rand.NewPCG(uint64(n), 6)) //nolint:gosec // it is to be the same each time
	names := rand.NewZipf(random, 1.1, 4, uint64(max(200, n/5)))
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	var b bytes.Buffer
	b.WriteString("# Made up, for measuring.\n")
	for i := range n {
		thing, field, problem := pick(things), pick(fields), pick(problems)
		system, other := name(names.Uint64()), name(names.Uint64())
		if i%40 == 0 {
			fmt.Fprintf(&b, "\n## %s of %s\n", strings.ToUpper(thing[:1])+thing[1:], system)
		}
		fmt.Fprintf(&b, "The %s of %s %s of %s %s. %s: %s, and tell %s. [%s, %s]\n",
			field, article(thing), thing, system, problem, pick(reasons), pick(remedies), other, pick(fields), pick(things))
		if len(queries) < maxQueries && i%max(1, n/maxQueries) == 0 {
			queries = append(queries, query(len(queries), thing, field, problem, system))
		}
	}
	return b.Bytes(), queries
}

func article(thing string) string {
	if strings.ContainsRune("aeiou", rune(thing[0])) {
		return "an"
	}
	return "a"
}

// name gives each number a word of its own.
func name(n uint64) string {
	word := ""
	for {
		word += syllables[n%uint64(len(syllables))]
		if n /= uint64(len(syllables)); n == 0 {
			return word
		}
	}
}

// maxQueries is how many different queries there are.
const maxQueries = 500

// query asks for an entry in the ways that are usual: six of ten as the engine does for a finding, two in a person's words, one with nothing
// but a misspelt word, and one that no entry answers.
func query(i int, thing, field, problem, system string) rag.Query {
	switch i % 10 {
	case 3, 7:
		return rag.Query{Text: fmt.Sprintf("the %s of the %s %s", field, thing, problem)}
	case 5:
		return rag.Query{Text: misspelt(strings.Fields(field)[0])}
	case 9:
		return rag.Query{Text: "best pizza in town tonight"}
	default:
		return rag.Query{Text: problem + " " + thing, Names: strings.ReplaceAll(field, " ", "-") + " " + system, Hints: "expected range found /" + field}
	}
}

// misspelt swaps the last two letters.
func misspelt(word string) string {
	if len(word) < 4 {
		return word
	}
	return word[:len(word)-2] + word[len(word)-1:] + word[len(word)-2:len(word)-1]
}
