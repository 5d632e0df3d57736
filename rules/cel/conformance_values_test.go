package cel_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"cel.dev/expr"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// celLiteral writes a value of the suite as CEL.
func celLiteral(v *expr.Value) (string, bool) {
	switch k := v.GetKind().(type) {
	case *expr.Value_NullValue:
		return "null", true
	case *expr.Value_BoolValue:
		return strconv.FormatBool(k.BoolValue), true
	case *expr.Value_Int64Value:
		return strconv.FormatInt(k.Int64Value, 10), true
	case *expr.Value_Uint64Value:
		return strconv.FormatUint(k.Uint64Value, 10) + "u", true
	case *expr.Value_DoubleValue:
		return fmt.Sprintf("double(%q)", strconv.FormatFloat(k.DoubleValue, 'g', -1, 64)), !math.IsNaN(k.DoubleValue)
	case *expr.Value_StringValue:
		return celString(k.StringValue), true
	case *expr.Value_BytesValue:
		var b strings.Builder
		for _, c := range k.BytesValue {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
		return `b"` + b.String() + `"`, true
	case *expr.Value_TypeValue:
		return k.TypeValue, !strings.Contains(k.TypeValue, ".")
	case *expr.Value_ListValue:
		items := make([]string, 0, len(k.ListValue.GetValues()))
		for _, item := range k.ListValue.GetValues() {
			text, ok := celLiteral(item)
			if !ok {
				return "", false
			}
			items = append(items, text)
		}
		return "[" + strings.Join(items, ", ") + "]", true
	case *expr.Value_MapValue:
		entries := make([]string, 0, len(k.MapValue.GetEntries()))
		for _, entry := range k.MapValue.GetEntries() {
			key, okKey := celLiteral(entry.GetKey())
			value, okValue := celLiteral(entry.GetValue())
			if !okKey || !okValue {
				return "", false
			}
			entries = append(entries, key+": "+value)
		}
		return "{" + strings.Join(entries, ", ") + "}", true
	case *expr.Value_ObjectValue:
		message, err := k.ObjectValue.UnmarshalNew()
		if err != nil {
			return "", false
		}
		switch m := message.(type) {
		case *durationpb.Duration:
			return fmt.Sprintf("duration(%q)", m.AsDuration().String()), true
		case *timestamppb.Timestamp:
			return fmt.Sprintf("timestamp(%q)", m.AsTime().Format("2006-01-02T15:04:05.999999999Z07:00")), true
		}
	}
	return "", false
}

// celString writes a string with escapes that CEL has too.
func celString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// jsonText writes a variable's value as JSON, if it is a value that JSON has. A double without a fraction is none: it
// would come back as an int.
func jsonText(v *expr.Value) (string, bool) {
	switch k := v.GetKind().(type) {
	case *expr.Value_NullValue:
		return "null", true
	case *expr.Value_BoolValue:
		return strconv.FormatBool(k.BoolValue), true
	case *expr.Value_Int64Value:
		return strconv.FormatInt(k.Int64Value, 10), true
	case *expr.Value_DoubleValue:
		fraction := k.DoubleValue != math.Trunc(k.DoubleValue)
		return strconv.FormatFloat(k.DoubleValue, 'g', -1, 64), fraction && !math.IsInf(k.DoubleValue, 0)
	case *expr.Value_StringValue:
		text, err := json.Marshal(k.StringValue)
		return string(text), err == nil
	case *expr.Value_ListValue:
		items := make([]string, 0, len(k.ListValue.GetValues()))
		for _, item := range k.ListValue.GetValues() {
			text, ok := jsonText(item)
			if !ok {
				return "", false
			}
			items = append(items, text)
		}
		return "[" + strings.Join(items, ",") + "]", true
	case *expr.Value_MapValue:
		entries := make([]string, 0, len(k.MapValue.GetEntries()))
		for _, entry := range k.MapValue.GetEntries() {
			name, ok := entry.GetKey().GetKind().(*expr.Value_StringValue)
			text, okValue := jsonText(entry.GetValue())
			if !ok || !okValue {
				return "", false
			}
			entries = append(entries, strconv.Quote(name.StringValue)+":"+text)
		}
		return "{" + strings.Join(entries, ",") + "}", true
	}
	return "", false
}
