package eventlog

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"weir/schemas"
)

// This file and its neighbours explore the delivery protocol: a small world of
// two gateways, two consumers, a Kafka and a ClickHouse, in which a seeded walk
// takes one step at a time, any that is possible, faults included. The decisions
// are the product's own: the gateways are Journals on spools in files, and the
// consumers' partitions are the Consumer's, driven by the functions of delivery.go,
// sending.go and shipper.go. Only Kafka, ClickHouse and the clock are made up.
//
// What may happen at any step: a kill or a loss of power of a gateway, with any
// tail of its unsynced spool gone; a kill, a pause or a falling out of the group of
// a consumer; a rebalance; a produce request of which any batches land now, later
// or never; a commit that is refused, lost, late or applied without an answer; an
// insert that is refused, late, applied without an answer, or that leaves its token
// without its rows; hours that pass, after which the server has forgotten tokens.
//
// What is assumed: an insert is over 60 s after it began (insertLimit), a commit
// when its session is; a produce request does not outlive the loss of power of
// its machine by a restart; ClickHouse remembers a token for 11 minutes
// (maxBatchAge and insertLimit together).

// rules are the decisions that a planted bug replaces; everything else is called
// where it is.
type rules struct {
	token        func(topicID string, p Position, b intent, n int, end int64) string // end: of the log
	send         func(d *delivery, rows, dead int, now time.Time) *sending
	announced    func(s *sending, failed bool, now time.Time) step
	inserted     func(s *sending, failed bool, now time.Time) step
	pinned       func(c commitment, newest membership) membership
	checkpointed func(d *delivery, atLeast int64) bool
	answered     func(s *shipment, failed bool) passage
	afterLoss    func(spool string) error // what a loss of power leaves behind, beside lost bytes
}

func product() rules {
	return rules{
		token: func(topicID string, p Position, b intent, n int, _ int64) string {
			return token(topicID, p, b, n)
		},
		send:         (*delivery).send,
		announced:    (*sending).announced,
		inserted:     (*sending).inserted,
		pinned:       func(c commitment, _ membership) membership { return c.membership },
		checkpointed: (*delivery).checkpointed,
		answered:     (*shipment).answered,
		afterLoss:    func(string) error { return nil },
	}
}

// planted are wrong protocols, each of which the walk must find.
var planted = map[string]func(*rules){
	"token from the wrong offset": func(r *rules) {
		r.token = func(topicID string, p Position, b intent, n int, end int64) string {
			b.last = end
			return token(topicID, p, b, n)
		}
	},
	"commit before insert": func(r *rules) {
		r.announced = func(s *sending, failed bool, now time.Time) step {
			if s.announced(failed, now) == stepInsert {
				s.next = stepCommit
			}
			return s.next
		}
	},
	"generation not pinned": func(r *rules) {
		r.pinned = func(_ commitment, newest membership) membership { return newest }
	},
	"progress read from after the batch": func(r *rules) {
		r.checkpointed = func(d *delivery, atLeast int64) bool { return d.folded >= atLeast }
	},
	"seq reused after a lost spool": func(r *rules) {
		r.afterLoss = func(spool string) error { return os.WriteFile(spool+"/closed", nil, 0o600) }
	},
	"a record skipped after a produce error": func(r *rules) {
		r.answered = func(s *shipment, _ bool) passage { return s.answered(false) }
	},
	"a repeat trusted when the server lost its part": func(r *rules) {
		r.inserted = func(s *sending, failed bool, now time.Time) step {
			if s.inserted(failed, now) == stepVerify {
				s.next = stepCommit
			}
			return s.next
		}
	},
	"a repeat inserted under a token that may be forgotten": func(r *rules) {
		r.send = func(d *delivery, rows, dead int, now time.Time) *sending {
			s := d.send(rows, dead, now)
			if s.next == stepVerify {
				s.next = stepInsert
			}
			return s
		}
	},
	"no announcement": func(r *rules) {
		r.send = func(d *delivery, rows, dead int, now time.Time) *sending {
			s := d.send(rows, dead, now)
			if s.next == stepAnnounce {
				s.next = stepInsert
			}
			return s
		}
	},
	"a batch is inserted however old it is": func(r *rules) {
		r.send = func(d *delivery, rows, dead int, now time.Time) *sending {
			return d.send(rows, dead, now.Add(1000*time.Hour))
		}
		r.announced = func(s *sending, failed bool, now time.Time) step {
			next := s.announced(failed, now)
			s.since = now.Add(1000 * time.Hour)
			return next
		}
	},
}

// exploredSteps is how far the walk goes under the product's rules. The race
// detector, which has nothing to find in one goroutine, makes each step cost ten.
func exploredSteps() int {
	if raceDetector {
		return 100_000
	}
	return 3_000_000
}

func TestExploreTheProtocol(t *testing.T) {
	t.Parallel()
	steps, worlds := 0, 0
	for seed := uint64(1); steps < exploredSteps(); seed++ {
		w := walk(t, seed, product())
		if w.wrong != nil {
			t.Fatalf("%v\n%s", w.wrong, w.story())
		}
		steps += w.steps
		worlds++
	}
	t.Logf("%d steps in %d worlds", steps, worlds)
}

func TestExplorationFindsPlantedBugs(t *testing.T) {
	t.Parallel()
	for name, plant := range planted {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began, steps := time.Now(), 0
			r := product()
			plant(&r)
			for seed := uint64(1); time.Since(began) < time.Minute; seed++ {
				w := walk(t, seed, r)
				steps += w.steps
				if w.wrong != nil {
					t.Logf("found after %d steps, %v: %v", steps, time.Since(began).Round(time.Millisecond), w.wrong)
					return
				}
			}
			t.Fatalf("not found within a minute, in %d steps", steps)
		})
	}
}

// world is one walk.
type world struct {
	t         *testing.T
	seed      uint64
	rand      *rand.Rand
	rules     rules
	now       time.Time
	steps     int
	calm      bool // faults are over
	broker    *broker
	server    *server
	gateways  []*gateway
	consumers []*consumer
	requests  []*promise
	told      []string // what happened
	wrong     error    // the promise that was broken
}

const (
	worldPartitions = 2
	worldCalls      = 3 // of each gateway
	worldSteps      = 400
)

// walk builds a world, lets anything happen in it for a while, lets the faults
// end, and then checks the books.
func walk(t *testing.T, seed uint64, r rules) *world {
	w := &world{t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 7)), rules: r, now: noon}
	w.broker = newBroker(w)
	w.server = newServer(w)
	dir, err := os.MkdirTemp(shm(), "weir-explore-") //nolint:usetesting // in memory, and gone with its world
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for i := range 2 {
		w.gateways = append(w.gateways, newGateway(w, fmt.Sprintf("%s/%d", dir, i)))
		w.consumers = append(w.consumers, &consumer{world: w, name: fmt.Sprint("c", i)})
	}
	defer func() {
		for _, g := range w.gateways {
			g.stop()
		}
	}()
	for range worldSteps {
		if w.wrong != nil {
			return w
		}
		w.step()
	}
	w.settle()
	if w.wrong == nil {
		w.balance()
	}
	return w
}

// shm is a folder in memory where there is one: the spools are small files.
func shm() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return os.TempDir()
}

// step lets one thing happen.
func (w *world) step() {
	w.steps++
	w.now = w.now.Add(time.Millisecond)
	switch n := w.rand.IntN(100); {
	case n < 40:
		w.gateways[w.rand.IntN(len(w.gateways))].step()
	case n < 86:
		w.consumers[w.rand.IntN(len(w.consumers))].step()
	case n < 91:
		w.broker.step()
	case n < 96:
		w.server.step()
	case n < 97:
		w.sleep()
	}
}

// sleep lets minutes or hours pass. Nothing that was on its way survives that.
func (w *world) sleep() {
	d := time.Minute + time.Duration(w.rand.Int64N(int64(30*time.Minute)))
	w.tell("%v pass", d)
	w.server.settle()
	w.broker.settle()
	w.now = w.now.Add(d)
	w.server.forget()
}

// settle ends the faults and goes on until nothing is left to do.
func (w *world) settle() {
	w.calm = true
	for range 2000 {
		if w.wrong != nil {
			return
		}
		w.steps++
		w.now = w.now.Add(time.Millisecond)
		w.broker.settle()
		w.server.settle()
		busy := w.broker.regroup()
		for _, g := range w.gateways {
			busy = g.finish() || busy
		}
		for _, c := range w.consumers {
			busy = c.finish() || busy
		}
		if !busy {
			return
		}
	}
	w.fail("it does not come to rest")
}

// balance checks the books of a world at rest.
func (w *world) balance() {
	type key struct {
		topic   string
		request string
	}
	distinct := make(map[key]int)
	for _, id := range w.broker.ids() {
		seen := make(map[string]bool)
		for _, k := range w.broker.logs[id] {
			r := toRecord(k)
			want := 0
			if at := fmt.Sprint(r.Node, "/", r.Seq); !seen[at] {
				seen[at] = true
				want = 1
				distinct[key{string(id.topic), r.RequestID}]++
			}
			if got := w.server.rows[id][r.Offset]; got != want {
				w.fail("record %s/%d/%d (node %s, seq %d) is in the table %d times, want %d", id.topic, id.n, r.Offset, r.Node, r.Seq, got, want)
				return
			}
		}
	}
	for _, r := range w.requests {
		count := func(topic schemas.Topic) int { return distinct[key{string(topic), r.id}] }
		for _, topic := range ledger {
			got, want := count(topic), 1
			if r.rejected {
				want = 0
			}
			// A request that its disk lost with the power may be gone, and Kafka may have some of the rest.
			if r.lost && count(schemas.TopicRequests) == 0 && got <= 1 {
				continue
			}
			if got != want {
				w.fail("request %s is in %s %d times, want %d", r.id, topic, got, want)
				return
			}
		}
	}
}

// promise is one call as its client saw it.
type promise struct {
	id       string
	rejected bool // answered 503: in no book
	lost     bool // its machine lost power before the spool was synced
}

func (w *world) fail(format string, args ...any) {
	if w.wrong == nil {
		w.wrong = fmt.Errorf("seed %d, step %d: %s", w.seed, w.steps, fmt.Sprintf(format, args...))
	}
}

// tell notes what happened, for the one who has to find out why.
func (w *world) tell(format string, args ...any) {
	if testing.Verbose() || os.Getenv("WEIR_EXPLORE_TELL") != "" {
		w.told = append(w.told, fmt.Sprintf("%4d  ", w.steps)+fmt.Sprintf(format, args...))
	}
}

func (w *world) story() string { return strings.Join(w.told, "\n") }

// maybe is true once in n, and never once the faults are over.
func (w *world) maybe(n int) bool { return !w.calm && w.rand.IntN(n) == 0 }
