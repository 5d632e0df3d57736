// Package tally tells what many payloads came to, in the words and the order of a batch's verdict. The engine writes verdicts with it, and
// whoever puts verdicts of several batches together writes the same:
//
//	Headline:  Failure: of 500 payloads, 3 failed, 1 could not be evaluated, 496 passed.
//	Tell:      payload 17 (A-1018): orders/amount-range (error) failed at /amount: expected a number at most 10000, found 99999
//	Indexes:   17,42-44
//	Rank:      which payload is worse
//
// It evaluates nothing, and searches no knowledge.
package tally
