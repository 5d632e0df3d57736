package account

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/apiserver/cluster"
	"github.com/checky-dev/checky/apiserver/password"
)

// How Secrets are told apart. FacadeLabel is what the cache is filtered by.
const (
	FacadeLabel  = cluster.FacadeLabel  // account or token
	AccountLabel = "checky.dev/account" // the account's id

	lastUsedAnnotation = "checky.dev/last-used-at" // RFC 3339

	kindAccount, kindToken     = "account", "token"
	typeAccount, typeToken     = corev1.SecretType("checky.dev/account"), corev1.SecretType("checky.dev/token")
	accountPrefix, tokenPrefix = "checky-account-", "checky-token-"
	accountData, tokenData     = "account.json", "token.json"
)

// maxDocument bounds what is decoded of a Secret, in bytes. What the facade writes is below 2 KiB.
const maxDocument = 16 << 10

// accountRecord is account.json.
type accountRecord struct {
	ID           string    `json:"id"` // a ULID in lower case
	Email        string    `json:"email"`
	PasswordHash string    `json:"passwordHash"` // PHC
	CreatedAt    time.Time `json:"createdAt"`
	// Verified: somebody who reads the address's mail has set a password.
	Verified bool `json:"verified,omitzero"`
	// Epoch is raised by each new password. Sessions carry the one they were made in, and are void in another.
	Epoch int `json:"epoch"`
	// KeptSession is the id of the session in which the password was last changed: it goes on in the new epoch.
	KeptSession string `json:"keptSession,omitzero"`
	// TokenEpoch is the same for API tokens. It is raised once: when the address first proves itself.
	TokenEpoch int          `json:"tokenEpoch"`
	Reset      *resetRecord `json:"reset,omitzero"`

	LastResetMailAt time.Time `json:"lastResetMailAt,omitzero"`
	// ResetMails is how many reset mails went out since one was used, or since there was none for a day.
	ResetMails          int       `json:"resetMails,omitzero"`
	LastSignUpAttemptAt time.Time `json:"lastSignUpAttemptAt,omitzero"`
	LastSignUpMailAt    time.Time `json:"lastSignUpMailAt,omitzero"`
}

// resetRecord is a reset that was mailed and not used.
type resetRecord struct {
	SHA256    digest    `json:"sha256"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// tokenRecord is token.json.
type tokenRecord struct {
	ID      string `json:"id"`
	Account string `json:"account"` // its id
	Locator string `json:"locator"` // of its account
	Name    string `json:"name,omitzero"`
	Session bool   `json:"session,omitzero"`
	Epoch   int    `json:"epoch"` // of the account when it was made: Epoch of a session, TokenEpoch of an API token
	SHA256  digest `json:"sha256"`
	// Previous is the secret before the last rotation, while it is still good.
	Previous  *previousRecord `json:"previous,omitzero"`
	CreatedAt time.Time       `json:"createdAt"`
	ExpiresAt time.Time       `json:"expiresAt"`
}

type previousRecord struct {
	SHA256    digest    `json:"sha256"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// MarshalText is hexadecimal.
func (d digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads hexadecimal of the right length.
func (d *digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return errDocument
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// errDocument says that a Secret is not what the facade writes, and nothing of what is in it.
var errDocument = errors.New("the Secret is not one that the facade wrote")

// decodeStrictly reads a JSON document that has no more than the record's fields.
func decodeStrictly(data []byte, record any) error {
	if len(data) == 0 || len(data) > maxDocument {
		return errDocument
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if d.Decode(record) != nil {
		return errDocument // A decoding error may quote the document.
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errDocument
	}
	return nil
}

// readAccount reads an account's Secret.
func readAccount(secret *corev1.Secret) (*accountRecord, error) {
	r := &accountRecord{}
	if err := decodeStrictly(secret.Data[accountData], r); err != nil {
		return nil, err
	}
	address, err := canonical(r.Email)
	_, errID := ulid.ParseStrict(r.ID)
	if err != nil || errID != nil || address != r.Email || secret.Name != accountPrefix+locator(address) || secret.Type != typeAccount ||
		r.ID != strings.ToLower(r.ID) || secret.Labels[AccountLabel] != r.ID || r.Epoch < 0 || r.TokenEpoch < 0 ||
		!password.Readable(r.PasswordHash) {
		return nil, errDocument
	}
	return r, nil
}

// readToken reads a token's Secret.
func readToken(secret *corev1.Secret) (*tokenRecord, error) {
	r := &tokenRecord{}
	if err := decodeStrictly(secret.Data[tokenData], r); err != nil {
		return nil, err
	}
	if secret.Name != tokenPrefix+r.ID || secret.Type != typeToken || secret.Labels[AccountLabel] != r.Account || r.Account == "" ||
		len(r.Locator) != locatorLength || r.SHA256 == (digest{}) || r.ExpiresAt.IsZero() || r.Epoch < 0 {
		return nil, errDocument
	}
	return r, nil
}

// encode writes a record, which always works: it has strings, numbers and times of this era.
func encode(record any) []byte {
	data, err := json.Marshal(record)
	if err != nil {
		panic(err)
	}
	return data
}

// secretOf makes the Secret of a new account.
func (r *accountRecord) secretOf(namespace string) *corev1.Secret {
	return newSecret(namespace, accountPrefix+locator(r.Email), kindAccount, r.ID, typeAccount, accountData, r)
}

// secretOf makes the Secret of a new token.
func (r *tokenRecord) secretOf(namespace string) *corev1.Secret {
	return newSecret(namespace, tokenPrefix+r.ID, kindToken, r.Account, typeToken, tokenData, r)
}

func newSecret(namespace, name, kind, account string, secretType corev1.SecretType, key string, record any) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, Labels: map[string]string{FacadeLabel: kind, AccountLabel: account},
		},
		Type: secretType,
		Data: map[string][]byte{key: encode(record)},
	}
}

// standing compares a token's epoch with its account's: below 0 the token has ended, at 0 it is good, and above 0 the
// account is known in an older version than the token.
func (r *accountRecord) standing(t *tokenRecord) int {
	switch {
	case !t.Session:
		return cmp.Compare(t.Epoch, r.TokenEpoch)
	case t.ID == r.KeptSession:
		return 0
	}
	return cmp.Compare(t.Epoch, r.Epoch)
}

// rateOf reads RateAnnotation: 0 where there is none. ok is false where it is not a rate.
func rateOf(secret *corev1.Secret) (rate int, ok bool) {
	text, found := secret.Annotations[RateAnnotation]
	if !found {
		return 0, true
	}
	rate, err := strconv.Atoi(text)
	if err != nil || rate < 1 || rate > MaxRate {
		return 0, false
	}
	return rate, true
}
