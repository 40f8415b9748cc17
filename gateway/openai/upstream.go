package openai

import "weir/gateway/jsonscan"

// Upstream returns the body that goes to the provider: the model replaced by
// the provider's own name for it, requesty removed, and usage asked for in a
// stream. Every other byte is the client's.
func (r *Request) Upstream(model string) []byte {
	edits := make([]edit, 0, 3)
	edits = append(edits, edit{r.model, jsonscan.AppendString(make([]byte, 0, len(model)+2), model)})
	if !r.removed.Empty() {
		edits = append(edits, edit{r.removed, nil})
	}
	if r.Stream && !r.usageAsked {
		edits = append(edits, r.askForUsage())
	}
	sortEdits(edits)
	return apply(make([]byte, 0, len(r.Body)+len(model)+64), r.Body, edits)
}

func (r *Request) askForUsage() edit {
	switch {
	case r.streamOptions.Empty():
		return insertAt(r.lastMember, []byte(`,"stream_options":{"include_usage":true}`))
	case r.Body[r.streamOptions.Start] == 'n':
		return edit{r.streamOptions, []byte(`{"include_usage":true}`)}
	case !r.includeUsage.Empty():
		return edit{r.includeUsage, []byte(`true`)}
	case r.emptyOptions:
		return insertAt(r.streamOptions.Start+1, []byte(`"include_usage":true`))
	default:
		return insertAt(r.streamOptions.Start+1, []byte(`"include_usage":true,`))
	}
}
