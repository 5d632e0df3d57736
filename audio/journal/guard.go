package journal

import (
	"fmt"
	"runtime/debug"
)

// panicError is a panic, or a fault in mapped memory, that has become an error.
type panicError struct{ cause any }

func (e *panicError) Error() string { return fmt.Sprintf("bbolt has failed: %v", e.cause) }

// guard calls a function of bbolt's. Its assertions panic; and to read a page of the mapping that the file or the medium does
// not have is a fault (SIGBUS), which ends the process unless it is made a panic, for this goroutine.
func guard(call func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = &panicError{cause}
		}
	}()
	return call()
}
