package rules

import "time"

// The limits of rules and payloads. docs/limits.md shows them in one table; a test keeps the two alike. A limit that is hit
// while a payload is read makes the whole verdict an Error; one that is hit while a rule runs makes that
// rule's outcome error; one that a rule breaks when it is compiled is a compile error of that rule.
const (
	// MaxPayloadBytes is the largest payload's text, in bytes (256 KiB).
	MaxPayloadBytes = 256 << 10
	// MaxDepth is how many levels of objects and arrays a payload may nest.
	MaxDepth = 64
	// MaxExponentDigits is how many digits the exponent of a JSON number may have.
	MaxExponentDigits = 12

	// MaxRulesPerSet is the most rules in one rule set, and in one Check's own list.
	MaxRulesPerSet = 100
	// MaxRulesPerCheck is the most rules that one Check may run, over all its sets.
	MaxRulesPerCheck = 500
	// MaxFindingsPerRule is how many findings of one rule are kept; the others are counted.
	MaxFindingsPerRule = 20
	// MaxResults is how many results a verdict keeps, the worst first; the others are counted.
	MaxResults = 100

	// MaxExpressionBytes is the longest CEL expression.
	MaxExpressionBytes = 4 << 10
	// MaxFieldBytes is the longest JSONPath.
	MaxFieldBytes = 1 << 10
	// MaxPatternBytes is the longest regular expression of a rule.
	MaxPatternBytes = 1 << 10
	// MaxPatternSize is the most instructions that a compiled regular expression may have.
	MaxPatternSize = 2000
	// MaxPatternSteps bounds the length of a text in bytes times the size of the expression it is
	// matched against: RE2's worst case is proportional to that product.
	MaxPatternSteps = 4 << 20
	// MaxSchemaBytes is the longest JSON Schema (64 KiB).
	MaxSchemaBytes = 64 << 10
	// MaxMessageBytes is the longest message of a result; a longer one is cut.
	MaxMessageBytes = 1 << 10
	// MaxFoundRunes is how much of a value that was found is quoted in a message.
	MaxFoundRunes = 64

	// MaxCELCost is the most that one CEL expression may cost, in CEL's own cost units.
	MaxCELCost = 200_000
	// MaxCELCostPerCheck is the most that all CEL expressions of a Check may cost together.
	MaxCELCostPerCheck = 1_000_000
	// MaxSteps is how many values one rule may look at.
	MaxSteps = 1_000_000

	// MaxRuleTime is the longest that one rule may take. The limits above are counted, not timed, so that they hit the same
	// rule each time; each of them is reached in about half of this time, which is there for what they miss.
	MaxRuleTime = 100 * time.Millisecond
	// MaxCheckTime is the longest that all rules of a Check may take together, on each of its payloads.
	MaxCheckTime = 150 * time.Millisecond

	// MaxBatchItems is how many payloads one Check may have.
	MaxBatchItems = 1000
	// MaxBatchBytes is the most that their texts may have together, in bytes (768 KiB): with its verdict the Check has to fit into
	// what etcd takes, which is 1.5 MiB.
	MaxBatchBytes = 768 << 10
	// MaxBatchTime is the longest that all of them may take together.
	MaxBatchTime = 10 * time.Second
	// MaxBatchResults is how many payloads a verdict tells of one by one, the worst first; the others are counted.
	MaxBatchResults = 100
	// MaxBatchResultBytes is the most that those may take as JSON (256 KiB); more are left out, and counted.
	MaxBatchResultBytes = 256 << 10
	// MaxItemResults is how many results a verdict keeps of one payload of several, the worst first; the others are counted.
	MaxItemResults = 20
	// MaxBatchIndexBytes is the longest list of payloads' places (16 KiB); one that is cut ends in ",...". A Check's never is.
	MaxBatchIndexBytes = 16 << 10
)
