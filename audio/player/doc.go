// Package player plays a sound in a process of its own, in a sandbox, and is done when that process is gone.
//
//	report, err := (&player.Player{}).Play(ctx, player.Job{Pattern: "high", Volume: 80, Device: device})
//
// A sound may come from strangers, the decoders and ALSA are large, and a driver may hang: so one sound is one process, and whatever becomes of it
// costs that one announcement.
//
//	parent (this package)                       player (package child)
//	  starts it in a process group of its own,
//	  with an empty environment
//	  stdin:  length, header ----------------->  reads the header, which only the parent has written
//	                                             sandbox.Enforce
//	  stdout: what is enforced  <--------------
//	  stdin:  the sound file, if any  -------->  decodes it
//	  stdout: started           <--------------  output.Play
//	  stdout: ended, or why not <--------------
//	  stdin stays open          -------------->  its end ends the player
//	  reaps it
//
// The player has three pipes, and for a recording the file, as descriptor 3; nothing else of the parent's.
//
// A player does not outlive its parent. The kernel kills it when the thread that started it ends, which is why Play keeps its thread; and it ends by
// itself at the end of stdin. It has at most a deadline to live: the parent kills its process group then, and the player, should
// nobody do that, ends a little later.
//
// What the player says is not trusted: it is bounded, its text is made printable, and moments are the parent's.
package player
