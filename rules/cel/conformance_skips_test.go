package cel_test

// celFiles are the files of the suite about what rules leave out, and why.
var celFiles = map[string]string{
	"block_ext":    "cel.block is made by optimisers, not written by people",
	"encoders_ext": "the library of encoders is not offered: module format checks base64",
	"lists_ext":    "the library of lists is not offered: its ranges and its distinct have no bounded cost",
}

// celSkips are single cases, as FILE/SECTION/CASE, that give another result in rules, and why. One that passes fails
// the test.
var celSkips = map[string]string{
	"basic/reserved_const/false": reservedName,
	"basic/reserved_const/null":  reservedName,
	"basic/reserved_const/true":  reservedName,

	"fields/map_fields/map_bad_key_type_and_false": planned,
	"fields/map_fields/map_bad_key_type_or_true":   planned,

	"fields/qualified_identifier_resolution/map_value_repeat_key":               repeatedKey,
	"fields/qualified_identifier_resolution/map_value_repeat_key_heterogeneous": repeatedKey,

	"network_ext/ipv4/ipv4_equals_ipv6":     mappedAddress,
	"network_ext/ipv4/ipv4_not_equals_ipv6": mappedAddress,

	"optionals/optionals/map_null_entry_no_such_key":    optionalScalar,
	"optionals/optionals/map_present_key_invalid_field": optionalScalar,

	"string_ext/value_errors/indexof_out_of_range":     pastTheEnd,
	"string_ext/value_errors/lastindexof_out_of_range": pastTheEnd,
}

const (
	reservedName   = "a variable has the name of a literal, which cel.bind refuses; a payload's member is input[\"true\"]"
	planned        = "cel-go, where it optimises, refuses the key's type, so the rule does not compile"
	repeatedKey    = "cel-go takes one of a map literal's equal keys, where the suite asks for an error"
	mappedAddress  = "Kubernetes' library of addresses refuses IPv4 addresses mapped into IPv6"
	optionalScalar = "cel-go gives no optional value for a member of a scalar, where the suite asks for an error"
	pastTheEnd     = "cel-go gives -1 for an offset past the end of a text, where the suite asks for an error"
)
