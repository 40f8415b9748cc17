package control

import "time"

// Key is an API key as the gateway needs it for every call: who it belongs to
// and what it may do. Its secret is not here, only HashKey's result is kept.
type Key struct {
	ID       string
	Name     string
	OrgID    string
	Project  string // "" for none, as are the next two
	GroupID  string
	MemberID string

	Logging   bool      // prompts and completions are captured
	Disabled  bool      // refused until it is enabled again
	ExpiresAt time.Time // refused from then on; zero for never
}

// Live tells that the key may be used at the given moment.
func (k *Key) Live(now time.Time) bool {
	return !k.Disabled && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}
