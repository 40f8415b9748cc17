package control

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"weir/schemas"
)

// FuzzFold folds a log of anything: each record is folded by all readers alike or
// by none, and what is found by hash, group and balance stays what the entities say.
func FuzzFold(f *testing.F) {
	golden, err := filepath.Glob("../../schemas/testdata/golden/control_*.pb")
	if err != nil || len(golden) == 0 {
		f.Fatalf("no golden records: %v", err)
	}
	var all []byte
	for _, path := range golden {
		value, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		one := append(binary.AppendUvarint(nil, uint64(len(value))), value...)
		f.Add(one)
		all = append(all, one...)
	}
	f.Add(all)
	for _, value := range manyKeys(f, 1)[:5] {
		all = append(append(all, byte(len(value)%128)), value...)
	}
	f.Add(all)
	f.Fuzz(func(t *testing.T, log []byte) {
		a, b := NewState(), NewState()
		for len(log) > 0 {
			n, prefix := binary.Uvarint(log)
			if prefix <= 0 {
				return
			}
			log = log[prefix:]
			value := log[:min(n, uint64(len(log)))]
			log = log[len(value):]
			before := dump(a)
			va, errA := foldBytes(a, value)
			vb, errB := foldBytes(b, value)
			if va != vb || (errA == nil) != (errB == nil) || dump(a) != dump(b) {
				t.Fatalf("readers differ: %v %v, %v %v", va, errA, vb, errB)
			}
			if after := dump(a); (errA != nil || !va.Accepted) && after != before {
				t.Fatalf("verdict %v, %v, and the state changed from\n%s\nto\n%s", va, errA, before, after)
			}
		}
		checkIndexes(t, a)
	})
}

func foldBytes(s *State, value []byte) (Verdict, error) {
	r := &schemas.ControlRecord{}
	if err := r.UnmarshalVT(value); err != nil {
		return Verdict{}, err
	}
	return s.Apply(r)
}
