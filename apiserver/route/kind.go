package route

import (
	"reflect"
	"time"
)

// kindOf says in JSON's words what a Go type is written as.
func kindOf(t reflect.Type) string {
	if t == reflect.TypeFor[time.Time]() {
		return "a time such as 2030-12-31T23:59:59Z"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number in range"
	case reflect.Slice, reflect.Array:
		return "an array"
	default:
		return "an object"
	}
}
