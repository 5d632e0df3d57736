// Package device names the places that sound goes to: ALSA's hardware devices, and folders that record it.
//
//	default              the first card that can play
//	hw:1,0  plughw:1,0   device 0 of card 1; plughw:CARD=PCH,DEV=0 is the same by the card's id, which outlives a reboot
//	record:DIR           no sound: each play becomes a file DIR/burst-0001.raw, -0002 ...: S16_LE, mono, 48 kHz
//	record-realtime:DIR  the same, but it takes as long as it would sound; record: takes what writing the file takes
//
// A recording begins with the first sample that is not silence, and ends with up to 300 ms of it. A sound that is all silence leaves no file.
//
// A player speaks to the hardware alone, through ALSA's plug, which converts to what the card takes. What programs share a card by
// (PulseAudio, PipeWire, dmix) needs sockets and shared memory, which a player's sandbox refuses; so their names are not
// taken, nor is /etc/asound.conf read. While a player holds a card that cannot mix, others cannot play on it.
//
// ALSA is told by a configuration of a few lines that names this one device, so that a sound for a card that is missing is not
// heard on another one.
package device
