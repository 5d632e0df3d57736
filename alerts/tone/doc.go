// Package tone is what is heard: the table of patterns that ship with Checky, their synthesis, and the decoding of sounds that
// people bring.
//
//	pattern, _ := tone.ByName("high")
//	pcm := pattern.Render(80)
//
// Sound is mono, 16 bit, at 48 kHz. It plays nothing.
package tone

// SampleRate is how many samples a second of sound has, in Hz.
const SampleRate = 48000

// PCM is sound: mono, signed 16 bit, at SampleRate.
type PCM []int16
