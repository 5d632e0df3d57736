package engines

import "fmt"

// plainGo is the rules written by hand: what any engine could reach at best. It tells which rules are broken and nothing else.
func plainGo(list []rule) (contender, error) {
	return contender{
		name:   "plain Go",
		setup:  "the rules as Go functions on json.Unmarshal's values; the floor",
		decode: decodeAny,
		check: func(decoded any) (int, error) {
			order, ok := decoded.(map[string]any)
			if !ok {
				return 0, fmt.Errorf("the payload is %T, want an object", decoded)
			}
			broken := 0
			for i := range list {
				if !list[i].holds(order) {
					broken++
				}
			}
			return broken, nil
		},
	}.viaDecode(), nil
}

// unmarshalOnly decodes and checks nothing: the floor of all that begin with a text.
func unmarshalOnly([]rule) (contender, error) {
	return contender{
		name:  "json.Unmarshal alone",
		setup: "into any, from the text; it checks nothing",
		text: func(text []byte) (int, error) {
			_, err := decodeAny(text)
			return 0, err
		},
	}, nil
}
