package schemas

// The methods Reuse empty an event so that the next one is decoded into the same
// memory. What hangs from it is kept where that is most of what decoding would
// allocate; being empty, it counts as absent.

// Reuse empties the event for the next one.
func (x *RequestReceived) Reuse() {
	dimensions := x.Dimensions.reuse()
	x.Reset()
	x.Dimensions = dimensions
}

// Reuse empties the event for the next one.
func (x *ResponseCompleted) Reuse() { x.Reset() }

// Reuse empties the event for the next one.
func (x *UsageRecorded) Reuse() {
	dimensions, tokens, units := x.Dimensions.reuse(), x.Tokens, x.Units
	if tokens != nil {
		tokens.Reset()
	}
	clear(units)
	x.Reset()
	x.Dimensions, x.Tokens, x.Units = dimensions, tokens, units
}

// Reuse empties the event for the next one.
func (x *PayloadCaptured) Reuse() { x.Reset() }

func (x *Dimensions) reuse() *Dimensions {
	if x == nil {
		return nil
	}
	tags, extra := x.Tags[:0], x.Extra
	clear(extra)
	x.Reset()
	x.Tags, x.Extra = tags, extra
	return x
}
