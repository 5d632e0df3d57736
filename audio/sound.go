//go:build linux

package audio

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/device"
	"github.com/checky-dev/checky/audio/dispatch"
	"github.com/checky-dev/checky/audio/player"
)

// speaker turns announcements into sound, one at a time, and knows whether the device can be reached.
type speaker struct {
	*daemon
	log    logr.Logger
	device device.Device
	player player.Player
	tones  *folder // nil: there is none

	turn chan struct{} // of one place: who holds it may start a player
	lost chan struct{} // of one place: the device could not be reached

	failing atomic.Pointer[error] // of the last attempt to reach the device

	unenforced sync.Once // what the kernel could not enforce is told once
}

// errUntried is what /readyz says before the device was tried.
var errUntried = errors.New("the sound device has not been tried yet")

func newSpeaker(d *daemon) (*speaker, error) {
	target, err := device.Parse(d.options.Device)
	if err != nil {
		return nil, fmt.Errorf("--device: %w", err)
	}
	s := &speaker{
		daemon: d, log: d.log.WithName("speaker"), device: target,
		turn: make(chan struct{}, 1), lost: make(chan struct{}, 1),
	}
	s.failing.Store(&errUntried)
	s.player.Stderr = func(line string) { s.log.V(1).Info("The player says", "line", line) }
	if d.options.TonesDir != "" {
		if s.tones, err = openFolder(d.options.TonesDir); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *speaker) close() { s.tones.close() }

// announce plays an announcement, leaves its traces, and tells how it ended.
func (s *speaker) announce(ctx context.Context, a *dispatch.Announcement) dispatch.Result {
	job := player.Job{Volume: a.Policy.Volume, Device: s.device, Flood: a.Kind == dispatch.Flood}
	log := s.log.WithValues("kind", a.Kind, "severity", a.Severity, "policy", a.Policy.Name, "count", a.Count)
	heard := *a // its tone is what is heard in the end
	var err error
	if job.Pattern, job.File, err = s.sound(ctx, a.Tone); err != nil {
		s.unusable(log, &heard, &job, err)
	}
	report, err := s.play(ctx, job)
	if job.Pattern == "" && spoiled(&report, err) {
		s.unusable(log, &heard, &job, err)
		report, err = s.play(ctx, job)
	}
	result := resultOf(err)
	s.metrics.Announced(*a, result, delay(a, report.Started))
	switch result {
	case dispatch.Played:
		s.events.Announced(heard)
		log.Info("Announced", "node", s.options.NodeName, "tone", toneName(&heard.Tone), "started", report.Started, "length", report.Length.String(), "first", firstName(a))
	case dispatch.Interrupted:
		log.Info("Interrupted; it is announced later", "first", firstName(a))
	case dispatch.Failed:
		log.Error(err, "Could not announce; it is tried again", "first", firstName(a))
	}
	return result
}

// spoiled tells whether it may be the file why nothing was heard: it cannot be decoded, or the player did not outlive the attempt. Who tried the same
// file again would never be heard.
func spoiled(report *player.Report, err error) bool {
	return errors.Is(err, player.ErrBadFile) || report.Started.IsZero() && (errors.Is(err, player.ErrDied) || errors.Is(err, player.ErrDeadline))
}

func resultOf(err error) dispatch.Result {
	switch {
	case err == nil:
		return dispatch.Played
	case errors.Is(err, player.ErrInterrupted):
		return dispatch.Interrupted
	default:
		return dispatch.Failed
	}
}

// delay is from the verdict to the sound. The verdict's time has a resolution of one second. 0: unknown.
func delay(a *dispatch.Announcement, started time.Time) time.Duration {
	if a.Kind != dispatch.First || len(a.Alerts) == 0 || started.IsZero() || a.Alerts[0].Completed.IsZero() {
		return 0
	}
	return max(started.Sub(a.Alerts[0].Completed), 0)
}

func firstName(a *dispatch.Announcement) string {
	if len(a.Alerts) == 0 {
		return ""
	}
	return a.Alerts[0].Namespace + "/" + a.Alerts[0].Name
}

// toneName is how the log speaks of a tone.
func toneName(t *v1alpha1.Tone) string {
	switch {
	case t.ConfigMapKeyRef != nil:
		return t.ConfigMapKeyRef.Name + "/" + t.ConfigMapKeyRef.Key
	case t.File != "":
		return t.File
	default:
		return string(t.Pattern)
	}
}

// unusable has a pattern played in place of a sound that cannot be had: a failure is never silent for want of a file.
func (s *speaker) unusable(log logr.Logger, heard *dispatch.Announcement, job *player.Job, why error) {
	log.Error(why, "A sound cannot be used; a pattern is heard instead", "tone", toneName(&heard.Tone))
	s.metrics.ToneUnusable()
	heard.Tone = v1alpha1.Tone{Pattern: substitute(heard)}
	job.File, job.Pattern = nil, string(heard.Tone.Pattern)
}

// substitute is the pattern that says the same as an announcement's own sound: that of the severity, and of a recovery never one of a failure.
func substitute(a *dispatch.Announcement) v1alpha1.TonePattern {
	if a.Kind == dispatch.Recovery {
		return v1alpha1.TonePatternRecovery
	}
	return alerts.Pattern(a.Severity)
}

// sound is what a tone stands for: a pattern's name, or a file.
func (s *speaker) sound(ctx context.Context, t v1alpha1.Tone) (pattern string, file []byte, err error) {
	switch {
	case t.ConfigMapKeyRef != nil:
		file, err = s.fromConfigMap(ctx, t.ConfigMapKeyRef)
	case t.File != "":
		file, err = s.tones.read(ctx, t.File)
	default:
		return string(t.Pattern), nil, nil
	}
	return "", file, err
}

// fromConfigMap takes a sound from the cache: the API server may be away.
func (s *speaker) fromConfigMap(ctx context.Context, ref *v1alpha1.KeyReference) ([]byte, error) {
	var object corev1.ConfigMap
	if err := s.cache.Get(ctx, types.NamespacedName{Namespace: s.options.Namespace, Name: ref.Name}, &object); err != nil {
		return nil, fmt.Errorf("ConfigMap %s, which needs the label %s: \"true\": %w", ref.Name, v1alpha1.ToneLabel, err)
	}
	if file, ok := object.BinaryData[ref.Key]; ok {
		return file, nil
	}
	if text, ok := object.Data[ref.Key]; ok { // a file that happens to be valid UTF-8
		return []byte(text), nil
	}
	return nil, fmt.Errorf("ConfigMap %s has no key %s in binaryData", ref.Name, ref.Key)
}

// play runs a player, when no other runs.
func (s *speaker) play(ctx context.Context, job player.Job) (player.Report, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return player.Report{}, fmt.Errorf("%w: %w", player.ErrInterrupted, context.Cause(ctx))
	}
	report, err := s.player.Play(ctx, job)
	<-s.turn
	if errors.Is(err, player.ErrNoDevice) {
		err = fmt.Errorf("--device=%s: %w", s.device, err) // ALSA knows it by the name default
	}
	s.reached(err)
	if report.Sandbox.Known() {
		s.enforced(&report)
	}
	return report, err
}

// enforced tells, once, what the kernel could not enforce on a player.
func (s *speaker) enforced(report *player.Report) {
	s.unenforced.Do(func() {
		for feature, enforced := range report.Sandbox.Features() {
			s.metrics.Sandbox(feature, enforced)
		}
		if missing := report.Sandbox.Missing; len(missing) > 0 {
			s.log.Info("The kernel does not enforce all of the player's sandbox", "missing", missing)
			s.events.Node("SandboxIncomplete", fmt.Sprintf("The player of alert tones runs without: %v", missing))
		}
	})
}

// reached notes whether a player reached the device.
func (s *speaker) reached(err error) {
	if errors.Is(err, player.ErrInterrupted) || errors.Is(err, player.ErrBadFile) {
		return // it says nothing about the device
	}
	s.failing.Store(&err)
	s.metrics.Device(err == nil)
	if err != nil {
		select {
		case s.lost <- struct{}{}:
		default:
		}
	}
}

// ready is the error of the last attempt to reach the device; nil: it was reached.
func (s *speaker) ready() error { return *s.failing.Load() }

// attend plays silence when the daemon starts, and again, ever more seldom, while the device cannot be reached, so that readiness tells what a
// failure would find. A folder of recordings is not tried: each attempt would be a recording.
func (s *speaker) attend(ctx context.Context) error {
	if s.device.Recording() != "" {
		s.reached(nil)
		return nil
	}
	for {
		backoff := wait.Backoff{Duration: time.Second, Factor: 2, Cap: time.Minute, Steps: 100, Jitter: 0.1}
		for {
			_, err := s.play(ctx, player.Job{Silent: true, Volume: 1, Device: s.device})
			if err == nil || ctx.Err() != nil {
				break
			}
			s.log.Error(err, "The sound device cannot be reached; it is tried again")
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(backoff.Step()):
			}
			if s.ready() == nil {
				break // an announcement has reached it meanwhile
			}
		}
		s.drain()
		if s.ready() != nil && ctx.Err() == nil {
			continue // an announcement has failed meanwhile, which was drained
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.lost:
		}
	}
}

// drain forgets failures that attend itself has seen.
func (s *speaker) drain() {
	select {
	case <-s.lost:
	default:
	}
}
