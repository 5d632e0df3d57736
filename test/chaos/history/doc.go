// Package history is what a run has seen, in the order in which it was seen: one JSON object a line, on disk at once.
//
//	{"at":1200340000,"call":{"kind":"rest.post","via":"facade-0","begin":1180000000,"answer":"200","key":"k-17",...}}
//	{"at":1210000000,"seen":{"type":"MODIFIED","kind":"Check","name":"...","generation":1,"verdict":{...}}}
//	{"at":2000000000,"fault":{"id":3,"kind":"kill","target":"leader","state":"begun"}}
//
// Times are nanoseconds of a clock that cannot be set, since the run began; Start tells what the wall clock said then. Nothing is
// ever changed or taken out. A file that is read again gives the same entries, so that a finished run can be judged anew.
//
// The package decides nothing: what must not be is for package check to say.
package history
