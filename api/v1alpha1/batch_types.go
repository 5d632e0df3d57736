package v1alpha1

// BatchInput is one payload of several. Exactly one of input and inputJSON is
// set.
type BatchInput struct {
	// Name tells the payload among the others in status and explanation, for
	// instance an order's number. It need not be unique.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// Input is the payload: any JSON value, up to 256 KiB and 64 levels deep.
	//
	// +optional
	// +nullable
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	Input JSON `json:"input,omitzero"`

	// InputJSON is the payload as JSON text, every digit kept.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=262144
	InputJSON string `json:"inputJSON,omitempty"`
}

// InputsGiven counts which of input and inputJSON are set. One is right.
func (b *BatchInput) InputsGiven() int {
	given := 0
	if !b.Input.IsZero() {
		given++
	}
	if b.InputJSON != "" {
		given++
	}
	return given
}

// Text is the payload.
func (b *BatchInput) Text() []byte {
	if b.InputJSON != "" {
		return []byte(b.InputJSON)
	}
	return b.Input.Raw
}

// BatchVerdict is what became of the payloads of spec.inputs. Its counts and
// indexes are exact, also where items is cut.
type BatchVerdict struct {
	// Total is how many payloads there are.
	Total int32 `json:"total"`
	// Succeeded is how many passed.
	Succeeded int32 `json:"succeeded"`
	// Failed is how many failed.
	Failed int32 `json:"failed"`
	// Errored is how many could not be evaluated in full, and did not fail.
	Errored int32 `json:"errored"`

	// FailedIndexes are the places in spec.inputs, from 0, of the payloads that
	// failed, as a Job writes its failedIndexes: numbers and ranges in
	// ascending order, for instance 1,3-5,7.
	//
	// +optional
	FailedIndexes string `json:"failedIndexes,omitempty"`

	// ErroredIndexes are the places of the payloads that could not be evaluated,
	// in the same notation.
	//
	// +optional
	ErroredIndexes string `json:"erroredIndexes,omitempty"`

	// Items are the payloads that failed, could not be evaluated or warned, the
	// worst first: at most 100, and together at most 256 KiB.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Items []BatchItem `json:"items,omitempty"`

	// Truncated is how many such payloads were left out of items.
	//
	// +optional
	Truncated int32 `json:"truncated,omitempty"`
}

// BatchItem is the verdict on one payload of several.
type BatchItem struct {
	// Index is its place in spec.inputs, from 0.
	Index int32 `json:"index"`

	// Name is its name in spec.inputs.
	//
	// +optional
	Name string `json:"name,omitempty"`

	// Phase is its verdict: Success, Failure or Error.
	Phase Phase `json:"phase"`

	// Summary counts its rules by outcome; absent where no rule could be run.
	//
	// +optional
	Summary *Summary `json:"summary,omitempty"`

	// Results are its findings that failed, could not be evaluated or warned, the
	// worst first: at most 20.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Results []Result `json:"results,omitempty"`

	// Truncated is how many such findings were left out of results.
	//
	// +optional
	Truncated int32 `json:"truncated,omitempty"`

	// Message says why no rule could be run, where none could.
	//
	// +optional
	Message string `json:"message,omitempty"`
}
