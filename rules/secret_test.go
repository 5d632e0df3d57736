package rules

import "testing"

func TestIsSecretManifest(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, text string
		want         bool
	}{
		"Secret":        {"it is one", `{"kind": "Secret", "apiVersion": "v1", "data": {}}`, true},
		"SecretList":    {"as the API lists them", `{"kind": "SecretList", "apiVersion": "v1", "items": []}`, true},
		"List":          {"as kubectl get -o json lists them", `{"kind": "List", "apiVersion": "v1", "items": [1, {"kind": "Pod", "apiVersion": "v1"}, {"kind": "Secret", "apiVersion": "v1"}]}`, true},
		"ListOfOthers":  {"there is none in it", `{"kind": "List", "apiVersion": "v1", "items": [{"kind": "Pod", "apiVersion": "v1"}]}`, false},
		"ListOfNothing": {"nor here", `{"kind": "List", "apiVersion": "v1", "items": {}}`, false},
		"OtherGroup":    {"another API's kind of that name", `{"kind": "Secret", "apiVersion": "example.org/v1"}`, false},
		"Order":         {"no manifest", `{"id": 1}`, false},
		"NoStrings":     {"nor this", `{"kind": ["Secret"], "apiVersion": {"a": "v1"}}`, false},
		"NoObject":      {"nor this", `["Secret", "v1"]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			payload, err := Decode([]byte(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := IsSecretManifest(payload.Root()); got != tc.want {
				t.Errorf("%s: got %v", tc.reason, got)
			}
			if !payload.Masked().Secret() || payload.Secret() {
				t.Errorf("%s: the mask belongs to the copy alone", tc.reason)
			}
		})
	}
}
