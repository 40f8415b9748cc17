package control

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/schemas"
)

// world is a log with writers that each see it as far as they have read.
type world struct {
	t       *testing.T
	rnd     *rand.Rand
	log     [][]byte
	at      []string  // the state after each record, by the first reader to get there
	verdict []Verdict // and what it said of the record
	readers []*reader
}

// reader is a gateway: it folds the log at its own pace and writes by what it knows.
type reader struct {
	state *State
	next  int // offset
	wrote int
}

// read folds the next record and compares with whoever was here before.
func (w *world) read(r *reader) {
	record := &schemas.ControlRecord{}
	if err := record.UnmarshalVT(w.log[r.next]); err != nil {
		w.t.Fatal(err)
	}
	v, err := r.state.Apply(record)
	if err != nil {
		w.t.Fatal(err)
	}
	switch got := dump(r.state); {
	case r.next == len(w.at):
		w.at, w.verdict = append(w.at, got), append(w.verdict, v)
	case w.at[r.next] != got || w.verdict[r.next] != v:
		w.t.Fatalf("offset %d: verdict %v, want %v; state\n%s\nwant\n%s", r.next, v, w.verdict[r.next], got, w.at[r.next])
	}
	r.next++
}

// write proposes a change to some entity as the reader sees it; few entities, so
// that many race.
func (w *world) write(i int, r *reader) {
	if len(w.log) > 0 && w.rnd.IntN(8) == 0 {
		w.log = append(w.log, w.log[w.rnd.IntN(len(w.log))]) // a repeat of a command
		return
	}
	record := w.change()
	record.FoldVersion, record.ExpectedVersion = FoldVersion, r.state.versions[record.EntityId]
	record.CommandId = fmt.Sprint(i, "/", r.wrote)
	record.OccurredAt, record.Actor = w.rnd.Int64N(1000), [...]string{"key_1", ActorOperator, ActorBootstrap}[w.rnd.IntN(3)]
	r.wrote++
	value, err := proto.Marshal(record)
	if err != nil {
		w.t.Fatal(err)
	}
	w.log = append(w.log, value)
}

func (w *world) change() *schemas.ControlRecord {
	some := func(prefix string) string { return fmt.Sprint(prefix, w.rnd.IntN(3)) }
	key := some("k")
	org, name := fmt.Sprint("org", w.rnd.IntN(2)), fmt.Sprint(w.rnd.IntN(1000))
	limits := &schemas.Limits{Budgets: []*schemas.Budget{{Window: schemas.Window(w.rnd.IntN(5)), LimitPico: w.rnd.Int64()}}}
	entities := []any{
		&schemas.Organization{OrgId: org, Name: name, Prepaid: w.rnd.IntN(2) == 0},
		&schemas.Project{OrgId: org, ProjectId: some("p"), Name: name},
		&schemas.Member{OrgId: org, MemberId: some("m"), Name: name, Limits: limits},
		&schemas.Group{OrgId: org, GroupId: some("g"), Name: name, Members: map[string]schemas.GroupRole{some("m"): 1, some("m"): 2}},
		&schemas.ApiKey{OrgId: org, KeyId: key, Name: name, GroupId: some("g"), MemberId: some("m"), Limits: limits,
			Secrets: []*schemas.Secret{{Hash: hashOf(some(org + key))}, {Hash: hashOf(some(org + key))}}},
		&schemas.AccessList{OrgId: org, AccessListId: some("a"), Name: name, Chat: []string{name}},
		&schemas.Credential{OrgId: org, CredentialId: some("c"), Ciphertext: []byte(name)},
		&schemas.EndUser{OrgId: org, UserId: some("u/"), Limits: limits},
		&schemas.Credit{OrgId: org, CreditId: some("c"), AmountPico: w.rnd.Int64N(1000) - 500, Reason: name},
		&schemas.ClusterSettings{PartitionCount: int32(w.rnd.IntN(10) + 1), Bootstrapped: w.rnd.IntN(10) == 0},
		&schemas.NodeRetired{Node: some("n"), LastSeq: w.rnd.Uint64N(100)},
	}
	pick := w.rnd.IntN(len(entities))
	record := recordOf(entities[pick])
	if pick < len(entities)-2 && w.rnd.IntN(4) == 0 {
		record.Change = &schemas.ControlRecord_Deleted{Deleted: &schemas.Deleted{}}
	}
	return record
}

// Whatever writers do at whatever time, all readers agree at each offset, and of
// those who race for one version of an entity exactly one wins.
func TestReadersAgreeAndOneRacerWins(t *testing.T) {
	const steps = 700
	racing, repeats := 0, 0
	for seed := range uint64(4) {
		w := &world{t: t, rnd: rand.New(rand.NewPCG(seed, 4))}
		for range 2 + seed%4 {
			w.readers = append(w.readers, &reader{state: NewState()})
		}
		for range steps {
			i := w.rnd.IntN(len(w.readers))
			r := w.readers[i]
			if r.next == len(w.log) || w.rnd.IntN(2) == 0 {
				w.write(i, r)
				continue
			}
			for range min(1+w.rnd.IntN(6), len(w.log)-r.next) {
				w.read(r)
			}
		}
		// One that starts now sees what all saw.
		for _, r := range append(w.readers, &reader{state: NewState()}) {
			for r.next < len(w.log) {
				w.read(r)
			}
			checkIndexes(t, r.state)
			checkSecrets(t, r.state)
		}
		a, b := w.checkRaces()
		racing, repeats = racing+a, repeats+b
	}
	if racing < 100 || repeats < 100 {
		t.Errorf("%d commands lost a race and %d were repeats, which shows little", racing, repeats)
	}
}

// checkRaces judges the log by itself, without the fold, and counts the commands that
// lost a race and those that were repeats.
func (w *world) checkRaces() (racing, repeats int) {
	type race struct {
		entity  string
		version uint64
	}
	first := map[string]Verdict{}
	winners := map[race]int{}
	for offset, value := range w.log {
		record := &schemas.ControlRecord{}
		if err := record.UnmarshalVT(value); err != nil {
			w.t.Fatal(err)
		}
		v := w.verdict[offset]
		if before, repeat := first[record.CommandId]; repeat {
			repeats++
			if before.Repeated = true; v != before {
				w.t.Errorf("offset %d: a repeat got %v after %v", offset, v, before)
			}
			continue
		}
		first[record.CommandId] = v
		at := race{record.EntityId, record.ExpectedVersion}
		if _, other := winners[at]; other {
			racing++
		}
		if v.Accepted {
			winners[at]++
		} else if winners[at] == 0 {
			w.t.Errorf("offset %d: the first to expect %v was refused", offset, at)
		}
	}
	for at, n := range winners {
		if n != 1 {
			w.t.Errorf("%v has %d winners", at, n)
		}
	}
	return racing, repeats
}
