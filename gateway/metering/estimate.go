package metering

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

const (
	// maxCounted is how much of a text is tokenized; the rest is taken to be as
	// dense as the part that was counted.
	maxCounted = 1 << 20
	// pieceBytes bounds what is given to the tokenizer at once, since it takes
	// quadratic time on a text without word breaks.
	pieceBytes = 2 << 10
	// countSlots is how many counts run at once.
	countSlots = 2
	// bytesPerToken is used where there is no tokenizer to ask.
	bytesPerToken = 4
	// tokensPerMessage frame each message, and replyTokens prime the reply, in
	// OpenAI's own counting.
	tokensPerMessage, replyTokens = 3, 3
)

// Estimator counts tokens for providers that report none.
type Estimator struct {
	slots chan struct{}

	o200k, cl100k func() (tokenizer.Codec, error)
}

// NewEstimator returns an estimator; vocabularies are built when first needed.
func NewEstimator() *Estimator {
	lazily := func(e tokenizer.Encoding) func() (tokenizer.Codec, error) {
		return sync.OnceValues(func() (tokenizer.Codec, error) { return tokenizer.Get(e) })
	}
	return &Estimator{
		slots: make(chan struct{}, countSlots),
		o200k: lazily(tokenizer.O200kBase), cl100k: lazily(tokenizer.Cl100kBase),
	}
}

// encoding maps a model to its vocabulary: OpenAI's models before GPT-4o have
// their own, all others are closest to the newest.
func (e *Estimator) encoding(model string) func() (tokenizer.Codec, error) {
	if strings.HasPrefix(model, "gpt-3.5") || strings.HasPrefix(model, "gpt-4-") || model == "gpt-4" || strings.HasPrefix(model, "text-embedding") {
		return e.cl100k
	}
	return e.o200k
}

// Estimate counts the prompt of a request and, from the output as it stood in
// the JSON of the answer, the completion.
func (e *Estimator) Estimate(model string, r wire.Request, seen *wire.Seen) genai.Usage {
	e.slots <- struct{}{}
	defer func() { <-e.slots }()
	codec, err := e.encoding(model)()
	if err != nil {
		codec = nil // an embedded vocabulary does not fail; bytes are the way out
	}
	prompt, messages := r.Prompt()
	quoted := append(append([]byte{'"'}, seen.Text...), '"')
	output := jsonscan.String(quoted, jsonscan.Span{End: len(quoted)})
	u := genai.Usage{
		Prompt:     count(codec, prompt, 0) + messages*tokensPerMessage + replyTokens,
		Completion: count(codec, output, seen.Unkept),
	}
	u.Prompt, u.Completion = u.Prompt+seen.Beyond.Prompt, u.Completion+seen.Beyond.Completion
	u.InputAudio, u.OutputAudio = seen.Beyond.InputAudio, seen.Beyond.OutputAudio
	u.InputImage, u.OutputImage, u.Seconds = seen.Beyond.InputImage, seen.Beyond.OutputImage, seen.Beyond.Seconds
	u.Total = u.Prompt + u.Completion
	return u
}

// count tokenizes a text; more is how many bytes follow it unseen.
func count(codec tokenizer.Codec, text string, more int64) int64 {
	if len(text) == 0 {
		return more / bytesPerToken
	}
	counted, rest := text, more
	if len(counted) > maxCounted {
		counted, rest = cut(text, maxCounted), more+int64(len(text)-maxCounted)
	}
	var tokens int64
	for at := 0; at < len(counted); {
		piece := counted[at:]
		if len(piece) > pieceBytes {
			piece = atWord(cut(piece, pieceBytes))
		}
		at += len(piece)
		n, err := 0, error(nil)
		if codec != nil {
			n, err = codec.Count(piece)
		}
		if codec == nil || err != nil {
			n = (len(piece) + bytesPerToken - 1) / bytesPerToken
		}
		tokens += int64(n)
	}
	return tokens + rest*tokens/int64(len(counted))
}

// cut shortens a text to at most n bytes, at the border of a character.
func cut(text string, n int) string {
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// atWord shortens a text to its last space where there is one, since tokens do
// not reach over the space before a word.
func atWord(text string) string {
	if at := strings.LastIndexByte(text, ' '); at > 0 {
		return text[:at]
	}
	return text
}
