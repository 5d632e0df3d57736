//go:build linux

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/audio/device"
)

func TestDevicesForPeople(t *testing.T) {
	pcm := func(access device.Access) device.PCM {
		return device.PCM{Device: 3, Name: "HDMI 0", Path: "/dev/snd/pcmC0D3p", Use: "plughw:CARD=PCH,DEV=3", Access: access}
	}
	cases := map[string]struct {
		reason string
		cards  []device.Card
		want   string
	}{
		"None": {reason: "what to do is said", want: noDevices + "\n"},
		"MicrophoneOnly": {
			reason: "a card that cannot play is none",
			cards:  []device.Card{{Index: 0, Playback: []device.PCM{}}},
			want:   noDevices + "\n",
		},
		"Open": {
			reason: "its name, for --device",
			cards:  []device.Card{{Index: 0, Name: "HDA Intel PCH", Playback: []device.PCM{pcm(device.Open)}}},
			want: "DEVICE                 ACCESS  CARD           NAME\n" +
				"plughw:CARD=PCH,DEV=3  open    HDA Intel PCH  HDMI 0\n",
		},
		"Denied": {
			reason: "what to do is said, and a card has a number at least",
			cards:  []device.Card{{Index: 7, Playback: []device.PCM{pcm(device.Denied)}}},
			want: "DEVICE                 ACCESS  CARD    NAME\n" +
				"plughw:CARD=PCH,DEV=3  denied  card 7  HDMI 0\n" + noAccess + "\n",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := writeDevices(&out, tc.cards); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("%s: %s", tc.reason, diff)
			}
		})
	}
}

func TestDevicesJSON(t *testing.T) {
	var out bytes.Buffer
	if err := writeDevicesJSON(&out, []device.Card{}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(strings.Fields(out.String()), ""); got != `{"cards":[]}` {
		t.Errorf("no cards are %s", got)
	}
}
