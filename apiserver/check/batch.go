package check

import (
	"context"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

// dryRunChunk is how many payloads of a batch are evaluated before other requests get their turn: some tenths of a millisecond's worth.
const dryRunChunk = 32

// validateInputs refuses a batch of too many payloads, or too large ones, and names that the API server would not take.
func validateInputs(inputs []engine.Item) error {
	if len(inputs) == 0 || len(inputs) > rules.MaxBatchItems {
		return invalid("body.inputs", "expected 1 to %d payloads; send more as several batches", rules.MaxBatchItems)
	}
	bytes, stored := 0, 0
	for i := range inputs {
		if utf8.RuneCountInString(inputs[i].Name) > maxInputNameRunes {
			return invalid(inputField(i)+".name", "expected at most %d characters", maxInputNameRunes)
		}
		bytes += len(inputs[i].Input)
		stored += rules.StoredLength(inputs[i].Input) + rules.StoredLength(inputs[i].Name)
	}
	if bytes > rules.MaxBatchBytes {
		return invalid("body.inputs", "the payloads have %d bytes together, and at most %d (%d KiB) can be checked at once; send them as several batches",
			bytes, rules.MaxBatchBytes, rules.MaxBatchBytes>>10)
	}
	if stored > maxStoredBatch {
		return invalid("body.inputs", "the payloads are stored as texts, which take %d bytes with every special character escaped, and at most %d (%d KiB) "+
			"can be stored at once; send them as several batches", stored, maxStoredBatch, maxStoredBatch>>10)
	}
	return nil
}

// inputField is a payload of a batch in the words of the REST body.
func inputField(index int) string { return "body.inputs[" + strconv.Itoa(index) + "]" }

// digestInputs reads the payloads of a batch, or refuses the first that the rules would refuse.
func digestInputs(inputs []engine.Item) (string, error) {
	var lines []byte
	for i := range inputs {
		payload, err := rules.Decode(inputs[i].Input)
		if err != nil {
			return "", undecodable(inputField(i)+".input", err)
		}
		lines = append(append(lines, payload.Digest()...), ' ')
		lines = append(strconv.AppendQuote(lines, inputs[i].Name), '\n') // Quoted it has no line break.
	}
	return rules.Digest(lines), nil
}

// storedInputs are the payloads of a batch as a Check holds them: as text, every digit kept. The texts lie in one string.
func storedInputs(inputs []engine.Item) []v1alpha1.BatchInput {
	length := 0
	for i := range inputs {
		length += len(inputs[i].Input)
	}
	var all strings.Builder
	all.Grow(length)
	for i := range inputs {
		all.Write(inputs[i].Input)
	}
	rest := all.String()
	stored := make([]v1alpha1.BatchInput, len(inputs))
	for i := range inputs {
		n := len(inputs[i].Input)
		stored[i] = v1alpha1.BatchInput{Name: inputs[i].Name, InputJSON: rest[:n]}
		rest = rest[n:]
	}
	return stored
}

// evaluateBatch evaluates the payloads of a batch in this process. Between a few of them other requests get their turn: a processor that
// has a thousand payloads before it would let nobody in for as long as the scheduler allows.
func (s *Service) evaluateBatch(ctx context.Context, inputs []engine.Item, program *engine.Program) (engine.Outcome, error) {
	batch := s.o.Engine.NewBatch(engine.BatchOptions{Program: program, Now: s.o.Clock.Now(), MaxTime: rules.MaxBatchTime})
	for chunk := range slices.Chunk(inputs, dryRunChunk) {
		batch.Add(ctx, chunk)
		runtime.Gosched()
	}
	outcome := batch.Outcome(ctx)
	if err := ctx.Err(); err != nil {
		return engine.Outcome{}, err
	}
	if verdict := outcome.Verdict.Batch; verdict != nil && verdict.Errored > 0 {
		if _, err := digestInputs(inputs); err != nil { // only now, so that good payloads are decoded once
			return engine.Outcome{}, err
		}
	}
	return outcome, nil
}
