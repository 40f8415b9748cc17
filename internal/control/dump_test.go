package control

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/schemas"
)

// dump is all of a state that depends on the log, in one order.
func dump(s *State) string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(s.versions)) {
		fmt.Fprintf(&b, "%s stands at %d\n", id, s.versions[id])
	}
	fmt.Fprintf(&b, "cluster %s, retired %v, founded %t\n", text(s.cluster), s.retired, s.founded)
	for _, id := range slices.Sorted(maps.Keys(s.orgs)) {
		fmt.Fprintf(&b, "%s has %s\n", id, &s.orgs[id].balance)
		writeRows[*schemas.Organization](&b, s, id)
		writeRows[*schemas.Project](&b, s, id)
		writeRows[*schemas.Group](&b, s, id)
		writeRows[*schemas.Member](&b, s, id)
		writeRows[*schemas.ApiKey](&b, s, id)
		writeRows[*schemas.AccessList](&b, s, id)
		writeRows[*schemas.Credential](&b, s, id)
		writeRows[*schemas.EndUser](&b, s, id)
		writeRows[*schemas.Credit](&b, s, id)
		for _, v := range List[*schemas.Credential](s, id) {
			for i, c := range s.orgs[id].owned[scopeOf(v.Value)] {
				if c == v.Value {
					fmt.Fprintf(&b, "%s is number %d of its scope\n", nameOf(c), i)
				}
			}
		}
		groups := s.orgs[id].memberGroups
		for _, member := range slices.Sorted(maps.Keys(groups)) {
			fmt.Fprintf(&b, "%s is in", member)
			for _, g := range groups[member] {
				b.WriteString(" " + g.GroupId)
			}
			b.WriteString("\n")
		}
	}
	hashes := slices.SortedFunc(maps.Keys(s.secrets), func(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) })
	for _, hash := range hashes {
		fmt.Fprintf(&b, "%x is %s of %s\n", hash, s.secrets[hash].key.KeyId, s.secrets[hash].key.OrgId)
	}
	return b.String()
}

func writeRows[E Entity](b *strings.Builder, s *State, org string) {
	for _, v := range List[E](s, org) {
		fmt.Fprintf(b, "%s %d %s\n", nameOf(v.Value), v.Version, text(v.Value))
	}
}

// text is a message in its bytes. What is not UTF-8 has none in one order; its name
// and version stand for it.
func text(m proto.Message) string {
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return "not UTF-8"
	}
	return fmt.Sprintf("%x", value)
}

// checkIndexes sees that what is found by other ways than an id is what the
// entities say.
func checkIndexes(t testing.TB, s *State) {
	t.Helper()
	for hash, b := range s.secrets {
		v, ok := Get[*schemas.ApiKey](s, b.key.OrgId, b.key.KeyId)
		if !ok || v.Value != b.key || s.orgs[b.key.OrgId] != b.org || [sha256.Size]byte(b.secret.Hash) != hash {
			t.Errorf("a hash leads to a key that is not: %v", b.key)
		}
	}
	for id, o := range s.orgs {
		in := 0
		for _, v := range o.groups {
			for member := range v.Value.Members {
				in++
				if !slices.Contains(o.memberGroups[member], v.Value) {
					t.Errorf("%s/%s is not in %s", id, member, v.Value.GroupId)
				}
			}
		}
		for _, groups := range o.memberGroups {
			in -= len(groups)
		}
		if in != 0 {
			t.Errorf("%s: members are in %d groups that are not", id, -in)
		}
		sum := new(big.Int)
		for _, v := range o.credits {
			sum.Add(sum, big.NewInt(v.Value.AmountPico))
		}
		if sum.Cmp(&o.balance) != 0 {
			t.Errorf("%s: balance %s, credits %s", id, &o.balance, sum)
		}
	}
}

// checkSecrets sees that each key is found by its hashes, which no two keys share.
func checkSecrets(t testing.TB, s *State) {
	t.Helper()
	for id, o := range s.orgs {
		for _, v := range o.keys {
			for _, secret := range v.Value.Secrets {
				if b := s.secrets[[sha256.Size]byte(secret.Hash)]; b.key != v.Value {
					t.Errorf("%s/%s is not found by its hash", id, v.Value.KeyId)
				}
			}
		}
	}
}
