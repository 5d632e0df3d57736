// Package tone is what is heard: the table of patterns that ship with Checky, their synthesis, and the decoding of sounds that
// people bring.
//
//	pattern, _ := tone.ByName("high")
//	pcm := pattern.Render(80)                       // or tone.Decode(file), of a WAV or Ogg Vorbis file
//	pcm, err := tone.Sound("high", nil, 80, true)   // what an announcement sounds like; here of many failures at once
//	err = pcm.WriteWAV(w)
//
// Sound is mono, 16 bit, at 48 kHz. The patterns low, medium and high are inspired by the timings of IEC 60601-1-8 for medical
// alarms; nothing here claims to comply with it. The evacuation signal of ISO 8201, three pulses of half a second, is
// reserved for evacuation: no pattern resembles it.
//
// A pattern renders to the same bytes on every processor. Decode takes files of strangers: what it allocates and how long it
// works are bounded before a library sees them.
//
// It plays nothing.
package tone
