package rules

// Masked is the payload as one that comes from a Secret.
func (p *Payload) Masked() *Payload {
	masked := *p
	masked.secret = true
	return &masked
}

// IsSecretManifest says whether a decoded value is a Kubernetes Secret, or a list with one among its items, as the API and kubectl give
// them.
func IsSecretManifest(root any) bool {
	object, ok := root.(map[string]any)
	if !ok || object["apiVersion"] != "v1" {
		return false
	}
	switch object["kind"] {
	case "Secret", "SecretList":
		return true
	case "List":
		items, _ := object["items"].([]any)
		for _, item := range items { // at most MaxDepth lists in each other
			if IsSecretManifest(item) {
				return true
			}
		}
	}
	return false
}
