// Package dispatch decides what sounds and when. It is a pure state machine over injected moments: it is told of
// changes, and asked what to do.
//
//	s := dispatch.New(dispatch.Options{})
//	s.Restore(entries)                  // of the journal
//	s.SetPolicies(now, policies)
//	s.Observe(now, alert, false)        // and whatever else happens
//	d := s.Next(now)                    // after every change, and at d.Wake
//	s.Done(now, d.Play.ID, dispatch.Played)
//
// The life of a failure, which is one identity (UID, key, since) of one Check. Each arrow is a stage, with a file of
// its own:
//
//	Observe
//	   |
//	   v           unknown to the journal, in the first list, and too long ago
//	 fresh --------------------------------------------------------------------> stale: never sounds
//	   |  \
//	   |   `------ the journal knows it as announced -------------------------.
//	   v                                                                      |
//	 match ------> unmatched: no policy selects it                            |
//	   |                                                                      |
//	   v                                                                      |
//	 quiet <-----> held: quiet hours, a Silence, an acknowledgement; journaled
//	   |                                                                      |
//	   v                                                                      |
//	 group: waits for groupWait, and groupInterval after the group's last     |
//	   |    ^                                                                 |
//	   v    |                                                                 |
//	 throttle ---> covered by a flood ----- its signal was played ------------|
//	   |    |                                                                 |
//	   v    | interrupted by a worse one, or failed (then later)              |
//	 play --'                                                                 |
//	   | played                                                               |
//	   v                                                                      |
//	 announced; journaled as Announced <--------------------------------------'
//	   |    ^
//	   |    | played: a Repeat
//	   v    |
//	 repeat: waits for repeatInterval; held by quiet hours, a Silence, an acknowledgement
//
// Gone ends it anywhere, and the journal forgets it. If it was announced and its policy has a recovery tone, Inquire
// asks whether the Check passes; on Recovered that is announced (recover).
//
// The words are Alertmanager's. A group is a policy: what one announces sounds as one tone, that of the worst. The
// state is held per failure, in queues by group and severity, so that a change of one failure costs no look at the
// others; what concerns many (policies, silences, quiet hours that begin or end, a namespace's labels) is looked at
// once, in the next Next.
//
// There are two clocks. What has a length is measured by Mono: waits, intervals, retries, the minute of a flood. What
// has a date goes by Wall: quiet hours, Silences, age, the journal. So a wall clock that is set neither repeats nor
// drops an announcement, and Next is due once a minute to see it.
//
// The package holds no lock and no clock, starts no goroutine, and does no input or output: the daemon does (package
// audio).
package dispatch
