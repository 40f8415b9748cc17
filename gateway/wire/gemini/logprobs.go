package gemini

import "weir/gateway/jsonscan"

// appendLogProbs writes logprobsResult as OpenAI's object.
func appendLogProbs(out, text []byte, at jsonscan.Span) []byte {
	var chosen, top jsonscan.Span
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch name := string(m.Name()); {
		case name == "chosenCandidates" && m.Kind() == '[':
			chosen = m.Value
		case name == "topCandidates" && m.Kind() == '[':
			top = m.Value
		}
	}
	if chosen.Empty() {
		return out
	}
	w := writer{JSON: append(out, '{')}
	w.Open("content", '[')
	var tops jsonscan.Elements
	more := !top.Empty()
	if more {
		tops = jsonscan.Array(text, top.Start)
	}
	for e := jsonscan.Array(text, chosen.Start); e.Next(); {
		w.Open("", '{')
		w.token(text, e.Value)
		w.Open("top_logprobs", '[')
		if more = more && tops.Next(); more && tops.Kind() == '{' {
			w.alternatives(text, tops.Value)
		}
		w.Close(']', '}')
	}
	w.Close(']', '}')
	return w.JSON
}

func (w *writer) alternatives(text []byte, at jsonscan.Span) {
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if string(m.Name()) != "candidates" || m.Kind() != '[' {
			continue
		}
		for e := jsonscan.Array(text, m.Value.Start); e.Next(); {
			w.Open("", '{')
			w.token(text, e.Value)
			w.Close('}')
		}
	}
}

func (w *writer) token(text []byte, at jsonscan.Span) {
	token, logprob := []byte(`""`), []byte("0")
	if text[at.Start] == '{' {
		for m := jsonscan.Object(text, at.Start); m.Next(); {
			switch name, kind := string(m.Name()), m.Kind(); {
			case name == "token" && kind == '"':
				token = m.Value.Of(text)
			case name == "logProbability" && (kind == '-' || kind >= '0' && kind <= '9'):
				logprob = m.Value.Of(text)
			}
		}
	}
	w.Raw("token", token)
	w.Raw("logprob", logprob)
	w.Null("bytes")
}
