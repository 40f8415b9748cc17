package events

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// between is the mean time from one event to the next.
const between = 2 * time.Millisecond

// generator makes usage events as a busy organisation does: twenty applications with a key each, in five
// projects, with 5,000 users between them, few of whom make most of the calls (Zipf's law, exponent 1.1);
// an application has a model that it uses for most calls and one for the others, of six from two
// providers. The same seed makes the same events, but for their time.
type generator struct {
	message protoreflect.MessageDescriptor
	random  *rand.Rand
	users   *rand.Zipf
	node    string
	at      time.Time // of the newest event
	seq     uint64    // of the newest event
}

// newGenerator begins so early that so many events end about now.
func newGenerator(ctx context.Context, events int) (*generator, error) {
	message, err := usageMessage(ctx)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(1, 2))
	g := &generator{
		message: message, random: random, users: rand.NewZipf(random, 1.1, 1, 4999),
		at: time.Now().Add(-time.Duration(events) * between),
	}
	g.node = g.ulid()
	return g, nil
}

// event is one usage event as it stands in the log.
type event struct {
	requestID string
	seq       uint64
	value     []byte
}

func (g *generator) ulid() string {
	const base32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	var id [26]byte
	ms := g.at.UnixMilli()
	for i := 9; i >= 0; i-- {
		id[i], ms = base32[ms&31], ms>>5
	}
	for i := 10; i < len(id); i++ {
		id[i] = base32[g.random.IntN(len(base32))]
	}
	return string(id[:])
}

// next makes the next event. A call takes three numbers of its node, and its usage the last.
func (g *generator) next() event {
	g.at = g.at.Add(time.Duration(g.random.ExpFloat64() * float64(between)))
	g.seq += 3
	e := event{requestID: "req_" + g.ulid(), seq: g.seq}
	in, out := 100+g.random.Int64N(4000), 20+g.random.Int64N(800)
	cached := g.random.Int64N(2) * in / 2
	user := int(g.users.Uint64())
	key := user % 20
	model := key % 6
	if g.random.IntN(5) == 0 {
		model = (model + 1) % 6
	}

	provider := []string{"openai", "anthropic"}[model%2]

	w := &writer{message: g.message, bytes: make([]byte, 0, 512)}
	w.text("request_id", e.requestID)
	w.text("node", g.node)
	w.number("occurred_at", g.at.UnixMicro())
	w.inner("dimensions", func(w *writer) {
		w.text("org_id", "org_default")
		w.text("project", "prj_"+strconv.Itoa(key%5))
		w.text("key_id", "key_"+strconv.Itoa(key))
		w.text("user_id", "user-"+strconv.Itoa(user))
		w.text("tags", "prod")
		w.text("tags", "team-"+strconv.Itoa(key%8))
		w.inner("extra", func(w *writer) {
			w.text("key", "feature")
			w.text("value", "feature-"+strconv.Itoa(g.random.IntN(12)))
		})
		w.text("origin_title", "App "+strconv.Itoa(key))
		w.text("endpoint", "chat.completions")
		w.text("requested_model", provider+"/model-"+strconv.Itoa(model))
		w.number("stream", g.random.Int64N(2))
	})
	w.text("model", "model-"+strconv.Itoa(model))
	w.text("provider", provider)
	w.text("service_tier", "default")
	w.text("cache", "MISS")
	w.number("status", 200)
	w.inner("tokens", func(w *writer) {
		w.number("input", in-cached)
		w.number("cached_input", cached)
		w.number("output", out)
	})
	w.text("price_version", "config:a7a4bbfa;half-even/1")
	w.number("cost_pico", (in-cached)*150_000+cached*75_000+out*600_000)
	w.number("latency_us", 200_000+g.random.Int64N(3_000_000))
	w.number("ttft_us", 100_000+g.random.Int64N(400_000))
	w.number("attempts", 1)
	w.number("seq", int64(e.seq)) // last, as a gateway's spool writes it
	e.value = w.bytes
	return e
}
