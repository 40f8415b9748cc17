package wire

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
)

// Told is what a Decoder of server-sent events has told of a stream so far.
type Told struct {
	Out     []genai.Event // since the beginning of the present read
	Started bool          // an event of the answer has been read
	Over    bool          // End or Failure was told

	joined []byte
}

// Add tells an event. Once the stream is over only what was used is told.
func (t *Told) Add(e genai.Event) {
	if !t.Over || e.Kind == genai.Reported {
		t.Out = append(t.Out, e)
	}
}

// Fail tells how the stream failed.
func (t *Told) Fail(e *apierror.Error) {
	t.Add(genai.Event{Kind: genai.Failure, Err: e})
	t.Over = true
}

// JSON returns the data of an event as SSE.JSON does. The text is empty for one without
// data, of which all that there is to tell is told: a ping, or that this is no stream of
// events.
func (t *Told) JSON(e *SSE) (text []byte, start int) {
	if text, start = e.JSON(&t.joined); len(text) > 0 {
		return text, start
	}
	switch {
	case !e.Known && !t.Started:
		t.Fail(apierror.New(apierror.ProviderUnreadable, "The provider's answer is not an event stream."))
	case len(e.Data) == 0 && len(e.Raw) > 0 && e.Raw[0] == ':':
		t.Add(genai.Event{Kind: genai.Ping})
	}
	return nil, 0
}
