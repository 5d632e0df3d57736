// Package audio is the alert daemon: it runs on a node with a speaker, watches Checks, and sounds a tone when one fails.
//
//	API server --watch--> watch --news--> dispatch (what sounds, and when)
//	                                         |  asked and obeyed by
//	                                         v
//	                                        loop ----------------> speaker --> player (a sandboxed process)
//	                                         |                        |
//	                                      journal (on the node)     trace (Events, metrics, log)
//
// The decisions are those of package dispatch, which is a pure state machine; this package brings it what happens, and does what it
// says. One goroutine asks it and acts; the watches only tell it news, under a lock that is never held across I/O. What sounds is journaled after it was
// heard, so that a crash in between repeats an announcement and never loses one.
//
// It changes nothing in the cluster: it reads, and it makes Events. It synthesises nothing (alerts/tone) and opens no device itself (audio/player).
package audio
