#!/usr/bin/env bash
# Draws docs/pictures/tone-NAME.png, the spectrogram of each pattern that the alert daemon has, with sox. All are of the same
# scale: 0 to 5 kHz, 2.4 seconds, 80 dB. The same patterns make the same bytes, with the same version of sox and libpng.
#
#   hack/pictures.sh
#   CHECKY_ALERTD=bin/checky-alertd hack/pictures.sh     with a binary that is built already
#   PICTURES=DIR hack/pictures.sh                        elsewhere
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v sox >/dev/null; then
	echo "$0: sox is missing: install the package sox" >&2
	exit 1
fi
alertd=(go run ./cmd/checky-alertd)
if [ -n "${CHECKY_ALERTD-}" ]; then
	alertd=("$CHECKY_ALERTD")
fi
pictures=${PICTURES:-docs/pictures}
mkdir -p "$pictures"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# draw NAME TITLE [OPTION...]
draw() {
	local name=$1 title=$2
	shift 2
	"${alertd[@]}" render "$@" --volume 100 -o "$work/$name.wav"
	# -R and -D: no random numbers; -V1: no warning that the silence at the end is cut. The picture has 650 columns and 2.4 s; its comment would name sox and its version.
	sox -V1 -R -D "$work/$name.wav" -n rate -v 10k pad 0.1 2.4 trim 0 2.4 \
		spectrogram -x 650 -Y 350 -z 80 -t "$title" -c ' ' -o "$pictures/tone-$name.png"
	echo "$pictures/tone-$name.png"
}

draw low "low: info, warning" --pattern low
draw medium "medium: error" --pattern medium
draw high "high: critical" --pattern high
draw recovery "recovery" --pattern recovery
draw flood "flood" --pattern flood
