package eventlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"weir/internal/eventlog/spool"
	"weir/schemas"
)

// Errors of Begin and Refuse, both answered with 503.
var (
	// ErrSpoolFull means that Kafka was away for so long that the spool is at its bound.
	ErrSpoolFull = spool.ErrFull
	// ErrSpoolBroken means that the spool cannot be written.
	ErrSpoolBroken = errors.New("spool cannot be written")
	// ErrNodeRetired means that `ingest retire` ended this node while it was alive.
	ErrNodeRetired = errors.New("this node was retired in the control log: stop this gateway and move its spool folder away")
)

const (
	// maxEventBytes bounds an event before it is spooled.
	maxEventBytes = 512 << 10
	// outcomeBytes is set aside for a call's outcome and usage beyond what its
	// request repeats: attempts, error text, names.
	outcomeBytes = 16 << 10
	// stuckRetry is how often outcomes that could not be written are tried again.
	stuckRetry = 200 * time.Millisecond
)

// Journal is a gateway's end of the log: every event is on the spool when the
// method that writes it returns, and is carried into Kafka from there.
//
// All methods may be called concurrently. An outcome that cannot be written is
// kept in memory, reported as an error, tried again until it is written, and
// keeps new calls out meanwhile.
type Journal struct {
	node       string
	partitions int32
	fsync      spool.Fsync
	log        *spool.Log
	folder     *spool.Folder
	logger     *slog.Logger
	metrics    *journalMetrics
	shipping   *shipping

	mu    sync.Mutex // owns everything below and the order of appends
	seq   uint64
	frame []byte
	open  map[*Call]struct{}
	stuck []*outcome
	ended bool // retired while it is alive

	stop chan struct{}
	done sync.WaitGroup
}

// Call is a call whose request is recorded and whose outcome is not.
type Call struct {
	journal *Journal
	request entry
	reserve int64
	// Owned by Journal.mu.
	closed bool
	usage  uint64 // seq of the UsageRecorded, 0 while it is not written
}

// outcome is what Complete writes.
type outcome struct {
	call    *Call
	entries []entry
}

// Node is the identity under which the journal writes.
func (j *Journal) Node() string { return j.node }

// Begin writes the request and sets room aside for its outcome; payload says
// that a PayloadCaptured may come with it. It stamps node and seq.
func (j *Journal) Begin(r *schemas.RequestReceived, payload bool) (*Call, error) {
	r.Node = j.node
	e, err := j.encode(schemas.TopicRequests, r.RequestId, r)
	if err != nil {
		return nil, err
	}
	c := &Call{journal: j, request: e, reserve: int64(len(e.value)) + outcomeBytes}
	if payload {
		c.reserve += maxEventBytes
	}
	j.mu.Lock()
	if err := j.refuses(); err != nil {
		j.mu.Unlock()
		return nil, err
	}
	entries := [1]entry{e}
	end, err := j.append(frameEvents, "", entries[:], c.reserve, 0)
	if err == nil {
		c.request = entries[0]
		j.open[c] = struct{}{}
	}
	j.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := j.sync(end); err != nil {
		// The request may or may not outlive a loss of power, and the call is
		// refused: close it, so that it is not open for ever.
		return nil, errors.Join(err, j.abandon(c, r))
	}
	return c, nil
}

// refuses says why no new call is taken; mu is held.
func (j *Journal) refuses() error {
	switch {
	case j.ended:
		return ErrNodeRetired
	case len(j.stuck) > 0:
		return fmt.Errorf("%w: %d outcomes wait", ErrSpoolBroken, len(j.stuck))
	}
	return nil
}

// Refuse writes the three events of a call that never goes upstream, together.
func (j *Journal) Refuse(r *schemas.RequestReceived, resp *schemas.ResponseCompleted, u *schemas.UsageRecorded) error {
	r.Node = j.node
	request, err := j.encode(schemas.TopicRequests, r.RequestId, r)
	if err != nil {
		return err
	}
	rest, err := j.encodeOutcome(resp, u, nil)
	if err != nil {
		return err
	}
	entries := append([]entry{request}, rest...)
	j.mu.Lock()
	if j.ended {
		j.mu.Unlock()
		return ErrNodeRetired
	}
	end, err := j.append(frameEvents, "", entries, 0, 0)
	j.mu.Unlock()
	if err != nil {
		return err
	}
	return j.sync(end)
}

// Complete writes outcome, usage and, where not nil, the payload as one record,
// so that a kill never parts them. It is called once; nil means that they are
// on the spool.
func (c *Call) Complete(resp *schemas.ResponseCompleted, u *schemas.UsageRecorded, p *schemas.PayloadCaptured) error {
	j := c.journal
	entries, err := j.encodeOutcome(resp, u, p)
	if err != nil {
		return err
	}
	j.mu.Lock()
	if c.closed {
		j.mu.Unlock()
		return fmt.Errorf("complete call %s: it has an outcome already", c.request.requestID)
	}
	c.closed = true
	end, err := j.complete(&outcome{c, entries})
	j.mu.Unlock()
	if err != nil {
		return err
	}
	return j.sync(end)
}

// complete appends an outcome or keeps it to be tried again.
func (j *Journal) complete(o *outcome) (spool.Position, error) {
	end, err := j.append(frameEvents, "", o.entries, 0, o.call.reserve)
	if err != nil {
		j.stuck = append(j.stuck, o)
		return end, err
	}
	delete(j.open, o.call)
	for i := range o.entries {
		if o.entries[i].topic == schemas.TopicUsage {
			o.call.usage = o.entries[i].seq
		}
	}
	return end, nil
}

// UsageSeq is the number of the call's UsageRecorded, 0 while it is not on the
// spool.
func (c *Call) UsageSeq() uint64 {
	c.journal.mu.Lock()
	defer c.journal.mu.Unlock()
	return c.usage
}

// abandon closes a call whose request could not be made durable.
func (j *Journal) abandon(c *Call, r *schemas.RequestReceived) error {
	resp, u := abandoned(r, time.Now())
	return c.Complete(resp, u, nil)
}

// retryStuck writes outcomes that could not be written, and notices the node's end
// in the control log, until the journal stops.
func (j *Journal) retryStuck(retired func(node string) bool) {
	t := time.NewTicker(stuckRetry)
	defer t.Stop()
	for {
		select {
		case <-j.stop:
			return
		case <-t.C:
			ended := retired(j.node)
			j.mu.Lock()
			if ended && !j.ended {
				j.logger.Error("no new calls are taken", "node", j.node, "error", ErrNodeRetired)
			}
			j.ended = ended
			stuck := j.stuck
			j.stuck = nil
			for _, o := range stuck {
				_, _ = j.complete(o) // a failure puts it back and shows in Stats
			}
			j.mu.Unlock()
		}
	}
}

// append gives the entries their seq and writes them as one frame.
func (j *Journal) append(kind byte, closes string, entries []entry, reserve, release int64) (spool.Position, error) {
	seq := j.seq
	j.frame = append(spool.BeginFrame(j.frame), kind)
	if kind == frameClosings {
		j.frame = binary.AppendUvarint(j.frame, uint64(len(closes)))
		j.frame = append(j.frame, closes...)
	}
	for i := range entries {
		e := &entries[i]
		if e.topic.Ledger() {
			seq++
		}
		e.seq = seq
		j.frame = appendEntry(j.frame, e)
	}
	end, err := j.log.Append(spool.EndFrame(j.frame), reserve, release)
	if err != nil {
		j.metrics.appendErrors.Inc()
		if errors.Is(err, ErrSpoolFull) {
			return end, err
		}
		return end, fmt.Errorf("%w: %w", ErrSpoolBroken, err)
	}
	j.metrics.appended.Add(float64(len(entries)))
	j.seq = seq
	return end, nil
}

func (j *Journal) sync(end spool.Position) error {
	if j.fsync != spool.FsyncAlways {
		return nil
	}
	if err := j.log.Sync(end); err != nil {
		return fmt.Errorf("%w: %w", ErrSpoolBroken, err)
	}
	return nil
}

// snapshot is the frame that a new segment begins with: the last seq and the
// calls that are open. The spool asks for it inside append, under mu.
func (j *Journal) snapshot() []byte {
	b := append(spool.BeginFrame(nil), frameOpen)
	b = binary.AppendUvarint(b, j.seq)
	for c := range j.open {
		b = appendEntry(b, &c.request)
	}
	return spool.EndFrame(b)
}

// event is what all events share.
type event interface {
	SizeVT() int
	MarshalToSizedBufferVT([]byte) (int, error)
}

// encode marshals an event whose seq is still unset: the lock is not held for it.
func (j *Journal) encode(t schemas.Topic, requestID string, ev event) (entry, error) {
	size := ev.SizeVT()
	if size > maxEventBytes {
		return entry{}, fmt.Errorf("event of %d bytes for %s is above the bound of %d", size, t, maxEventBytes)
	}
	value := make([]byte, size)
	if _, err := ev.MarshalToSizedBufferVT(value); err != nil {
		return entry{}, fmt.Errorf("encode event for %s: %w", t, err)
	}
	return entry{topic: t, partition: Partition(requestID, j.partitions), requestID: requestID, value: value}, nil
}

func (j *Journal) encodeOutcome(resp *schemas.ResponseCompleted, u *schemas.UsageRecorded, p *schemas.PayloadCaptured) ([]entry, error) {
	resp.Node, u.Node = j.node, j.node
	entries := make([]entry, 0, 3)
	for _, ev := range []struct {
		topic schemas.Topic
		id    string
		event event
	}{{schemas.TopicResponses, resp.RequestId, resp}, {schemas.TopicUsage, u.RequestId, u}} {
		e, err := j.encode(ev.topic, ev.id, ev.event)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	if p != nil {
		p.Node = j.node
		boundPayload(p)
		e, err := j.encode(schemas.TopicPayloads, p.RequestId, p)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// boundPayload truncates the completion, then the prompt, until the event fits.
func boundPayload(p *schemas.PayloadCaptured) {
	const slack = 64 // length prefixes and the flags that truncation sets
	if over := p.SizeVT() + slack - maxEventBytes; over > 0 {
		cut := min(over, len(p.Response))
		p.Response = p.Response[:len(p.Response)-cut]
		p.ResponseTruncated = p.ResponseTruncated || cut > 0
		if over -= cut; over > 0 {
			p.Request = p.Request[:max(0, len(p.Request)-over)]
			p.RequestTruncated = true
		}
	}
}

// abandoned is the outcome of a call whose gateway died in the middle of it.
func abandoned(r *schemas.RequestReceived, now time.Time) (*schemas.ResponseCompleted, *schemas.UsageRecorded) {
	d := r.Dimensions
	if d == nil {
		d = &schemas.Dimensions{}
	}
	provider, model := splitModel(d.RequestedModel)
	const status = 500
	at := now.UnixMicro()
	return &schemas.ResponseCompleted{
			RequestId: r.RequestId, OccurredAt: at, OrgId: d.OrgId, KeyId: d.KeyId, Endpoint: d.Endpoint,
			Model: model, Provider: provider, Status: status, ErrorKind: schemas.ErrorKindAbandoned,
			ErrorMessage: "the gateway died before the outcome was known", ErrorOrigin: "router",
		}, &schemas.UsageRecorded{
			RequestId: r.RequestId, OccurredAt: at, Dimensions: d, Model: model, Provider: provider,
			Cache: "MISS", Status: status, ErrorKind: schemas.ErrorKindAbandoned, ReceivedAt: r.OccurredAt,
			Budgets: r.Budgets,
		}
}

// splitModel parts provider/model[@region]; without a slash all of it is the model.
func splitModel(requested string) (provider, model string) {
	for i := range len(requested) {
		if requested[i] == '/' {
			return requested[:i], requested[i+1:]
		}
	}
	return "", requested
}
