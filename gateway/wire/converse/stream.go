package converse

import (
	"bytes"
	"encoding/binary"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// prelude is what a frame begins with: its length, that of its headers, and the
// checksum of both. least is the shortest frame there can be.
const prelude, least = 12, 16

// NewDecoder reads the stream of one answer.
func (Protocol) NewDecoder() wire.Decoder { return &decoder{frames: eventstream.NewDecoder()} }

// decoder reads converse-stream: frames of AWS's event stream, each with the name of
// its event in a header and JSON as its payload.
type decoder struct {
	frames  *eventstream.Decoder
	reader  bytes.Reader
	payload []byte
	events  []genai.Event

	started bool
	stopped bool // messageStop came: what follows is usage
	over    bool // End or Failure was given
	index   int  // of the part under way, or of the next one
	open    bool
	block   int64 // its contentBlockIndex
	kind    genai.PartKind
}

// Decode reads the complete frames in text.
func (d *decoder) Decode(events []genai.Event, text []byte, eof bool) (_ []genai.Event, used int) {
	d.events = events
	for len(text)-used >= prelude && !d.broken() {
		size := int64(binary.BigEndian.Uint32(text[used:]))
		if size < least || size > wire.MaxEvent {
			d.unreadable("The provider's stream is not an AWS event stream.")
			break
		}
		if int64(len(text)-used) < size {
			break
		}
		d.frame(text[used : used+int(size)])
		used += int(size)
	}
	if d.broken() {
		used = len(text)
	}
	if eof && !d.over {
		if d.stopped && used == len(text) {
			d.end()
		} else {
			d.fail(apierror.New(apierror.ProviderCut, "The provider's stream ended before the answer did."))
		}
	}
	events, d.events = d.events, nil
	return events, used
}

// broken tells that nothing more can be read.
func (d *decoder) broken() bool { return d.frames == nil }

func (d *decoder) emit(e genai.Event) { d.events = append(d.events, e) }

func (d *decoder) end() {
	d.over = true
	d.emit(genai.Event{Kind: genai.End})
}

func (d *decoder) fail(e *apierror.Error) {
	if !d.over {
		d.over = true
		d.emit(genai.Event{Kind: genai.Failure, Err: e})
	}
}

func (d *decoder) unreadable(message string) {
	d.frames = nil
	d.fail(apierror.New(apierror.ProviderUnreadable, message))
}

func (d *decoder) frame(frame []byte) {
	d.reader.Reset(frame)
	message, err := d.frames.Decode(&d.reader, d.payload[:0])
	if err != nil {
		d.unreadable("The provider's stream has a frame that is damaged.")
		return
	}
	d.payload = message.Payload[:0]
	header := func(name string) string {
		if value, ok := message.Headers.Get(name).(eventstream.StringValue); ok {
			return string(value)
		}
		return ""
	}
	switch header(eventstreamapi.MessageTypeHeader) {
	case eventstreamapi.EventMessageType:
		d.event(header(eventstreamapi.EventTypeHeader), message.Payload)
	case eventstreamapi.ExceptionMessageType:
		d.fail(failure(header(eventstreamapi.ExceptionTypeHeader), message.Payload, ""))
	case eventstreamapi.ErrorMessageType:
		d.fail(failure(header(eventstreamapi.ErrorCodeHeader), message.Payload, header(eventstreamapi.ErrorMessageHeader)))
	}
}

// event reads an event; those without a name here are passed over.
func (d *decoder) event(name string, text []byte) {
	switch name {
	case "messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata":
	default:
		return
	}
	if _, ok := jsonscan.Valid(text); !ok || text[jsonscan.Space(text, 0)] != '{' {
		d.fail(apierror.New(apierror.ProviderUnreadable, "The provider's stream has an event that is not a JSON object."))
		return
	}
	at := jsonscan.Span{Start: jsonscan.Space(text, 0), End: len(text)}
	if name == "metadata" {
		d.metadata(text, at)
		return
	}
	if d.over || d.stopped {
		return
	}
	if !d.started {
		d.started = true
		d.emit(genai.Event{Kind: genai.Start})
	}
	switch name {
	case "contentBlockStart", "contentBlockDelta":
		d.content(text, at)
	case "contentBlockStop":
		d.close()
	case "messageStop":
		d.stop(text, at)
	}
}

func (d *decoder) stop(text []byte, at jsonscan.Span) {
	d.close()
	d.stopped = true
	finish := genai.Event{Kind: genai.Finish, Stop: stopOf(member(text, at, "stopReason"))}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if string(m.Name()) == "additionalModelResponseFields" && m.Kind() == '{' && finish.Stop == genai.StopOnSequence {
			finish.StopSequence = member(text, m.Value, "stop_sequence")
		}
	}
	d.emit(finish)
}

// metadata is the last event.
func (d *decoder) metadata(text []byte, at jsonscan.Span) {
	report := genai.Event{Kind: genai.Reported}
	found := false
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if m.Kind() != '{' {
			continue
		}
		switch string(m.Name()) {
		case "usage":
			report.Usage, found = readUsage(text, m.Value), true
		case "serviceTier":
			report.ServiceTier = member(text, m.Value, "type")
		}
	}
	if found {
		d.emit(report)
	}
	if d.stopped && !d.over {
		d.end()
	}
}
