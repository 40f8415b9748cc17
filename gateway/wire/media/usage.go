package media

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// usage is a report of usage, and where the gateway writes into it.
type usage struct {
	genai.Usage
	cost jsonscan.Span // empty when the provider has none
	last int           // the end of the last member's value; 0 for none
	open int           // behind the brace
}

// readUsage reads a report, an object. All endpoints have theirs, and vendors mix them.
func readUsage(text []byte, at jsonscan.Span) usage {
	u := usage{open: at.Start + 1}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		value := m.Value.Of(text)
		u.last = m.Value.End
		switch string(m.Name()) {
		case "input_tokens", "prompt_tokens":
			u.Prompt = wire.Count(value)
		case "output_tokens", "completion_tokens":
			u.Completion = wire.Count(value)
		case "total_tokens":
			u.Total = wire.Count(value)
		case "seconds":
			u.Seconds = seconds(value)
		case "input_tokens_details", "input_token_details", "prompt_tokens_details":
			details(text, m.Value, &u.InputAudio, &u.InputImage, &u.Cached)
		case "output_tokens_details", "output_token_details", "completion_tokens_details":
			var cached int64
			details(text, m.Value, &u.OutputAudio, &u.OutputImage, &cached)
		case "cost":
			u.cost = m.Value
		}
	}
	return u
}

func details(text []byte, at jsonscan.Span, audio, image, cached *int64) {
	if text[at.Start] != '{' {
		return
	}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch string(m.Name()) {
		case "audio_tokens":
			*audio = wire.Count(m.Value.Of(text))
		case "image_tokens":
			*image = wire.Count(m.Value.Of(text))
		case "cached_tokens":
			*cached = wire.Count(m.Value.Of(text))
		}
	}
}

// seconds reads a length of time, rounded up.
func seconds(value []byte) int64 {
	if len(value) > 0 && value[0] == 'n' {
		return 0
	}
	f, err := strconv.ParseFloat(strings.Trim(string(value), `"`), 64) // Whisper's duration was a string once
	if err != nil || !(f >= 0 && f <= wire.MaxCount) {
		return genai.Garbage
	}
	return int64(math.Ceil(f))
}

// edit is the edit that tells the client the cost.
func (u *usage) edit(cost []byte) jsonscan.Edit {
	switch {
	case !u.cost.Empty():
		return jsonscan.Replace(u.cost, cost)
	case u.last == 0:
		return jsonscan.InsertAt(u.open, append([]byte(`"cost":`), cost...))
	}
	return jsonscan.InsertAt(u.last, append([]byte(`,"cost":`), cost...))
}

// What sound and pictures are taken for where a provider reports no usage.
const (
	// charactersPerSecond is how fast people speak, in English.
	charactersPerSecond = 15
	// heardTokens and saidTokens are those of a second, by OpenAI's Realtime guide: a
	// token for 100 ms of input and for 50 ms of output.
	heardTokens, saidTokens = 10, 20
	// pcmBytesPerSecond is OpenAI's pcm and wav: 24 kHz of 16 bits.
	pcmBytesPerSecond = 48_000
)

// spoken guesses the tokens of speech, by its length where the bytes say it.
func (r *Request) spoken(size int64) genai.Usage {
	length := lasts(r.text(fieldInput))
	if format := r.text(fieldResponseFormat); size > 0 && (format == "pcm" || format == "wav") {
		length = (size + pcmBytesPerSecond - 1) / pcmBytesPerSecond
	}
	return genai.Usage{Completion: length * saidTokens}
}

// heard guesses what was listened to, from the transcript.
func heard(transcript string) genai.Usage {
	length := lasts(transcript)
	if at := strings.LastIndex(transcript, "-->"); at >= 0 { // subtitles say when they end
		length = max(clock(transcript[at+len("-->"):]), 1)
	}
	return genai.Usage{Prompt: length * heardTokens, InputAudio: length * heardTokens, Seconds: length}
}

func lasts(text string) int64 {
	return (int64(utf8.RuneCountInString(text)) + charactersPerSecond - 1) / charactersPerSecond
}

// clock reads the time at the beginning of a text, [hours:]minutes:seconds with a
// fraction, rounded up.
func clock(text string) (length int64) {
	text = strings.TrimLeft(text, " \t")
	if end := strings.IndexAny(text, " \t\r\n"); end >= 0 {
		text = text[:end]
	}
	whole, fraction, _ := strings.Cut(strings.Replace(text, ",", ".", 1), ".")
	for part := range strings.SplitSeq(whole, ":") {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return 0
		}
		length = min(length*60+int64(n), wire.MaxCount)
	}
	if strings.Trim(fraction, "0") != "" {
		length++
	}
	return length
}

// painted guesses the tokens of pictures by OpenAI's table for its three sizes; what
// is left to the model is taken to be the middle one.
func (r *Request) painted(pictures int64) genai.Usage {
	square, other := int64(1056), int64(1584)
	switch r.text(fieldQuality) {
	case "low":
		square, other = 272, 408
	case "high", "hd":
		square, other = 4160, 6240
	}
	each := square
	if size := r.text(fieldSize); size != "" && size != "auto" && size != "1024x1024" {
		each = other
	}
	return genai.Usage{Completion: each * pictures}
}
