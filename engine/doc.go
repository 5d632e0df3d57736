// Package engine gives verdicts.
//
//	input text --rules.Decode--> Payload --+
//	rule sets  --NewProgram----> Program --+--> Evaluate --> Outcome{Verdict, ...}
//	knowledge  --rag.Retriever-------------+
//
// Many payloads go through a Batch, which has one Outcome for all of them.
//
// It is the only evaluator: the controller, the facade and the command line all call it, and since a
// verdict is a function of the input, the rules, the knowledge file and the time that expressions see, they give the same
// bytes. It reads nothing from a cluster and writes nothing anywhere.
package engine
