package app

import (
	"context"
	"fmt"
	"io"

	"weir/gateway/credential"
	"weir/internal/control"
)

// Rekey encrypts all credentials under the newest key-encryption key, and says on
// out how many there were. Gateways may run meanwhile.
func Rekey(ctx context.Context, o Options, out io.Writer) error {
	if err := o.Kafka.Validate(); err != nil {
		return err
	}
	ring, err := credential.NewKeyring(o.Gateway.CredentialKeys, o.Gateway.CredentialKeysFile)
	if err != nil {
		return err
	}
	if ring.Newest() == "" {
		return fmt.Errorf("rekey: %w; name the keys that the gateways have", credential.ErrNoKey)
	}
	state, err := control.Open(ctx, o.Kafka, o.Logger)
	if err != nil {
		return err
	}
	defer state.Close()
	done, err := credential.Rekey(ctx, state.State, state, ring)
	fmt.Fprintf(out, "%d credentials, %d encrypted anew under %s\n", done.Credentials, done.Rekeyed, ring.Newest())
	return err
}
