// Package checky holds what ships inside the program: the knowledge file that verdicts are explained with where
// no other is named.
package checky

import _ "embed"

// KnowledgeName is the base name of the knowledge file, as citations spell it.
const KnowledgeName = "rag-content.txt"

// Knowledge is the content of the knowledge file. Its format is described in docs/retrieval.md. It is not to be changed.
//
//go:embed rag-content.txt
var Knowledge []byte

// KnowledgeIndex is the index of Knowledge, as rag.Compile gives it: make generate writes it.
//
//go:embed rag-content.idx
var KnowledgeIndex []byte
