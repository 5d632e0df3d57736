package dispatch

import (
	"container/heap"
	"time"
)

// queue holds failures by when they are due, the earliest first. A failure is in one queue at most, and knows its
// place in it: so one that is gone leaves in logarithmic time.
type queue []*failure

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if q[i].due != q[j].due {
		return q[i].due < q[j].due
	}
	return q[i].order < q[j].order
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push and Pop are container/heap's.
func (q *queue) Push(x any) {
	f := x.(*failure)
	f.place = len(*q)
	*q = append(*q, f)
}

// Pop is container/heap's.
func (q *queue) Pop() any {
	last := len(*q) - 1
	f := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return f
}

// enqueue puts a failure into a queue, to be due at a moment.
func (f *failure) enqueue(q *queue, due time.Duration) {
	f.due, f.queue = due, q
	heap.Push(q, f)
}

// unqueue takes a failure out of the queue that it is in, if it is in one.
func (f *failure) unqueue() {
	if f.queue == nil {
		return
	}
	heap.Remove(f.queue, f.place)
	f.queue = nil
}

// until takes out what is due at a moment or earlier, in this order.
func (q *queue) until(moment time.Duration) []*failure {
	var taken []*failure
	for len(*q) > 0 && (*q)[0].due <= moment {
		f := (*q)[0]
		f.unqueue()
		taken = append(taken, f)
	}
	return taken
}

// all takes everything out, in no particular order.
func (q *queue) all() []*failure {
	taken := *q
	for _, f := range taken {
		f.queue = nil
	}
	*q = nil
	return taken
}
