package app

import (
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/gateway/credential"
	"weir/internal/control"
	"weir/internal/eventlog"
	"weir/internal/eventlog/kafkatest"
	"weir/schemas"
)

// newKey is a key-encryption key, which follows from its id.
func newKey(id string) string {
	return id + ":" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(id, 32)[:32]))
}

// The way of a rotation: both keys, rekey, the new one alone.
func TestRekey(t *testing.T) {
	o := Options{Kafka: eventlog.DefaultConfig(), Gateway: DefaultConfig(), Logger: slog.New(slog.DiscardHandler)}
	o.Kafka.Brokers = kafkatest.Start(t)
	if err := Rekey(t.Context(), o, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "gateway.credential_keys") {
		t.Errorf("without a key: %v", err)
	}
	old, err := credential.NewKeyring([]string{newKey("old")}, "")
	if err != nil {
		t.Fatal(err)
	}
	state, err := control.Open(t.Context(), o.Kafka, o.Logger)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	c := &schemas.Credential{OrgId: "org", CredentialId: "crd", Provider: "openai"}
	if err := old.Seal(c, "sk-of-the-organisation"); err != nil {
		t.Fatal(err)
	}
	change := control.Change{Actor: control.ActorSystem}
	if err := control.Put(t.Context(), state, &schemas.Organization{OrgId: "org"}, change); err != nil {
		t.Fatal(err)
	}
	if err := control.Put(t.Context(), state, c, change); err != nil {
		t.Fatal(err)
	}

	o.Gateway.CredentialKeysFile = filepath.Join(t.TempDir(), "keys")
	text := "# the newest first\n" + newKey("new") + "\n" + newKey("old") + "\n"
	if err := os.WriteFile(o.Gateway.CredentialKeysFile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 credentials, 1 encrypted anew under new\n", "1 credentials, 0 encrypted anew under new\n"} {
		var out strings.Builder
		if err := Rekey(t.Context(), o, &out); err != nil || out.String() != want {
			t.Errorf("got %q, %v, want %q", out.String(), err, want)
		}
	}
	after, err := control.Open(t.Context(), o.Kafka, o.Logger)
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	now, _ := control.Get[*schemas.Credential](after.State, "org", "crd")
	alone, err := credential.NewKeyring([]string{newKey("new")}, "")
	if err != nil {
		t.Fatal(err)
	}
	if key, err := alone.Open(now.Value); err != nil || key != "sk-of-the-organisation" || now.Version != 2 || now.Value.Hint != "tion" {
		t.Errorf("got %q at version %d, %v", key, now.Version, err)
	}
}
