package follow

import (
	"testing"
	"time"

	"weir/internal/live"
)

// spent is what one batch changes: its cost says how many records it has.
func spent(pico int64) *live.Deltas {
	d := new(live.Deltas)
	d.AddSpend(time.Unix(1_800_000_000, 0), "org", live.Key, "key", pico)
	return d
}

const old, renewed = live.Epoch("old"), live.Epoch("new")

// The position that Redis has when a partition is assigned at offset 100, and
// the first batch, say what happens.
func TestPositionDecides(t *testing.T) {
	const end = 100
	type redis struct {
		next int64
		held bool
	}
	for name, c := range map[string]struct {
		redis      redis
		batch      int64 // the offset after the first batch; 0 for none
		batchFirst bool  // it comes before the position is known
		want       phase
		wantNext   int64 // of the position, when following
		wantDue    bool
	}{
		"absent":                         {redis{}, 0, false, lost, 0, false},
		"absent, batch first":            {redis{}, 110, true, lost, 0, false},
		"behind":                         {redis{90, true}, 0, false, lost, 0, false},
		"behind, batch first":            {redis{90, true}, 110, true, lost, 0, false},
		"there":                          {redis{100, true}, 0, false, following, 100, false},
		"there, then a batch":            {redis{100, true}, 110, false, following, 100, true},
		"there, batch first":             {redis{100, true}, 110, true, following, 100, true},
		"ahead":                          {redis{110, true}, 0, false, ahead, 0, false},
		"ahead by the batch":             {redis{110, true}, 110, false, following, 110, false},
		"ahead by the batch, that first": {redis{110, true}, 110, true, following, 110, false},
		"ahead by less":                  {redis{105, true}, 110, false, lost, 0, false},
		"ahead by more":                  {redis{120, true}, 110, false, lost, 0, false},
		"ahead by more, batch first":     {redis{120, true}, 110, true, lost, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := assigned(1, end)
			locate := func() { p.locate(live.Position{Epoch: old, Next: c.redis.next}, c.redis.held) }
			deliver := func() {
				if c.batch > 0 {
					p.delivered(end, c.batch, spent(1), 1000)
				}
			}
			if c.batchFirst {
				deliver()
				locate()
			} else {
				locate()
				deliver()
			}
			if p.phase != c.want || c.want == following && p.position.Next != c.wantNext || (p.due() != nil) != c.wantDue {
				t.Errorf("phase %v at %d, due %v; want %v at %d, due %t", p.phase, p.position.Next, p.due(), c.want, c.wantNext, c.wantDue)
			}
		})
	}
}

func TestBatchesThatWaitAreMerged(t *testing.T) {
	p := assigned(1, 0)
	for next := int64(10); next <= 40; next += 10 {
		p.delivered(next-10, next, spent(10), 1000)
	}
	p.locate(live.Position{Epoch: old, Next: 0}, true)
	// The first may be a repeat that Redis holds in part, so it goes alone.
	for _, want := range []live.Range{{Partition: 1, Epoch: old, From: 0, Next: 10}, {Partition: 1, Epoch: old, From: 10, Next: 40}} {
		due := p.due()
		if due == nil || *due != want {
			t.Fatalf("due %v, want %v", due, want)
		}
		p.applied(true)
	}
	if p.due() != nil || p.position != (live.Position{Epoch: old, Next: 40}) {
		t.Errorf("due %v at %v, want nothing at 40", p.due(), p.position)
	}
}

func TestWhatWaitsIsBounded(t *testing.T) {
	p := assigned(1, 0)
	p.delivered(0, 10, spent(1), 1)
	p.delivered(10, 20, spent(1), 1)
	if p.phase != lost || p.flight != nil || p.pending != nil {
		t.Errorf("phase %v, want lost with nothing kept", p.phase)
	}
}

func TestRepeatsAndGapsOfBatches(t *testing.T) {
	start := func() *partition {
		p := assigned(1, 100)
		p.locate(live.Position{Epoch: old, Next: 100}, true)
		p.delivered(100, 110, spent(1), 1000)
		p.applied(true)
		return &p
	}
	for name, c := range map[string]struct {
		from, next int64
		want       phase
		wantFrom   int64 // of what is due, 0 for nothing
	}{
		"the same again":            {100, 110, following, 0},
		"a part of it again":        {100, 105, following, 0},
		"cut otherwise":             {105, 115, lost, 0},
		"what follows":              {110, 120, following, 110},
		"offsets that do not exist": {115, 120, following, 110},
	} {
		t.Run(name, func(t *testing.T) {
			p := start()
			p.delivered(c.from, c.next, spent(1), 1000)
			var from int64
			if due := p.due(); due != nil {
				from = due.From
			}
			if p.phase != c.want || from != c.wantFrom {
				t.Errorf("phase %v, due from %d; want %v, %d", p.phase, from, c.want, c.wantFrom)
			}
		})
	}
}

func TestRestoreTakesWhatCameMeanwhile(t *testing.T) {
	p := assigned(1, 100)
	p.locate(live.Position{}, false)
	before := p.begin()
	p.delivered(100, 110, spent(10), 0)
	p.delivered(110, 120, spent(10), 0)
	p.read(renewed, before, spent(100))
	at, sums := p.gather()
	if want := (live.Position{Epoch: renewed, Next: 120}); at != want {
		t.Errorf("position %v, want %v", at, want)
	}
	p.delivered(120, 130, spent(10), 0) // while it is written
	at, again := p.gather()             // the write failed
	if again != sums || at.Next != 130 {
		t.Errorf("after a failure the write is to 130, got %d", at.Next)
	}
	p.delivered(130, 140, spent(10), 0)
	p.wrote()
	if due := p.due(); due == nil || due.From != 130 || due.Next != 140 {
		t.Errorf("due %v, want [130, 140)", due)
	}
}

func TestPositionThatChangedByItself(t *testing.T) {
	at := live.Position{Epoch: old, Next: 100}
	for name, c := range map[string]struct {
		next int64 // the position at the assignment
		now  live.Position
		held bool
		want phase
	}{
		"as it was":              {100, at, true, following},
		"emptied":                {100, live.Position{}, false, lost},
		"of another epoch":       {100, live.Position{Epoch: renewed, Next: 100}, true, lost},
		"elsewhere":              {100, live.Position{Epoch: old, Next: 90}, true, lost},
		"emptied while ahead":    {110, live.Position{}, false, lost},
		"as it was, while ahead": {110, live.Position{Epoch: old, Next: 110}, true, ahead},
	} {
		t.Run(name, func(t *testing.T) {
			p := assigned(1, 100)
			p.locate(live.Position{Epoch: old, Next: c.next}, true)
			if p.checked(c.now, c.held); p.phase != c.want {
				t.Errorf("phase %v, want %v", p.phase, c.want)
			}
		})
	}
}
