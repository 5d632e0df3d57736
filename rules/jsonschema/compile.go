package jsonschema

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	js "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// root is the address of the schema itself.
const root = "checky:///schema"

// Kind compiles rules that are JSON Schemas. It implements rules.Kind.
type Kind struct{}

// New gives the kind.
func New() Kind { return Kind{} }

// Compile implements rules.Kind.
func (Kind) Compile(rule *v1alpha1.Rule) (checker rules.Checker, err error) {
	// Schemas come from people: what makes the library panic must not end a controller.
	defer func() {
		if recover() != nil {
			checker, err = nil, errors.New("jsonSchema: it cannot be compiled: an internal error of the library; write it in another way")
		}
	}()
	raw := rule.JSONSchema.Raw
	if len(raw) > rules.MaxSchemaBytes {
		return nil, fmt.Errorf("jsonSchema: it has %d bytes, at most %d are allowed; split it into several rules", len(raw), rules.MaxSchemaBytes)
	}
	decoded, err := rules.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("jsonSchema: %s", strings.TrimPrefix(err.Error(), "payload: "))
	}
	switch decoded.Root().(type) {
	case map[string]any, bool:
	default:
		return nil, fmt.Errorf("jsonSchema: expected an object, found %s", rules.TypeOf(decoded.Root()))
	}
	r := &rewriter{formats: map[string]bool{}, patterns: map[string]bool{}, anchored: refersInto(decoded.Root())}
	document := r.schema(decoded.Root(), "")
	if r.problem != nil {
		return nil, r.problem
	}
	s := &schema{document: document, formats: r.formats, idle: make(chan *worker, runtime.GOMAXPROCS(0))}
	first, err := s.newWorker()
	if err != nil {
		// The original names the places that its author knows.
		if original := blame(decoded.Root()); original != nil {
			return nil, original
		}
		return nil, explainCompile(err, "")
	}
	if err := findCycle(first.schema); err != nil {
		return nil, err
	}
	first.countAll(first.schema)
	s.idle <- first
	return s, nil
}

// refersInto says whether a reference points into a keyword that would be moved.
func refersInto(value any) bool {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			if refersInto(item) {
				return true
			}
		}
	case map[string]any:
		for name, member := range v {
			ref, ok := member.(string)
			if ok && (name == "$ref" || name == "$dynamicRef") && (strings.Contains(ref, "/propertyNames") || strings.Contains(ref, "/content")) || refersInto(member) {
				return true
			}
		}
	}
	return false
}

// compileWith compiles a document for one worker.
func compileWith(w *worker, document any, formats map[string]bool) (*js.Schema, error) {
	c := js.NewCompiler()
	c.DefaultDraft(js.Draft2020)
	c.AssertFormat()
	c.AssertContent()
	c.UseLoader(denied{})
	c.UseRegexpEngine(w.pattern)
	w.register(c, formats)
	w.registerContents(c)
	if err := c.AddResource(root, document); err != nil {
		return nil, err
	}
	return c.Compile(root)
}

// denied is the loader of everything that is not in the schema.
type denied struct{}

// remote is the error of a reference that leaves the schema.
type remote struct{ url string }

func (r *remote) Error() string { return "outside" }

// Load implements the library's URLLoader.
func (denied) Load(url string) (any, error) { return nil, &remote{url: url} }

// maxTextBytes is how much is kept of a message of the library, or of what it names.
const maxTextBytes = 200

func clip(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxTextBytes {
		text = strings.ToValidUTF8(text[:maxTextBytes], "") + "..."
	}
	return text
}

// explainCompile rewords the library's error about what stands at a place.
func explainCompile(err error, pointer string) error {
	if load := (*js.LoadURLError)(nil); errors.As(err, &load) {
		err = load.Err
	}
	if outside := (*remote)(nil); errors.As(err, &outside) {
		return fmt.Errorf("%s: %q is outside of the schema, and nothing is fetched or opened; put what it refers to under $defs, or name a draft's own meta-schema", place(pointer), clip(strings.TrimPrefix(outside.url, "checky:///")))
	}
	if invalid := (*js.SchemaValidationError)(nil); errors.As(err, &invalid) {
		if tree := (*js.ValidationError)(nil); errors.As(invalid.Err, &tree) {
			return explainInvalid(tree, afterHash(invalid.URL))
		}
	}
	text := strings.ReplaceAll(err.Error(), root+"#", "")
	return fmt.Errorf("%s: %s", place(pointer), clip(strings.ReplaceAll(text, root, "the schema")))
}

func afterHash(url string) string {
	_, fragment, _ := strings.Cut(url, "#")
	return fragment
}

// maxInvalid is how many violations of the draft itself are told.
const maxInvalid = 5

// explainInvalid tells where a schema, whose own place in all of it is given, is not one of its draft.
func explainInvalid(tree *js.ValidationError, pointer string) error {
	var errs []error
	for i, l := range flatten(tree) {
		if i == maxInvalid {
			errs = append(errs, errors.New("jsonSchema: and more"))
			break
		}
		errs = append(errs, fmt.Errorf("%s: expected %s", place(pointer+l.pointer()), l.expected))
	}
	return errors.Join(errs...)
}
