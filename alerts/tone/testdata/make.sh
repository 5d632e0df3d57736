#!/usr/bin/env bash
# Makes the sounds that the tests decode, with sox: a fifth of a second of 440 Hz, or less, at a tenth below full scale.
# They are committed; run it again to change them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# sound FILE RATE CHANNELS SECONDS [OPTION...]
sound() {
	local file=$1 rate=$2 channels=$3 seconds=$4
	shift 4
	sox -R -D -n -r "$rate" -c "$channels" "$@" "$file" synth "$seconds" sine 440 gain -1
}

sound u8-mono-8k.wav 8000 1 0.2 -b 8
sound s16-mono-48k.wav 48000 1 0.2 -b 16
sound s16-stereo-22k.wav 22050 2 0.2 -b 16
sound s24-mono-44k.wav 44100 1 0.1 -b 24
sound s16-six-16k.wav 16000 6 0.05 -b 16 # more than two channels: WAVE_FORMAT_EXTENSIBLE
sound float-mono-16k.wav 16000 1 0.05 -b 32 -e floating-point
sound mono-48k.ogg 48000 1 0.2
sound stereo-44k.ogg 44100 2 0.2 -C 8
sound mono-8k.ogg 8000 1 0.2 -C 0
sound four-48k.ogg 48000 4 0.1 -C 3
sound six-48k.ogg 48000 6 0.05 -C 3 # with a subwoofer, which the decoder does not know
sound mono-192k.ogg 192000 1 0.2 -C 5
ls -l -- *.wav *.ogg
