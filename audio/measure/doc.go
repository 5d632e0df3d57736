// Package measure tells what a recording holds: its pulses, how long they last, at which frequency, and which of the patterns
// of package tone they are.
//
//	samples, err := measure.ReadRaw(file, 1)
//	r := measure.Analyse(samples, 48000)
//	fmt.Println(r.Pattern, len(r.Pulses), r.Dominant) // high 10 784.0
//
// A recording may have silence at both ends, and any volume:
//
//	level   ______         ______   full level of the recording
//	       /      \       /      \
//	      |........|.....|........|  half of it: a pulse begins and ends here
//	     /          \   /          \ a quarter: what doesn't sink below is one pulse
//	 ___/            \_/            \______
//	      |--------|     Length
//	               |-----|           the gap, that patterns are told by
//
// It serves the demo and tests, for sounds of some seconds with pulses of about the same level. It plays and records nothing.
package measure
