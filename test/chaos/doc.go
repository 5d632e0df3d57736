// Command chaos breaks a cluster with Checky on it, while it is used, and tells what was promised and not held.
//
//	make chaos DURATION=30m SEED=7      the faults of a seed
//	make chaos-quick                    each fault that matters once, in two minutes
//	make chaos-mutants                  every deliberate bug, each of which has to be found
//
//	plan ──> cluster ──┬──> history.jsonl ──> check ──> violations
//	driver ────────────┤
//	observe ───────────┘
//
//	chaos -seed 7 -duration 30m -plan        print what would go wrong, and do nothing
//	chaos -judge FOLDER/history.jsonl        judge a run again
//
// It exits with 0 where nothing was violated, 1 where something was, 2 where the run could not be made. The folder that it names at the end
// has the history, the violations, and the logs of every process.
package main
