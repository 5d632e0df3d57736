package device

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"
)

// Card is a sound card.
type Card struct {
	Index    int    `json:"index"`
	ID       string `json:"id,omitempty"`   // short, and the same after a reboot; empty where sysfs is hidden
	Name     string `json:"name,omitempty"` // for people; empty where /proc/asound is hidden, as in containers
	Playback []PCM  `json:"playback"`       // devices that play
}

// PCM is a device of a card that plays.
type PCM struct {
	Device int    `json:"device"`
	Name   string `json:"name,omitempty"`
	Path   string `json:"path"`
	Use    string `json:"use"`    // its name for Parse
	Access Access `json:"access"` // whether this process may play on it
}

// Access says whether a device can be played on by who asks.
type Access string

// The answers.
const (
	Open   Access = "open"
	Busy   Access = "busy"   // another program plays on it
	Denied Access = "denied" // its permissions, or a container's list of devices, forbid it
	Absent Access = "absent" // the kernel has it, but its file in /dev/snd is not here
)

const (
	maxCards = maxCard + 1
	maxText  = 64 // characters of a name
)

// List lists the cards that the kernel has, and those whose files are in /dev/snd, with their playback devices, each by trying to
// open it. Neither being there is no error.
func List() ([]Card, error) { return list("/") }

// list reads the system below root.
func list(root string) ([]Card, error) {
	cards := map[int]*Card{}
	for _, dir := range []string{"dev/snd", "sys/class/sound"} {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("sound cards: %w", err)
		}
		for _, entry := range entries {
			add(cards, root, entry.Name())
		}
	}
	found := make([]Card, 0, len(cards))
	for _, card := range cards {
		slices.SortFunc(card.Playback, func(a, b PCM) int { return cmp.Compare(a.Device, b.Device) })
		found = append(found, *card)
	}
	slices.SortFunc(found, func(a, b Card) int { return cmp.Compare(a.Index, b.Index) })
	return found, nil
}

// add takes what is found by the name controlC0 or pcmC0D0p.
func add(cards map[int]*Card, root, name string) {
	var index, number int
	playback := false
	if _, err := fmt.Sscanf(name, "pcmC%dD%dp", &index, &number); err == nil && name == fmt.Sprintf("pcmC%dD%dp", index, number) {
		playback = true
	} else if _, err := fmt.Sscanf(name, "controlC%d", &index); err != nil || name != fmt.Sprintf("controlC%d", index) {
		return
	}
	if index < 0 || index >= maxCards || number < 0 || number > maxDevice {
		return
	}
	card := cards[index]
	if card == nil {
		card = &Card{Index: index, ID: cardID(root, index), Name: cardName(root, index), Playback: []PCM{}}
		cards[index] = card
	}
	if !playback || slices.ContainsFunc(card.Playback, func(p PCM) bool { return p.Device == number }) {
		return
	}
	use := Device{card: strconv.Itoa(index), number: number}
	if card.ID != "" {
		use.card = card.ID
	}
	card.Playback = append(card.Playback, PCM{
		Device: number,
		Name:   pcmName(root, index, number),
		Path:   "/dev/snd/" + name,
		Use:    use.String(),
		Access: access(filepath.Join(root, "dev/snd", name)),
	})
}

// access opens a device for a moment: permissions do not tell what a container may, nor whether somebody plays.
func access(path string) Access {
	file, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	switch {
	case err == nil:
		_ = file.Close()
		return Open
	case errors.Is(err, fs.ErrNotExist):
		return Absent
	case errors.Is(err, syscall.EBUSY), errors.Is(err, syscall.EAGAIN):
		return Busy
	default:
		return Denied
	}
}

// cardID is empty where it is not known, or is none that Parse takes.
func cardID(root string, index int) string {
	text, err := os.ReadFile(filepath.Join(root, fmt.Sprintf("sys/class/sound/card%d/id", index)))
	if err != nil {
		text, err = os.ReadFile(filepath.Join(root, fmt.Sprintf("proc/asound/card%d/id", index)))
	}
	id := string(bytes.TrimSpace(text))
	if _, number := strconv.Atoi(id); err != nil || number == nil || !validCard(id) {
		return ""
	}
	return id
}

// cardName reads /proc/asound/cards, which holds for each card, in two lines:
//
//	0 [PCH            ]: HDA-Intel - HDA Intel PCH
//	                     HDA Intel PCH at 0xf7d10000 irq 30
func cardName(root string, index int) string {
	text, err := os.ReadFile(filepath.Join(root, "proc/asound/cards"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		number, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		_, name, ok := strings.Cut(rest, "]: ")
		if ok && number == strconv.Itoa(index) {
			return plain(name)
		}
	}
	return ""
}

// pcmName reads the line "name: ALC887 Analog" of /proc/asound/card0/pcm0p/info.
func pcmName(root string, index, number int) string {
	text, err := os.ReadFile(filepath.Join(root, fmt.Sprintf("proc/asound/card%d/pcm%dp/info", index, number)))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "name: "); ok {
			return plain(name)
		}
	}
	return ""
}

// plain bounds a name that a device brought along, and drops what a terminal would obey.
func plain(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.TrimSpace(name))
	if runes := []rune(name); len(runes) > maxText {
		name = string(runes[:maxText])
	}
	return name
}
