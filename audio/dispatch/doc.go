// Package dispatch decides what sounds and when.
package dispatch

// MaxListed is how many alerts an announcement lists.
const MaxListed = 100
