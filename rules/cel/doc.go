// Package cel adapts the Common Expression Language to rules: an expression that gives a bool decides a rule, another
// its message, a third whether the rule applies.
//
//	expression --parse, check, bound--> program        (once, per rule set)
//	Call --scene: input, now--> program --> true | false | error
//
// Expressions see two variables: input, the payload, and now, the time of the evaluation. Numbers of the payload
// are ints where their value is an integer that fits, then uints; an integer that fits neither is an error once it is touched.
// Numbers with a fraction are CEL's doubles, the nearest to them, so that 0.30000000000000000001 equals 0.3; beyond a double's range
// they are an error, as texts longer than MaxText are.
//
// The language is CEL's standard library with cross-type comparison of numbers, optional values, cel.bind, two-variable comprehensions, strings,
// math and sets, and Kubernetes' libraries for quantities, IP addresses, CIDRs, versions, URLs, regular
// expressions, lists and formats.
//
// Cost is bounded three times: what is unbounded by construction is refused when it is compiled, a program
// stops at rules.MaxCELCost, and every call and every value of the payload that it looks at counts against the call's
// time.
package cel
