package control

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/schemas"
)

// manyKeys is a log of so many keys in a hundred organisations, each with a budget, a
// label and all that a key refers to.
func manyKeys(t testing.TB, n int) [][]byte {
	t.Helper()
	const orgs = 100
	log := make([][]byte, 0, n+4*orgs)
	add := func(entity proto.Message) {
		r := recordOf(entity)
		r.FoldVersion, r.CommandId, r.Actor = FoldVersion, NewID[*schemas.EndUser](), "key_01K9ZZZZZZZZZZZZZZZZZZZZZA"
		value, err := proto.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, value)
	}
	name := func(prefix string, i int) string { return fmt.Sprintf("%s_01K9ZZZZZZZZZZZZZZZZ%06d", prefix, i) }
	for i := range orgs {
		org := name("org", i)
		add(&schemas.Organization{OrgId: org, Name: "An organisation"})
		add(&schemas.Project{OrgId: org, ProjectId: name("prj", i)})
		add(&schemas.Member{OrgId: org, MemberId: name("mem", i), Email: "someone@example.org"})
		add(&schemas.Group{OrgId: org, GroupId: name("grp", i), Members: map[string]schemas.GroupRole{name("mem", i): schemas.GroupRole_GROUP_ROLE_MEMBER}})
	}
	for i := range n {
		of := i % orgs
		add(&schemas.ApiKey{OrgId: name("org", of), KeyId: name("key", i), Name: "A key with a name", Project: name("prj", of), GroupId: name("grp", of),
			MemberId: name("mem", of), Completions: schemas.Permission_PERMISSION_WRITE, Labels: map[string]string{"environment": "production"},
			Limits:  &schemas.Limits{Budgets: []*schemas.Budget{{Window: schemas.Window_WINDOW_MONTH, LimitPico: 1e12}}, RequestsPerMinute: 60},
			Secrets: []*schemas.Secret{{Hash: hashOf(fmt.Sprint(i)), Hint: "wk_…abcd"}}, CreatedAt: 1764072000000000})
	}
	return log
}

func fold(t testing.TB, log [][]byte) *State {
	t.Helper()
	s := NewState()
	for _, value := range log {
		r := &schemas.ControlRecord{}
		if err := r.UnmarshalVT(value); err != nil {
			t.Fatal(err)
		}
		if v, err := s.Apply(r); err != nil || !v.Accepted {
			t.Fatal(v, err)
		}
	}
	return s
}

// A gateway is not ready before it has folded the log, and holds all of it.
func TestAHundredThousandKeysFoldFastAndSmall(t *testing.T) {
	const keys, mostBytes = 100_000, 200e6
	limit := 2 * time.Second
	if raceDetector {
		limit *= 10 // what it costs
	}
	log := manyKeys(t, keys)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, start := heap(), processorTime(t)
	s := fold(t, log)
	took := processorTime(t) - start // a clock would measure who else uses the machine
	size := heap() - before
	t.Logf("%d keys: %v, %d MB", keys, took, size/1e6)
	if took > limit {
		t.Errorf("took %v, the most is %v", took, limit)
	}
	if size > mostBytes {
		t.Errorf("takes %d bytes, the most is %d", size, uint64(mostBytes))
	}
	if c, ok := s.Caller([32]byte(hashOf("99999"))); !ok || c.Org == nil || c.Project == nil || c.Group == nil || c.Member == nil || len(c.MemberGroups) != 1 {
		t.Errorf("a key leads to %+v", c)
	}
	if got := len(List[*schemas.ApiKey](s, "org_01K9ZZZZZZZZZZZZZZZZ000007")); got != keys/100 {
		t.Errorf("an organisation has %d keys", got)
	}
}

// processorTime is what the process has used, the garbage collector included.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// What every call asks of the control state allocates nothing.
func TestLookupsDoNotAllocate(t *testing.T) {
	m := company(t)
	hash, unknown := [32]byte(hashOf("one")), [32]byte(hashOf("nobody"))
	put(t, m, &schemas.EndUser{OrgId: "o", UserId: "u"})
	for name, lookup := range map[string]func(){
		"caller":         func() { m.Caller(hash) },
		"unknown caller": func() { m.Caller(unknown) },
		"end user":       func() { Get[*schemas.EndUser](m.State, "o", "u") },
		"no end user":    func() { Get[*schemas.EndUser](m.State, "o", "nobody") },
		"access list":    func() { Get[*schemas.AccessList](m.State, "o", "a") },
	} {
		if n := testing.AllocsPerRun(100, lookup); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// BenchmarkCaller is the lookup of a key among 100,000 by its hash.
func BenchmarkCaller(b *testing.B) {
	s := fold(b, manyKeys(b, 100_000))
	hashes := make([][32]byte, 1024)
	for i := range hashes {
		hashes[i] = [32]byte(hashOf(fmt.Sprint(i * 97)))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, ok := s.Caller(hashes[i%len(hashes)]); !ok {
			b.Fatal("not found")
		}
		i++
	}
}

// BenchmarkHasher is what a call pays to have its key hashed.
func BenchmarkHasher(b *testing.B) {
	h := NewHasher("secret")
	b.ReportAllocs()
	for b.Loop() {
		h.Sum("wk_0123456789012345678901234567890123456789")
	}
}

// BenchmarkFold is a start, by record.
func BenchmarkFold(b *testing.B) {
	log := manyKeys(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		fold(b, log)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(log)), "ns/record")
}
