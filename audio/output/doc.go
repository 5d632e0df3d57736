// Package output hands sound to ALSA. It is the one package that needs cgo, and the one that imports oto.
//
//	err := output.Play(pcm, func() { ... })
//
// ALSA plays on what its configuration calls default; the environment's ALSA_CONFIG_PATH names that configuration
// (see audio/device). A process can play once: oto makes one context, and keeps it. So there is a process for each
// sound (see audio/player).
package output
