package check

import (
	"testing"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/test/chaos/history"
)

// posted is an acknowledged order.
func posted(name string) history.Call {
	return history.Call{Kind: history.Post, Via: "facade-0", Answer: "200", Key: name, Order: name, Name: name, Payload: payload(name, 5)}
}

func TestLost(t *testing.T) {
	try(t, Lost, map[string]tried{
		"Kept": {"it is there to the end", func(s *story) {
			s.call(1, posted("a")).check(1, "ADDED", object{name: "a"}).check(9, history.Final, object{name: "a"})
		}, ""},
		"NeverStored": {"the facade said 200, and nothing came of it", func(s *story) {
			s.call(1, posted("a")).set(2, 1, 10)
		}, "the store never had it"},
		"Deleted": {"a caller may", func(s *story) {
			s.call(1, posted("a")).check(1, "ADDED", object{name: "a"})
			s.call(3, history.Call{Kind: history.Delete, Answer: history.None, Name: "a"}).check(3, "DELETED", object{name: "a"})
		}, ""},
		"DeletedBeforeAnybodyAsked": {"the call came later", func(s *story) {
			s.check(1, "ADDED", object{name: "a"}).check(3, "DELETED", object{name: "a"})
			s.call(5, history.Call{Kind: history.Delete, Answer: "204", Name: "a"})
		}, "by nobody who may"},
		"TimeToLive": {"it was over", func(s *story) {
			s.check(1, "ADDED", object{name: "a", ttl: 5}).check(2, "MODIFIED", object{name: "a", ttl: 5, limit: 10}).check(7.1, "DELETED", object{name: "a", ttl: 5, limit: 10})
		}, ""},
		"BeforeItsTime": {"it had a second left", func(s *story) {
			s.check(1, "ADDED", object{name: "a", ttl: 5}).check(2, "MODIFIED", object{name: "a", ttl: 5, limit: 10}).check(6, "DELETED", object{name: "a", ttl: 5, limit: 10})
		}, "by nobody who may"},
		"WithoutAVerdict": {"a time to live begins with the verdict", func(s *story) {
			s.check(1, "ADDED", object{name: "a", ttl: 5}).check(60, "DELETED", object{name: "a", ttl: 5})
		}, "by nobody who may"},
		"Overdue": {"it should have been deleted long ago", func(s *story) {
			s.check(1, "ADDED", object{name: "a", ttl: 5, limit: 10}).check(100, history.Final, object{name: "a", ttl: 5, limit: 10})
		}, "still there"},
		"DeletedUnseen": {"a caller deleted it while the watch was interrupted", func(s *story) {
			s.call(1, posted("a")).call(2, history.Call{Kind: history.Delete, Answer: "204", Name: "a"}).check(9, history.Listed, object{name: "b"})
		}, ""},
		"LivedUnseen": {"all of its time to live was while the watch was interrupted", func(s *story) {
			short := posted("a")
			short.TTL = 5
			s.check(1, "ADDED", object{name: "b"}).call(2, short).check(9, history.Listed, object{name: "b"})
		}, ""},
		"LongerThanUnseen": {"its time to live was longer than that", func(s *story) {
			long := posted("a")
			long.TTL = 50
			s.check(1, "ADDED", object{name: "b"}).call(2, long).check(9, history.Listed, object{name: "b"})
		}, "the store never had it"},
		"JudgedUnseen": {"it had its verdict then, too", func(s *story) {
			s.check(1, "ADDED", object{name: "a", ttl: 5}).check(9, history.Vanished, object{name: "a", ttl: 5})
		}, ""},
		"Vanished": {"the store does not hold it in the end", func(s *story) {
			s.check(1, "ADDED", object{name: "a"}).check(1, "ADDED", object{name: "b"}).check(9, history.Final, object{name: "b"})
		}, "a: it is not there in the end"},
	})
}

func TestVerdicts(t *testing.T) {
	try(t, Verdicts, map[string]tried{
		"Right": {"the engine says the same", func(s *story) {
			s.set(0, 1, 10).check(1, "ADDED", object{name: "a", amount: 50}).check(2, "MODIFIED", object{name: "a", amount: 50, limit: 10})
		}, ""},
		"Flipped": {"another phase", func(s *story) {
			s.set(0, 1, 10).check(2, "ADDED", object{name: "a", amount: 50, limit: 10, change: func(o *history.Seen) { o.Verdict.Phase = v1alpha1.PhaseSuccess }})
		}, "the verdict is Success, and the engine says Failure"},
		"OtherWords": {"an explanation that the engine does not give", func(s *story) {
			s.set(0, 1, 10).check(2, "ADDED", object{name: "a", limit: 10, change: func(o *history.Seen) { o.Verdict.Digest = "other" }})
		}, "the rest of it is not"},
		"Edited": {"the rules changed, and so did the verdict", func(s *story) {
			s.set(0, 1, 10).check(1, "ADDED", object{name: "a", amount: 50, limit: 10}).set(2, 2, 100).check(3, "MODIFIED", object{name: "a", amount: 50, limit: 100})
		}, ""},
		"StillByTheOld": {"the controller did not know better yet", func(s *story) {
			s.set(0, 1, 10).set(5, 2, 100).check(6, "ADDED", object{name: "a", limit: 10}).check(6.5, "MODIFIED", object{name: "a", limit: 100})
		}, ""},
		"LongGone": {"the rules were others for a minute by then", func(s *story) {
			s.set(0, 1, 10).set(5, 2, 100).check(65, "ADDED", object{name: "a", limit: 10})
		}, "not current at any time"},
		"LongGoneBehindAFault": {"the controller could not know", func(s *story) {
			s.set(0, 1, 10).fault(4, 1, "half-open", "controller-0", history.Begun).set(5, 2, 100)
			s.fault(64, 1, "half-open", "controller-0", history.Over).check(65, "ADDED", object{name: "a", limit: 10})
		}, ""},
		"Unseen": {"the rules were edited twice while the watch was interrupted, and the first of it was not seen", func(s *story) {
			edit := history.Call{Kind: history.SetUpdate, Answer: "200", Name: "orders"}
			s.set(0, 1, 10).check(1, "ADDED", object{name: "a"}).call(3, edit).call(8, edit)
			s.set(9, 3, 1000).entries[len(s.entries)-1].Seen.Type = history.Listed
			s.check(10, history.Listed, object{name: "a", limit: 100})
		}, ""},
		"SeenAll": {"the rules were edited once, which was seen", func(s *story) {
			s.set(0, 1, 10).check(1, "ADDED", object{name: "a"}).call(8, history.Call{Kind: history.SetUpdate, Answer: "200", Name: "orders"})
			s.set(9, 3, 1000).entries[len(s.entries)-1].Seen.Type = history.Listed
			s.check(10, history.Listed, object{name: "a", limit: 100})
		}, "not current at any time"},
		"FromTheFuture": {"by rules that came after it", func(s *story) {
			s.set(0, 1, 10).check(1, "ADDED", object{name: "a", limit: 100}).set(2, 2, 100)
		}, "not current at any time"},
		"EditedUnseen": {"what the verdict is on was edited while the watch was interrupted: the call tells what it was", func(s *story) {
			s.set(0, 1, 10).call(1, history.Call{Kind: history.KubeCreate, Answer: "200", UID: "a", Generation: 1, Payload: payload("a", 5)})
			s.check(2, history.Listed, object{name: "a", amount: 50, generation: 2, limit: 10, change: func(o *history.Seen) { o.Verdict.Generation = 1 }})
		}, "the verdict is Failure, and the engine says Success"},
		"EditedUnknown": {"and no call tells", func(s *story) {
			s.set(0, 1, 10)
			s.check(2, history.Listed, object{name: "a", amount: 50, generation: 2, limit: 10, change: func(o *history.Seen) { o.Verdict.Generation = 1 }})
		}, ""},
		"NeverWas": {"what it is on would have been seen", func(s *story) {
			s.set(0, 1, 10)
			s.check(2, "ADDED", object{name: "a", amount: 50, generation: 2, limit: 10, change: func(o *history.Seen) { o.Verdict.Generation = 1 }})
		}, "a generation that never was"},
		"Again": {"nothing had changed", func(s *story) {
			s.set(0, 1, 10).check(1, "ADDED", object{name: "a", limit: 10}).check(2, "MODIFIED", object{name: "a", limit: 10})
		}, "written again"},
		"NewSpec": {"another generation is another verdict", func(s *story) {
			s.set(0, 1, 10).check(1, "ADDED", object{name: "a", limit: 10})
			s.check(2, "MODIFIED", object{name: "a", amount: 50, generation: 2, limit: 10})
		}, ""},
		"TakenBack": {"a verdict stands", func(s *story) {
			s.set(0, 1, 10).check(1, "ADDED", object{name: "a", limit: 10})
			s.check(2, "MODIFIED", object{name: "a", change: func(o *history.Seen) { o.Verdict.Generation, o.Verdict.Status = 1, "back" }})
		}, "taken back"},
	})
}

func TestFinal(t *testing.T) {
	update := func(name string, amount int, answer string) history.Call {
		return history.Call{Kind: history.KubeUpdate, Answer: answer, Name: name, Order: name, Payload: payload(name, amount)}
	}
	try(t, Final, map[string]tried{
		"Right": {"by the last rules and payload", func(s *story) {
			s.call(1, posted("a")).set(1, 1, 10).finalSet(9, 10).check(9, history.Final, object{name: "a", amount: 5, limit: 10})
		}, ""},
		"OldRules": {"the rules were changed", func(s *story) {
			s.call(1, posted("a")).finalSet(9, 100).check(9, history.Final, object{name: "a", amount: 5, limit: 10})
		}, "not by the last version"},
		"NoVerdict": {"it waits for ever", func(s *story) {
			s.call(1, posted("a")).finalSet(9, 100).check(9, history.Final, object{name: "a", amount: 5})
		}, "no verdict"},
		"OldPayload": {"an acknowledged edit is lost", func(s *story) {
			s.call(1, posted("a")).call(2, update("a", 6, "200")).finalSet(9, 10).check(9, history.Final, object{name: "a", amount: 5, limit: 10})
		}, "not the last that was acknowledged"},
		"MayBe": {"an edit without an answer may have had its effect", func(s *story) {
			s.call(1, posted("a")).call(2, update("a", 6, history.None)).finalSet(9, 10).check(9, history.Final, object{name: "a", amount: 6, limit: 10})
		}, ""},
		"MayBeNot": {"or not", func(s *story) {
			s.call(1, posted("a")).call(2, update("a", 6, history.None)).finalSet(9, 10).check(9, history.Final, object{name: "a", amount: 5, limit: 10})
		}, ""},
	})
}

func TestKeys(t *testing.T) {
	read := func(name, answer string) history.Call {
		return history.Call{Kind: history.Status, Answer: answer, Key: name, Order: name, Name: name}
	}
	remove := func(name, answer string) history.Call {
		return history.Call{Kind: history.Delete, Answer: answer, Key: name, Order: name, Name: name}
	}
	other := posted("a")
	other.Name = "b"
	silent := posted("a")
	silent.Answer, silent.Name = history.None, ""
	try(t, Keys, map[string]tried{
		"Once":      {"the same answer each time", func(s *story) { s.call(1, posted("a")).call(2, posted("a")).call(3, read("a", "200")) }, ""},
		"TwoIDs":    {"a key is one check", func(s *story) { s.call(1, posted("a")).call(2, other) }, "no order of the calls"},
		"Denied":    {"what was acknowledged is not found", func(s *story) { s.call(1, posted("a")).call(2, read("a", "404")) }, "no order of the calls"},
		"BeforeIt":  {"it was not there yet", func(s *story) { s.call(1, read("a", "404")).call(2, posted("a")) }, ""},
		"Silent":    {"without an answer it may be there", func(s *story) { s.call(1, silent).call(2, read("a", "200")).call(3, posted("a")) }, ""},
		"SilentNot": {"or not", func(s *story) { s.call(1, silent).call(2, read("a", "404")) }, ""},
		"Deleted": {"a replica may know it for a moment more", func(s *story) {
			s.call(1, posted("a")).call(2, remove("a", "204")).call(3, read("a", "200")).call(4, read("a", "404"))
		}, ""},
		"DeletedAnew": {"the key is free again", func(s *story) {
			s.call(1, posted("a")).call(2, remove("a", "204")).call(3, posted("a")).call(4, read("a", "200"))
		}, ""},
		"TimeToLive": {"it went by itself", func(s *story) {
			s.call(1, posted("a")).check(1, "ADDED", object{name: "a"}).check(5, "DELETED", object{name: "a"}).call(6, read("a", "404"))
		}, ""},
		"Twins": {"two objects of one payload", func(s *story) {
			s.check(1, "ADDED", object{name: "a", order: "o"}).check(2, "ADDED", object{name: "b", order: "o"})
		}, "two Checks"},
		"OneAfterTheOther": {"the first was gone", func(s *story) {
			s.check(1, "ADDED", object{name: "a", order: "o"}).check(2, "DELETED", object{name: "a", order: "o"}).check(3, "ADDED", object{name: "b", order: "o"})
		}, ""},
	})
}

func TestReads(t *testing.T) {
	// The versions of a are v1, which is pending, and v2, which is a success.
	versions := func(s *story) *story {
		return s.process(0, "facade-0", 1, false).process(0, "facade-1", 1, false).
			check(1, "ADDED", object{name: "a"}).check(2, "MODIFIED", object{name: "a", limit: 10})
	}
	read := func(via, version, status string) history.Call {
		return history.Call{Kind: history.Status, Answer: "200", Via: via, Name: "a", Version: version, Status: status}
	}
	try(t, Reads, map[string]tried{
		"Forward": {"newer is right", func(s *story) {
			versions(s).call(3, read("facade-0", "v1", "pending")).call(4, read("facade-0", "v2", "success"))
		}, ""},
		"Backwards": {"older is not", func(s *story) {
			versions(s).call(3, read("facade-0", "v2", "success")).call(4, read("facade-0", "v1", "pending"))
		}, "version 0 after version 1"},
		"Another": {"another replica may know less", func(s *story) {
			versions(s).call(3, read("facade-0", "v2", "success")).call(4, read("facade-1", "v1", "pending"))
		}, ""},
		"StartedAgain": {"and so may one that was started again", func(s *story) {
			versions(s).call(3, read("facade-0", "v2", "success")).process(3.5, "facade-0", 1, true).process(3.6, "facade-0", 2, false).call(4, read("facade-0", "v1", "pending"))
		}, ""},
		"AtOnce": {"two calls at a time have no order", func(s *story) {
			versions(s).call(3, read("facade-0", "v2", "success")).call(3.05, read("facade-0", "v1", "pending"))
		}, ""},
		"OtherNames": {"a rule that looks at nothing says so", func(s *story) { versions(s).call(3, read("facade-0", "w1", "pending")) }, "no answer"},
		"Otherwise":  {"an answer that the version does not give", func(s *story) { versions(s).call(3, read("facade-0", "v2", "failure")) }, `answered "failure"`},
	})
}

func TestTokens(t *testing.T) {
	made := history.Call{Kind: history.TokenMake, Answer: "201", Token: "t"}
	revoked := history.Call{Kind: history.TokenRevoke, Answer: "204", Token: "t"}
	rotated := func(answer string) history.Call {
		return history.Call{Kind: history.TokenRotate, Answer: answer, Token: "t", Next: "t" + history.Rotated, Grace: 10 * time.Second}
	}
	second := func(answer string) history.Call {
		return history.Call{Kind: history.TokenUse, Answer: answer, Token: "t" + history.Rotated, Via: "facade-1"}
	}
	use := func(answer string, age time.Duration) history.Call {
		return history.Call{Kind: history.TokenUse, Answer: answer, Token: "t", Via: "facade-1", Age: age}
	}
	try(t, Tokens, map[string]tried{
		"Ended":      {"it does not work any more", func(s *story) { s.call(1, made).call(2, revoked).call(20, use("401", 0)) }, ""},
		"AMoment":    {"another replica hears of it soon", func(s *story) { s.call(1, made).call(2, revoked).call(3, use("200", 0)) }, ""},
		"Immortal":   {"it goes on", func(s *story) { s.call(1, made).call(2, revoked).call(20, use("200", 0)) }, "after it was revoked"},
		"Away":       {"the replica says how old its answer is", func(s *story) { s.call(1, made).call(2, revoked).call(40, use("200", 38*time.Second)) }, ""},
		"NotThatOld": {"it knows of the end, and lets it through", func(s *story) { s.call(1, made).call(2, revoked).call(40, use("200", 5*time.Second)) }, "after it was revoked"},
		"AwayUntilThen": {"the replica said so a moment ago, and hears of it soon", func(s *story) {
			s.call(1, made).call(2, revoked).call(40, use("200", 38*time.Second)).call(45, use("200", 0))
		}, ""},
		"BackForLong": {"the replica said so long ago", func(s *story) {
			s.call(1, made).call(2, revoked).call(40, use("200", 38*time.Second)).call(55, use("200", 0))
		}, "after it was revoked"},
		"Refused":     {"it is good", func(s *story) { s.call(1, made).call(2, use("401", 0)) }, "was refused"},
		"RefusedSoon": {"its end is under way", func(s *story) { s.call(1, made).call(2, revoked).call(1.95, use("401", 0)) }, ""},
		"Rotated": {"both work for the grace", func(s *story) {
			s.call(1, made).call(2, rotated("200")).call(5, use("200", 0)).call(5, second("200")).call(30, use("401", 0)).call(30, second("200"))
		}, ""},
		"NoGrace":  {"the old secret was to work for ten seconds", func(s *story) { s.call(1, made).call(2, rotated("200")).call(5, use("401", 0)) }, "was refused"},
		"OldWorks": {"it was to work for ten seconds", func(s *story) { s.call(1, made).call(2, rotated("200")).call(40, use("200", 0)) }, "after it was revoked"},
		"NewFails": {"the new one is good", func(s *story) { s.call(1, made).call(2, rotated("200")).call(40, second("401")) }, "was refused"},
		"RotatedUnknown": {"it may have been rotated, or not", func(s *story) {
			s.call(1, made).call(2, rotated(history.None)).call(30, use("401", 0)).call(31, use("200", 0))
		}, ""},
		"BothRevoked": {"a token's end is that of both", func(s *story) {
			s.call(1, made).call(2, rotated("200")).call(3, revoked).call(30, second("200"))
		}, "after it was revoked"},
		"NeverRevoked": {"it works", func(s *story) { s.call(1, made).call(100, use("200", 0)) }, ""},
		"Stopped": {"a replica that was stopped hears of it when it goes on", func(s *story) {
			s.call(1, made).call(2, revoked).fault(3, 1, "stop", "facade-1", history.Begun).fault(20, 1, "stop", "facade-1", history.Over).call(20.1, use("200", 0))
		}, ""},
	})
}

func TestAlerts(t *testing.T) {
	fails := object{name: "a", amount: 50, limit: 10}
	sound := func(seconds float64) history.Entry {
		return history.Entry{Heard: &history.Heard{Source: history.FromEvent, UID: "a", Reason: "Announced", When: at(seconds)}}
	}
	try(t, Alerts, map[string]tried{
		"Heard": {"once", func(s *story) { s.check(1, "ADDED", fails).add(50, sound(2)).check(60, history.Final, fails) }, ""},
		"Journaled": {"the journal is a trace, too", func(s *story) {
			s.check(1, "ADDED", fails).check(60, history.Final, fails)
			s.add(3, history.Entry{Heard: &history.Heard{Source: history.FromJournal, UID: "a", Reason: "Announced", Key: "sha256:a", When: at(2)}})
		}, ""},
		"Stale": {"what was too old was not heard", func(s *story) {
			s.check(1, "ADDED", fails).check(60, history.Final, fails)
			s.add(3, history.Entry{Heard: &history.Heard{Source: history.FromJournal, UID: "a", Reason: "Announced", Key: "sha256:a", Stale: true}})
		}, "never announced"},
		"Brief": {"it failed for two seconds, and the daemon was killed again and again long after", func(s *story) {
			s.check(1, "ADDED", fails).check(3, "MODIFIED", object{name: "a", amount: 50, limit: 100})
			for i := range 30 {
				s.fault(float64(100+20*i), 1+i, "kill", "alertd", history.Begun).fault(float64(101+20*i), 1+i, "kill", "alertd", history.Over)
			}
			s.check(800, history.Final, object{name: "a", amount: 50, limit: 100})
		}, ""},
		"Mute":  {"nothing was heard for a minute", func(s *story) { s.check(1, "ADDED", fails).check(60, history.Final, fails) }, "never announced"},
		"Short": {"it ended soon", func(s *story) { s.check(1, "ADDED", fails).check(9, "DELETED", fails) }, ""},
		"Away": {"the daemon was down", func(s *story) {
			s.fault(2, 1, "kill", "alertd", history.Begun).check(3, "ADDED", fails).fault(50, 1, "kill", "alertd", history.Over).check(60, history.Final, fails)
		}, ""},
		"Passes": {"nothing to announce", func(s *story) {
			s.check(1, "ADDED", object{name: "a", amount: 5, limit: 10}).check(60, history.Final, object{name: "a", amount: 5, limit: 10})
		}, ""},
		"SeenLate": {"the watch was interrupted, and the daemon's was not", func(s *story) {
			late := fails
			late.change = func(o *history.Seen) { o.Verdict.Completed = began.Add(5 * time.Second) }
			s.check(1, "ADDED", object{name: "a", amount: 50}).check(30, history.Listed, late).add(50, sound(8)).check(90, history.Final, late)
		}, ""},
		"ToldLate": {"the watch was slow, and the daemon's was not", func(s *story) {
			late := fails
			late.change = func(o *history.Seen) { o.Verdict.Completed = began.Add(5 * time.Second) }
			s.check(1, "ADDED", object{name: "a", amount: 50}).check(30, "MODIFIED", late).add(50, sound(8)).check(90, history.Final, late)
		}, ""},
		"EditedUnseen": {"it failed by rules that were replaced before the watch was back, and then by others", func(s *story) {
			late := fails
			late.change = func(o *history.Seen) {
				o.Verdict.Completed, o.Verdict.Since = began.Add(20*time.Second), began.Add(5*time.Second)
			}
			s.set(0, 1, 10).check(1, "ADDED", object{name: "a", amount: 50}).call(19, history.Call{Kind: history.SetUpdate, Answer: "200", Name: "orders"})
			s.check(30, history.Listed, late).add(50, sound(8)).add(50, sound(22)).check(90, history.Final, late)
		}, ""},
		"EditedOnceHeardThrice": {"that explains two", func(s *story) {
			late := fails
			late.change = func(o *history.Seen) {
				o.Verdict.Completed, o.Verdict.Since = began.Add(20*time.Second), began.Add(5*time.Second)
			}
			s.set(0, 1, 10).check(1, "ADDED", object{name: "a", amount: 50}).call(19, history.Call{Kind: history.SetUpdate, Answer: "200", Name: "orders"})
			s.check(30, history.Listed, late).add(50, sound(8)).add(50, sound(22)).add(50, sound(26)).check(90, history.Final, late)
		}, "again without a reason"},
		"EditedUnseenHeardLater": {"and not what is heard long after", func(s *story) {
			late := fails
			late.change = func(o *history.Seen) {
				o.Verdict.Completed, o.Verdict.Since = began.Add(20*time.Second), began.Add(5*time.Second)
			}
			s.set(0, 1, 10).check(1, "ADDED", object{name: "a", amount: 50}).call(19, history.Call{Kind: history.SetUpdate, Answer: "200", Name: "orders"})
			s.check(30, history.Listed, late).add(50, sound(45)).add(50, sound(60)).check(90, history.Final, late)
		}, "again without a reason"},
		"BeforeItFailed": {"it had not failed yet by any account", func(s *story) {
			late := fails
			late.change = func(o *history.Seen) { o.Verdict.Completed = began.Add(20 * time.Second) }
			s.check(1, "ADDED", object{name: "a", amount: 50}).check(30, history.Listed, late).add(50, sound(8)).check(35, "DELETED", late)
		}, "again without a reason"},
		"Twice": {"nothing had happened in between", func(s *story) {
			s.check(1, "ADDED", fails).add(50, sound(2)).add(50, sound(20)).check(60, history.Final, fails)
		}, "again without a reason"},
		"AnotherFailure": {"it had passed in between", func(s *story) {
			s.check(1, "ADDED", fails).check(9, "MODIFIED", object{name: "a", amount: 50, limit: 100}).check(19, "MODIFIED", fails)
			s.add(50, sound(2)).add(50, sound(20)).check(60, history.Final, fails)
		}, ""},
		"BothLate": {"it failed twice while the daemon was away, which then heard of both", func(s *story) {
			other := fails
			other.change = func(o *history.Seen) { o.Verdict.AlertKey = "sha256:b" }
			s.check(1, "ADDED", fails).check(3, "MODIFIED", other).add(50, sound(8)).add(50, sound(9)).check(60, history.Final, other)
		}, ""},
		"ThriceOfTwo": {"and a third time", func(s *story) {
			other := fails
			other.change = func(o *history.Seen) { o.Verdict.AlertKey = "sha256:b" }
			s.check(1, "ADDED", fails).check(3, "MODIFIED", other).add(50, sound(8)).add(50, sound(9)).add(50, sound(20)).check(60, history.Final, other)
		}, "again without a reason"},
		"KilledAtTheSound": {"the journal did not have it", func(s *story) {
			s.check(1, "ADDED", fails).process(0, "alertd", 1, false).process(3, "alertd", 1, true).add(50, sound(2)).add(50, sound(6)).check(60, history.Final, fails)
		}, ""},
		"KilledLater": {"the journal must have had it", func(s *story) {
			s.check(1, "ADDED", fails).process(0, "alertd", 1, false).process(15, "alertd", 1, true).add(50, sound(2)).add(50, sound(20)).check(60, history.Final, fails)
		}, "again without a reason"},
		"FullDisk": {"it could not be kept", func(s *story) {
			s.check(1, "ADDED", fails).fault(1.5, 1, "full-disk", "journal", history.Begun).process(15, "alertd", 1, true)
			s.fault(16, 1, "full-disk", "journal", history.Over).add(50, sound(2)).add(50, sound(20)).check(60, history.Final, fails)
		}, ""},
	})
}

// TestAlertsByKey: which failure a sound is for is known by its key, where the journal has it.
func TestAlertsByKey(t *testing.T) {
	fails := object{name: "a", amount: 50, limit: 10}
	other := fails
	other.change = func(o *history.Seen) { o.Verdict.AlertKey = "sha256:b" }
	sound := func(seconds float64) history.Entry {
		return history.Entry{Heard: &history.Heard{Source: history.FromEvent, UID: "a", Reason: "Announced", When: at(seconds)}}
	}
	journaled := func(seconds float64, key string) history.Entry {
		return history.Entry{Heard: &history.Heard{Source: history.FromJournal, UID: "a", Reason: "Announced", Key: key, When: at(seconds)}}
	}
	try(t, Alerts, map[string]tried{
		"Each": {"one sound for each of two failures", func(s *story) {
			s.check(1, "ADDED", fails).add(3, journaled(2, "sha256:a")).check(20, "MODIFIED", other).add(22, journaled(21, "sha256:b"))
			s.add(50, sound(2)).add(50, sound(21)).check(30, history.Final, other)
		}, ""},
		"NotJournaled": {"the journal's disk was full at the first sound of a key, and not at the second", func(s *story) {
			s.check(1, "ADDED", fails).check(20, "MODIFIED", other).add(22, journaled(21, "sha256:b")).check(40, "MODIFIED", fails)
			s.add(42, journaled(41, "sha256:a")).add(50, sound(2)).add(50, sound(21)).add(50, sound(41)).check(60, history.Final, fails)
		}, ""},
		"TheSameTwice": {"two failures, and both sounds are for the first", func(s *story) {
			s.check(1, "ADDED", fails).add(3, journaled(2, "sha256:a")).check(20, "MODIFIED", other).add(22, journaled(21, "sha256:a"))
			s.add(50, sound(2)).add(50, sound(21)).check(30, history.Final, other)
		}, "again without a reason"},
		"OldTrace": {"it passed, and failed by the same facts: the first sound is none of the second failure", func(s *story) {
			s.check(1, "ADDED", fails).add(3, journaled(2, "sha256:a")).add(50, sound(2))
			s.check(9, "MODIFIED", object{name: "a", amount: 50, limit: 100}).check(19, "MODIFIED", fails).check(80, history.Final, fails)
		}, "never announced"},
		"OldTraceUnseen": {"the daemon was away while it passed", func(s *story) {
			s.check(1, "ADDED", fails).add(3, journaled(2, "sha256:a")).add(50, sound(2)).fault(8, 1, "stop", "alertd", history.Begun)
			s.check(9, "MODIFIED", object{name: "a", amount: 50, limit: 100}).check(19, "MODIFIED", fails).fault(20, 1, "stop", "alertd", history.Over)
			s.check(80, history.Final, fails)
		}, ""},
	})
}

func TestMachine(t *testing.T) {
	sample := func(descriptors, goroutines int, resident int64) history.Entry {
		return history.Entry{Sample: &history.Sample{Process: "facade-0", Descriptors: descriptors, Goroutines: goroutines, Resident: resident}}
	}
	mark := func(what string) history.Entry { return history.Entry{Mark: &history.Mark{What: what}} }
	try(t, Machine, map[string]tried{
		"Level":       {"a little more is right", func(s *story) { s.add(1, sample(20, 50, 50<<20)).add(90, sample(25, 60, 70<<20)) }, ""},
		"Descriptors": {"they leak", func(s *story) { s.add(1, sample(20, 50, 50<<20)).add(90, sample(90, 60, 70<<20)) }, "descriptors: from 20 to 90"},
		"Goroutines":  {"they leak", func(s *story) { s.add(1, sample(20, 50, 50<<20)).add(90, sample(20, 500, 70<<20)) }, "goroutines"},
		"Memory":      {"it grows", func(s *story) { s.add(1, sample(20, 50, 50<<20)).add(90, sample(20, 50, 500<<20)) }, "resident bytes"},
		"Leads": {"the one that stood by leads now", func(s *story) {
			sample := func(name string, goroutines int) history.Entry {
				return history.Entry{Sample: &history.Sample{Process: name, Goroutines: goroutines}}
			}
			s.add(1, sample("controller-0", 45)).add(1, sample("controller-1", 200)).add(90, sample("controller-0", 210)).add(90, sample("controller-1", 45))
		}, ""},
		"Crash": {"a panic", func(s *story) {
			s.add(5, history.Entry{Process: &history.Process{Name: "facade-0", Ended: true, Panic: "panic: oh"}})
		}, "panic: oh"},
		"Unsettled": {"it never comes to rest", func(s *story) { s.add(5, mark(history.Unsettled)) }, "did not settle"},
		"Settled": {"in time", func(s *story) {
			s.add(5, mark(history.FaultsEnd)).add(6, mark(history.CallsEnd)).add(60, mark(history.Settled))
		}, ""},
		"Late": {"past the bound", func(s *story) {
			s.add(5, mark(history.FaultsEnd)).add(6, mark(history.CallsEnd)).add(160, mark(history.Settled))
		}, "settled after"},
	})
}
