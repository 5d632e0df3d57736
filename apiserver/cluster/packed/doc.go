// Package packed is how the facade holds Checks in memory: what lists and bounds go by as it is, and all else compressed.
//
//	informer --Transform--> *Check --> the informer's store, event handlers
//	                          |
//	                          +-- Namespace, Name, UID, Owner, Created, Phase, Bytes: at hand
//	                          +-- passages: shared by all Checks that cite them
//	                          +-- text: the rest, as JSON (RFC 8259), deflated (RFC 1951) with a dictionary
//	                                |
//	                              Whole --> *v1alpha1.Check
//
// A Check that has no verdict is held as it is: it changes soon. Of those with one, a few that were packed or read lately are at hand whole, since who
// waits for a verdict reads it just then.
//
// Compressing goes by a dictionary of what is in every Check, and of the Check's own passages, which its explanation quotes.
package packed
