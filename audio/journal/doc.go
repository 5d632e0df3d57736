// Package journal is what the alert daemon remembers on its node: of each failing Check, which failure was announced, or held back,
// and when. So what was heard is not heard again because the daemon was restarted.
//
//	j, entries, err := journal.Open("/var/lib/checky-alertd/journal.db", journal.Options{})
//	...
//	err = j.Apply(remember, forget) // on disk when it returns nil
//	err = j.Close()
//
// The file is a bbolt database of one bucket: the key is the Check's UID, the value its dispatch.Entry as JSON. An Apply is one
// transaction, so a crash or a loss of power at any moment leaves either all of it or nothing.
//
// # What is bounded
//
// At most Options.MaxEntries are kept. Beyond it those that were Announced go first, and of them the ones whose At is oldest; entries
// that are Held go when nothing else is left. (An announced failure that was forgotten may be heard once more. A held one that
// was forgotten might be taken for stale, and never be heard.) The file does not grow past 256 MiB, and Open writes it anew where it
// is larger than 1 MiB and than four times what it holds.
//
// # What is not trusted
//
// bbolt maps its file into memory and believes it: a page that is damaged, or lost by a truncation, can end a process by a fault, by
// endless recursion or by a failed assertion. So Open reads the file by plain reads first and looks at every page that is in use
// (see damageOf), and bbolt opens only what is intact. A file that is not is kept as NAME.corrupt, in place of an earlier one, and the
// journal begins anew; Recovered tells. Records that cannot be read are dropped and counted. Faults and assertions that happen
// nevertheless become errors. What cannot be guarded against: somebody who changes the file while the daemon runs, in a way
// that sends bbolt round in circles; and a medium that hangs, which Apply then waits for.
//
// # What a full disk does
//
// Apply fails, the file stays as it was, and what could not be written is written by the next Apply that can.
//
// The package decides nothing about alerts: what is remembered, and what follows from it, is dispatch's to say. A Journal is for one
// goroutine, except for Len.
package journal
