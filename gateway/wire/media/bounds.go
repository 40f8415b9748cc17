package media

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// What the endpoints use at the most where no field of the request limits it.
const (
	// pictureTokens is the dearest picture of the sizes among which "auto" chooses:
	// 1536×1024 in high quality. A larger one has a token for each 250 pixels or more,
	// which is how dense that one is.
	pictureTokens, pixelsPerToken = 6_240, 250
	// largestPicture bounds the side of a picture, in pixels.
	largestPicture = 16_384
	// partialTokens is what a partial picture of a stream counts for.
	partialTokens = 100
	// spokenTokens are 0.4 s of sound for each byte of text, five times as slow as speech
	// is; leastSpoken is for texts that are next to nothing.
	spokenTokens, leastSpoken = 8, 512
	// slowest is how much speech may be slowed down, by its documented range.
	slowest = 4
	// leastBytesPerSecond is 6 kbit/s, the lowest rate of Opus, and below that of MP3 and
	// AAC: a file lasts no longer than its size says at that rate.
	leastBytesPerSecond = 750
)

// Bounds reads what a request may use. None of it can be lowered by a field.
func (r *Request) Bounds() (wire.Bounds, *apierror.Error) {
	b := wire.Bounds{Text: wire.Framing + int64(len(r.head.Body)), Choices: 1, Fixed: true}
	if !utf8.Valid(r.head.Body) {
		b.Text *= utf8.UTFMax - 1 // each bad byte may become a character of three
	}
	switch r.format {
	case Embeddings:
		b.Choices = 0
		if r.hasObjects() {
			b.May("input")
		}
	case Generations, Edits:
		if b.Choices = r.choices(); b.Choices > wire.MaxChoices {
			return b, apierror.Invalid("n", "The n parameter is larger than "+strconv.Itoa(wire.MaxChoices)+".")
		}
		b.Limit = r.pictureTokens() + min(r.number(fieldPartialImages), wire.MaxChoices)*partialTokens
		b.Images = int64(len(r.files))
		if r.format == Edits && !r.form {
			b.May("images") // given by reference
		}
	case Speech:
		b.Limit = min(b.Text*spokenTokens+leastSpoken, wire.MaxCount)
		if speed, err := strconv.ParseFloat(r.text(fieldSpeed), 64); r.text(fieldSpeed) != "" && (err != nil || speed < 1) {
			b.Limit = min(b.Limit*slowest, wire.MaxCount)
		}
	case Transcriptions:
		for _, size := range r.files {
			b.Seconds += size/leastBytesPerSecond + 1
		}
		b.May("file")
	}
	return b, nil
}

// hasObjects tells that some input is neither text nor tokens.
func (r *Request) hasObjects() bool {
	at := r.at[fieldInput]
	if r.head.Body[at.Start] != '[' {
		return false
	}
	for e := jsonscan.Array(r.head.Body, at.Start); e.Next(); {
		if e.Kind() == '{' {
			return true
		}
	}
	return false
}

// pictureTokens is the most that one picture of the size that is asked for has.
func (r *Request) pictureTokens() int64 {
	width, height, ok := strings.Cut(r.text(fieldSize), "x")
	if !ok {
		return pictureTokens
	}
	w, h := wire.Count([]byte(width)), wire.Count([]byte(height))
	if w < 0 || h < 0 { // no size, so that the provider will refuse it, or take it for what it likes
		w, h = largestPicture, largestPicture
	}
	return max(pictureTokens, min(w, largestPicture)*min(h, largestPicture)/pixelsPerToken)
}
