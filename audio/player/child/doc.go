// Package child is the process that plays one sound: the other end of package player's pipes.
//
//	os.Exit(child.Run(os.Stdin, os.Stdout))
//
// Until the sandbox stands it reads the header alone, which the parent wrote; then it decodes, and plays. Nothing of it can be undone, so
// it is of use in a process of its own only.
package child
