package rules

// StoredLength is how many bytes a text takes in what the API server stores: JSON as encoding/json writes it, but for the quotation marks
// around it.
func StoredLength[T string | []byte](text T) int {
	n := len(text)
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"', c == '\\', c == '\n', c == '\r', c == '\t', c == '\b', c == '\f':
			n++
		case c < ' ', c == '<', c == '>', c == '&':
			n += len(`\u003c`) - 1
		case c == '\xe2' && i+2 < len(text) && text[i+1] == '\x80' && text[i+2]&^1 == '\xa8': // U+2028 and U+2029
			n += len(`\u2028`) - len("\u2028")
		}
	}
	return n
}
