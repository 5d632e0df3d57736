package account

import (
	"fmt"
	"testing"

	passwords "github.com/checky-dev/checky/apiserver/password"
)

// realHasher hashes as a service does.
func realHasher(b *testing.B) func(*Options) {
	return func(o *Options) {
		h, err := passwords.NewHasher(passwords.Default, 2, 64)
		if err != nil {
			b.Fatal(err)
		}
		o.Hasher = h
		o.Mailer, o.ExternalURL = nil, nil
		o.MaxAccounts = 1_000_000
	}
}

// Without a quantum, sign-up takes the same for a free and for a taken address.
func BenchmarkSignUp(b *testing.B) {
	r := newReplica(b, newNamespace(b), realHasher(b))
	r.user(b, ann)
	n := 0
	for name, email := range map[string]func() string{
		"taken": func() string { return ann },
		"free":  func() string { n++; return fmt.Sprintf("user%d@example.com", n) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := r.SignUp(b.Context(), email(), phrase, client1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Without a quantum, a failed login takes the same for a known and for an unknown address.
func BenchmarkLogIn(b *testing.B) {
	r := newReplica(b, newNamespace(b), realHasher(b))
	r.failures.most = 1 << 30
	r.user(b, ann)
	for name, email := range map[string]string{"known": ann, "unknown": "bob@example.com"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.LogIn(b.Context(), email, newer, client1); err == nil {
					b.Fatal("a wrong password logs in")
				}
			}
		})
	}
}
