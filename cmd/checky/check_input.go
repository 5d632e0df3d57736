package main

import (
	"encoding/base64"
	"fmt"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/manifest"
	"github.com/checky-dev/checky/controllers/check"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

// payload is a payload's text, and where it stands.
type payload struct {
	text   []byte
	secret bool
	file   *manifest.File
	node   *manifest.Node // nil where the text could not be parsed
	// holder is the string that the text is the content of, where it is one.
	holder *manifest.Node
}

// locatable is a file's name as other programs find it: none for standard input.
func locatable(file *manifest.File) string {
	if file.Name == manifest.StandardInput {
		return ""
	}
	return file.Name
}

// locate tells where a JSON Pointer stands. A payload in a YAML block has its lines in the file's; one in any other kind of
// string is all on the string's.
func (p *payload) locate(pointer string) (file string, line int) {
	file = locatable(p.file)
	switch {
	case p.holder == nil && p.node == nil:
		return file, 0
	case p.holder == nil:
		return file, p.node.LineOf(pointer)
	case p.holder.Block && p.node != nil:
		return file, p.holder.Line + p.node.LineOf(pointer)
	}
	return file, p.holder.Line
}

// payloadOf is the payload that a document is.
func payloadOf(t *manifest.Target) (payload, error) {
	p := payload{file: t.File, node: t.Root, text: t.Text, secret: isSecretManifest(t.Root)}
	if t.Root == nil {
		p.node = &manifest.Node{Line: t.Problem.Line}
	}
	switch {
	case t.Why != "":
		if _, err := rules.Decode(t.Text); err != nil { // it tells the place better than the file's problem
			return p, refuse(&engine.Obstacle{Reason: v1alpha1.ReasonInvalidInput, Message: err.Error() + "; " + t.Why})
		}
	case t.Text != nil: // the engine says what is wrong with it, if anything is
	case t.Root != nil:
		p.text = t.Root.JSON()
	default:
		problem := *t.Problem
		problem.File = ""
		return p, refuse(&engine.Obstacle{Reason: v1alpha1.ReasonInvalidInput, Message: "payload: " + problem.Error()})
	}
	return p, nil
}

// isSecretManifest says whether a payload is a Secret, or a list of them as the API gives it: its values are shown as little as those
// that a Check takes from one.
func isSecretManifest(root *manifest.Node) bool {
	kind := root.String("kind")
	return root.String("apiVersion") == "v1" && (kind == "Secret" || kind == "SecretList")
}

// held is a payload that is the text of a string.
func held(file *manifest.File, holder *manifest.Node, text []byte) payload {
	p := payload{file: file, holder: holder, text: text}
	p.node, _ = manifest.ParseJSON(text) // the engine says what is wrong with it
	return p
}

// inputOf is a Check's input; of several payloads it is the place alone. Its error is a *refusal.
func (g *gatherer) inputOf(t *manifest.Target) (payload, error) {
	spec, node := &t.Check.Spec, t.Root.Get("spec")
	switch {
	case spec.InputFrom != nil:
		return g.source(t.Check.Namespace, spec.InputFrom)
	case len(spec.Inputs) > 0: // the engine reads them
		return payload{file: t.File, node: node.Get("inputs")}, nil
	case spec.InputJSON != "":
		return held(t.File, node.Get("inputJSON"), []byte(spec.InputJSON)), nil
	}
	return payload{file: t.File, node: node.Get("input"), text: spec.Input.Raw}, nil
}

// locateItem tells where a JSON Pointer of one of a Check's several payloads stands.
func locateItem(t *manifest.Target, index int32, pointer string) (file string, line int) {
	p := payload{file: t.File}
	if inputs := t.Root.Get("spec", "inputs"); inputs != nil && int(index) < len(inputs.Items) {
		item := inputs.Items[index]
		if text := item.Get("inputJSON"); text != nil {
			p = held(t.File, text, []byte(text.Text))
		} else {
			p.node = item.Get("input")
		}
	}
	return p.locate(pointer)
}

// source reads the object that an input comes from.
func (g *gatherer) source(namespace string, from *v1alpha1.InputSource) (payload, error) {
	kind, name, err := check.Source(from)
	if err != nil {
		return payload{}, refuse(&engine.Obstacle{Reason: v1alpha1.ReasonInvalidSpec, Message: err.Error()})
	}
	objects := g.bundle.Objects(kind.GroupVersion().String(), kind.Kind, namespace, name)
	switch len(objects) {
	case 0:
		return payload{}, refuse(engine.MissingInput(namespace, kind.Kind, name))
	case 1:
	default:
		return payload{}, refuse(ambiguous(kind.Kind, name, objects))
	}
	object := objects[0]
	isSecret := check.IsSecret(kind.GroupKind())
	key := ""
	switch {
	case from.ConfigMapKeyRef != nil:
		key = from.ConfigMapKeyRef.Key
	case from.SecretKeyRef != nil:
		key = from.SecretKeyRef.Key
	default:
		root := asStored(object.Root, isSecret)
		return payload{file: object.File, node: root, text: root.JSON(), secret: isSecret}, nil
	}
	p, obstacle := valueOf(object, kind.Kind, key)
	if obstacle != nil {
		return payload{}, refuse(obstacle)
	}
	p.secret = isSecret
	return p, nil
}

// ambiguous is the obstacle of a Check whose input could be one of several objects. A cluster has one of a name.
func ambiguous(kind, name string, objects []*manifest.Document) *engine.Obstacle {
	first, second := objects[0], objects[1]
	return &engine.Obstacle{Reason: v1alpha1.ReasonInvalidInput, Message: fmt.Sprintf(
		"%s %s is there twice, at %s:%d and at %s:%d, and not the same; keep one of them, or check them in two runs",
		kind, name, first.File.Name, first.Root.Line, second.File.Name, second.Root.Line)}
}

// valueOf takes a key's value out of a ConfigMap or Secret. The obstacles that a cluster does not know are those of objects that
// its API server would refuse.
func valueOf(object *manifest.Document, kind, key string) (payload, *engine.Obstacle) {
	plain, encoded := "data", "binaryData"
	if kind == "Secret" {
		plain, encoded = "stringData", "data"
	}
	wrong := func(problem string) *engine.Obstacle {
		return &engine.Obstacle{Reason: v1alpha1.ReasonInvalidInput, Message: fmt.Sprintf("key %s of %s %s: %s",
			key, kind, object.Root.String("metadata", "name"), problem)}
	}
	field, n := plain, object.Root.Get(plain, key)
	if n == nil {
		field, n = encoded, object.Root.Get(encoded, key)
	}
	switch {
	case n == nil:
		return payload{}, engine.MissingKey(kind, object.Root.String("metadata", "name"), key)
	case n.Kind != manifest.String:
		return payload{}, wrong("its value in " + field + " is not a string; quote it")
	case field == plain:
		return held(object.File, n, []byte(n.Text)), nil
	}
	value, err := base64.StdEncoding.DecodeString(n.Text)
	if err != nil {
		return payload{}, wrong("its value in " + encoded + " is not base64; encode it, or move it as it is to " + plain)
	}
	p := held(object.File, n, value)
	p.node = nil // its lines are not the file's
	return p, nil
}

// asStored is an object as the controller reads it: without the API server's bookkeeping, and a Secret's stringData in
// its data.
func asStored(root *manifest.Node, isSecret bool) *manifest.Node {
	out := *root
	out.Members = nil
	var written, data *manifest.Node
	for _, m := range root.Members {
		switch {
		case m.Name == "metadata" && m.Value.Kind == manifest.Object:
			m.Value = without(m.Value, "managedFields", "resourceVersion")
		case isSecret && m.Name == "stringData":
			written = m.Value
			continue
		case isSecret && m.Name == "data":
			data = m.Value
			continue
		}
		out.Members = append(out.Members, m)
	}
	if data != nil || written != nil {
		out.Members = append(out.Members, manifest.Member{Name: "data", Line: root.Line, Value: merged(data, written)})
	}
	return &out
}

// merged is a Secret's data with its stringData written over it, in base64.
func merged(data, written *manifest.Node) *manifest.Node {
	out := &manifest.Node{Kind: manifest.Object}
	if written != nil {
		out.Line = written.Line
		for _, m := range written.Members {
			if value := *m.Value; value.Kind == manifest.String {
				value.Text = base64.StdEncoding.EncodeToString([]byte(value.Text))
				m.Value = &value
			}
			out.Members = append(out.Members, m)
		}
	}
	if data != nil {
		out.Line = data.Line
		for _, m := range data.Members {
			if out.Get(m.Name) == nil {
				out.Members = append(out.Members, m)
			}
		}
	}
	return out
}

func without(n *manifest.Node, names ...string) *manifest.Node {
	out := *n
	out.Members = nil
	for _, m := range n.Members {
		keep := true
		for _, name := range names {
			keep = keep && m.Name != name
		}
		if keep {
			out.Members = append(out.Members, m)
		}
	}
	return &out
}
