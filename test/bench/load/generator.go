package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
)

// The argument and the variable of the environment that make a program a generator.
const (
	generatorArgument = "generate-load"
	generatorEnv      = "CHECKY_LOAD_GENERATOR"
)

// generatorGC is the generator's GOGC: it keeps little, and collects seldom.
const generatorGC = 800

// ExitIfGenerator carries out the plan on standard input, and ends the process with it, if that is what it was started for. Otherwise it
// returns at once. Call it before anything else in main.
func ExitIfGenerator() {
	if len(os.Args) != 2 || os.Args[1] != generatorArgument || os.Getenv(generatorEnv) == "" {
		return
	}
	debug.SetGCPercent(generatorGC)
	var plan Plan
	err := json.NewDecoder(os.Stdin).Decode(&plan)
	if err == nil {
		var result *Result
		if result, err = Run(context.Background(), plan); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(result)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate load:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Generate carries a plan out in a process of its own: this program, which calls ExitIfGenerator.
func Generate(ctx context.Context, plan Plan) (*Result, error) {
	if os.Getenv(generatorEnv) != "" {
		return nil, fmt.Errorf("this program does not call load.ExitIfGenerator first thing")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(plan)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, plan.Duration+2*grace)
	defer cancel()
	command := exec.CommandContext(ctx, self, generatorArgument) //nolint:gosec // this program
	command.Env = append(os.Environ(), generatorEnv+"=1")
	command.Stdin = bytes.NewReader(text)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("load generator: %w: %s", err, problems.Bytes())
	}
	result := &Result{}
	if err := json.Unmarshal(out.Bytes(), result); err != nil {
		return nil, fmt.Errorf("load generator: %w", err)
	}
	return result, nil
}
