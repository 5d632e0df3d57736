package alerts

import "time"

// Silence is a Silence that can be used.
type Silence struct {
	Namespace, Name  string
	StartsAt, EndsAt time.Time // the zero StartsAt: since ever
}
