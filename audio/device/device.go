package device

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
)

// Device is a place that sound goes to. The zero value is "default".
type Device struct {
	card   string // number or id; empty: the first card that can play
	number int    // of the card's devices
	dir    string // of recordings; empty: hardware
	slow   bool   // recording takes as long as the sound
}

// Bounds of names.
const (
	maxName   = 4096 // bytes of a device's name: a path may be that long
	maxCardID = 15   // characters of a card's id: the kernel's own limit
	maxCard   = 31   // ALSA's last card
	maxDevice = 255  // the last device of a card, with room
)

const (
	recordPrefix   = "record:"
	realtimePrefix = "record-realtime:"
)

// Parse reads a device's name; see the package comment. It does not look whether there is such a device.
func Parse(name string) (Device, error) {
	if len(name) > maxName {
		return Device{}, fmt.Errorf("a device's name has at most %d bytes", maxName)
	}
	if name == "default" {
		return Device{}, nil
	}
	for prefix, slow := range map[string]bool{recordPrefix: false, realtimePrefix: true} {
		dir, ok := strings.CutPrefix(name, prefix)
		switch {
		case !ok:
		case !filepath.IsAbs(dir) || strings.ContainsFunc(dir, unicode.IsControl):
			return Device{}, fmt.Errorf("%s takes the absolute path of a folder, as in %[1]s/tmp/sounds", prefix)
		default:
			return Device{dir: filepath.Clean(dir), slow: slow}, nil
		}
	}
	kind, arguments, _ := strings.Cut(name, ":")
	if kind != "hw" && kind != "plughw" {
		return Device{}, fmt.Errorf("%q is no device: use default, plughw:CARD,DEVICE as in plughw:0,0, or record:DIR; "+
			"`checky-alertd devices` lists those of this machine", name)
	}
	device, err := parseHardware(arguments)
	if err != nil {
		return Device{}, fmt.Errorf("%q: %w", name, err)
	}
	return device, nil
}

// parseHardware reads "1", "1,0", "PCH,0" and "CARD=PCH,DEV=0".
func parseHardware(arguments string) (Device, error) {
	parts := strings.Split(arguments, ",")
	if len(parts) > 2 {
		return Device{}, errors.New("a card and a device are what can be chosen, as in plughw:0,0")
	}
	device := Device{card: strings.TrimPrefix(parts[0], "CARD=")}
	if !validCard(device.card) {
		return Device{}, fmt.Errorf("the card is its number, 0 to %d, or its id of at most %d letters, digits, - and _", maxCard, maxCardID)
	}
	if len(parts) == 2 {
		number, err := strconv.ParseUint(strings.TrimPrefix(parts[1], "DEV="), 10, 8)
		if err != nil || number > maxDevice {
			return Device{}, fmt.Errorf("the device is a number, 0 to %d", maxDevice)
		}
		device.number = int(number)
	}
	return device, nil
}

func validCard(card string) bool {
	if number, err := strconv.Atoi(card); err == nil {
		return number >= 0 && number <= maxCard && card == strconv.Itoa(number)
	}
	if card == "" || len(card) > maxCardID {
		return false
	}
	for _, r := range card {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return true
}

// String is the name that Parse takes.
func (d Device) String() string {
	switch {
	case d.slow:
		return realtimePrefix + d.dir
	case d.dir != "":
		return recordPrefix + d.dir
	case d.card == "":
		return "default"
	}
	if _, err := strconv.Atoi(d.card); err == nil {
		return fmt.Sprintf("plughw:%s,%d", d.card, d.number)
	}
	return fmt.Sprintf("plughw:CARD=%s,DEV=%d", d.card, d.number)
}

// Recording is the folder that a device of kind record writes to; empty for hardware.
func (d Device) Recording() string { return d.dir }

// Realtime says whether a device that records takes as long as the sound.
func (d Device) Realtime() bool { return d.slow }

// Plan is what playing on a device takes.
type Plan struct {
	Config string   // ALSA's configuration, for the file that ALSA_CONFIG_PATH names
	Paths  []string // device files that are opened for reading and writing; some may be missing
}

// Plan says how to play on the device. For one that records, ALSA writes to the descriptor given. The error is ErrNoCard
// where the card is not there, as far as that can be seen.
func (d Device) Plan(recording int) (Plan, error) { return d.plan("/", recording) }

func (d Device) plan(root string, recording int) (Plan, error) {
	if d.dir != "" {
		return Plan{Config: fmt.Sprintf(recordConfig, recording), Paths: []string{"/dev/null"}}, nil
	}
	card, number, err := d.resolve(root)
	if err != nil {
		return Plan{}, err
	}
	return Plan{
		Config: fmt.Sprintf(hardwareConfig, card, number),
		Paths:  []string{fmt.Sprintf("/dev/snd/controlC%d", card), fmt.Sprintf("/dev/snd/pcmC%dD%dp", card, number)},
	}, nil
}

// resolve finds the numbers of a card and a device.
func (d Device) resolve(root string) (card, number int, err error) {
	if card, err := strconv.Atoi(d.card); err == nil {
		return card, d.number, nil
	}
	cards, err := list(root)
	if err != nil {
		return 0, 0, err
	}
	if d.card != "" {
		for _, c := range cards {
			if c.ID == d.card {
				return c.Index, d.number, nil
			}
		}
		return 0, 0, fmt.Errorf("%w with the id %s", ErrNoCard, d.card)
	}
	// One that is free goes before one that is busy or denied, for which ALSA has the words.
	for _, wanted := range []Access{Open, Busy, Denied} {
		for _, c := range cards {
			for _, pcm := range c.Playback {
				if pcm.Access == wanted {
					return c.Index, pcm.Device, nil
				}
			}
		}
	}
	return 0, 0, fmt.Errorf("%w that can play", ErrNoCard)
}

// ErrNoCard is returned where a machine, or what a container sees of it, lacks a sound card.
var ErrNoCard = errors.New("there is no sound card")

// The configurations define one device, by the name that oto asks for. Nothing is included from /usr/share/alsa: ALSA's own
// default would go by dmix, and oto tries every device that it finds when the one named default does not open.
const (
	hardwareConfig = `pcm.default {
	type plug
	slave.pcm {
		type hw
		card %d
		device %d
	}
}
`
	recordConfig = `pcm.default {
	type plug
	slave {
		pcm {
			type file
			file %d
			format raw
			slave.pcm {
				type null
			}
		}
		format S16_LE
		channels 1
		rate 48000
	}
}
`
)
