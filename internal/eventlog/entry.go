package eventlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"weir/schemas"
)

// A spool frame's payload is one byte of kind and then
//
//	frameEvents    entries: the events of one step of one call, together or not at all
//	frameOpen      entries: the RequestReceived of every call that was open when the segment began
//	frameClosings  uvarint length, node; entries: the outcomes that close that node's open calls
//
// An entry is
//
//	topic      byte: index in schemas.EventTopics plus one
//	partition  uvarint
//	seq        uvarint
//	request_id uvarint length, bytes
//	value      uvarint length, bytes: the Protobuf event, its field seq (3) last
const (
	frameEvents   = 1
	frameOpen     = 2
	frameClosings = 3
)

// entry is one event on its way into Kafka.
type entry struct {
	topic     schemas.Topic
	partition int32
	seq       uint64
	requestID string
	value     []byte // without its seq before it is on the spool, with it afterwards
}

// seqTag begins field 3, a varint: seq, in every event.
const seqTag = 3 << 3

// topicCode is the byte that stands for a topic in an entry.
func topicCode(t schemas.Topic) byte {
	for i, other := range schemas.EventTopics() {
		if t == other {
			return byte(i + 1)
		}
	}
	panic("eventlog: " + string(t) + " is not an event topic")
}

func appendEntry(b []byte, e *entry) []byte {
	b = append(b, topicCode(e.topic))
	b = binary.AppendUvarint(b, uint64(e.partition))
	b = binary.AppendUvarint(b, e.seq)
	b = binary.AppendUvarint(b, uint64(len(e.requestID)))
	b = append(b, e.requestID...)
	var seq [1 + binary.MaxVarintLen64]byte
	stamp := binary.AppendUvarint(append(seq[:0], seqTag), e.seq)
	b = binary.AppendUvarint(b, uint64(len(e.value)+len(stamp)))
	b = append(b, e.value...)
	return append(b, stamp...)
}

var errEntry = errors.New("malformed spool entry")

// decodeEntries calls fn for each entry of b; values are valid as long as b is.
func decodeEntries(b []byte, fn func(entry) error) error {
	topics := schemas.EventTopics()
	number := func() (uint64, bool) {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, false
		}
		b = b[n:]
		return v, true
	}
	for len(b) > 0 {
		code := int(b[0])
		b = b[1:]
		if code < 1 || code > len(topics) {
			return fmt.Errorf("%w: topic %d", errEntry, code)
		}
		e := entry{topic: topics[code-1]}
		partition, ok1 := number()
		seq, ok2 := number()
		idLen, ok3 := number()
		if !ok1 || !ok2 || !ok3 || partition > 1<<31-1 || idLen > uint64(len(b)) {
			return errEntry
		}
		e.partition, e.seq, e.requestID = int32(partition), seq, string(b[:idLen])
		b = b[idLen:]
		valueLen, ok := number()
		if !ok || valueLen > uint64(len(b)) {
			return errEntry
		}
		e.value = b[:valueLen:valueLen]
		b = b[valueLen:]
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// frame is a decoded frame's own part, beside its entries.
type frame struct {
	kind    byte
	lastSeq uint64 // of a frameOpen
	closes  string // of a frameClosings
}

// decodeFrame splits a frame's payload and calls fn for each entry.
func decodeFrame(payload []byte, fn func(frame, entry) error) (frame, error) {
	if len(payload) == 0 {
		return frame{}, errEntry
	}
	f, b := frame{kind: payload[0]}, payload[1:]
	switch f.kind {
	case frameEvents:
	case frameOpen:
		seq, w := binary.Uvarint(b)
		if w <= 0 {
			return f, errEntry
		}
		f.lastSeq, b = seq, b[w:]
	case frameClosings:
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return f, errEntry
		}
		f.closes, b = string(b[w:w+int(n)]), b[w+int(n):]
	default:
		return f, fmt.Errorf("%w: kind %d, written by a newer release", errEntry, f.kind)
	}
	return f, decodeEntries(b, func(e entry) error { return fn(f, e) })
}

// Partition is where all events of a request go, among n partitions.
func Partition(requestID string, n int32) int32 {
	return int32(crc32.ChecksumIEEE([]byte(requestID)) % uint32(n))
}
