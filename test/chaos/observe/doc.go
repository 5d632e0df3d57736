// Package observe writes down what happens without anybody having asked for it: every version of every Check, RuleSet and ConfigMap, as the
// store has them, and what the alert daemon leaves of each announcement.
//
//	w := observe.Watch(client, "shop", log)
//	go w.Run(ctx, &v1alpha1.CheckList{})
//	...
//	a := &observe.Announcements{Journal: path, Recordings: folder, ...}
//
// The watch is on no link that faults touch. While the API server is away it waits, and goes on where it was; where the server
// does not have that any more, it lists, and what came between is missing in the history: LISTED and VANISHED tell.
package observe
