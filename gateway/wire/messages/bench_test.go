package messages

import (
	"strconv"
	"strings"
	"testing"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

// conversation is a request of about 100 kB, as an agent sends it.
func conversation() []byte {
	var b strings.Builder
	b.WriteString(`{"model":"m","max_tokens":1000,"system":[{"type":"text","text":"Be kind.","cache_control":{"type":"ephemeral"}}],"messages":[`)
	for i := range 100 {
		id := strconv.Itoa(i)
		b.WriteString(`{"role":"user","content":"` + strings.Repeat(`a line of text\n`, 20) + `"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"EqQB"},{"type":"tool_use","id":"toolu_` + id + `","name":"read","input":{"path":"a.go"}}]},` +
			`{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_` + id + `","content":"` + strings.Repeat(`if err != nil {\n`, 20) + `"}]},{"role":"assistant","content":"ok"},`)
	}
	b.WriteString(`{"role":"user","content":"Go on."}],"tools":[{"name":"read","input_schema":{"type":"object"}}]}`)
	return []byte(b.String())
}

func BenchmarkDecodeEncode(b *testing.B) {
	body := conversation()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		r, e := Format{}.ReadRequest(body)
		if e != nil {
			b.Fatal(e)
		}
		g, e := r.Decode()
		if e != nil {
			b.Fatal(e)
		}
		if _, _, e := (Protocol{}).Encode(g, wire.Options{Model: "m"}); e != nil {
			b.Fatal(e)
		}
	}
}

const chunkEvent = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" lorem\"}}\n\n"
const startEvents = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\n" +
	"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"

// A chunk between two protocols: decoded and encoded.
func BenchmarkTranslatedChunk(b *testing.B) {
	d, w := Protocol{}.NewDecoder(), Format{}.NewEncoder(reply())
	list, _ := d.Decode(nil, []byte(startEvents), false)
	var out []byte
	for i := range list {
		out = w.Encode(out, &list[i])
	}
	event := []byte(chunkEvent)
	b.ReportAllocs()
	for b.Loop() {
		list, _ = d.Decode(list[:0], event, false)
		out = out[:0]
		for i := range list {
			out = w.Encode(out, &list[i])
		}
	}
	if len(list) != 1 || list[0].Kind != genai.Delta {
		b.Fatal(list)
	}
}

func BenchmarkPassedChunk(b *testing.B) {
	s := &stream{to: reply()}
	out := make([]byte, 0, 4096)
	event := []byte(chunkEvent)
	b.ReportAllocs()
	for b.Loop() {
		s.seen.Text = s.seen.Text[:0]
		if _, used, _ := s.Feed(out, event, false); used != len(event) {
			b.Fatal(used)
		}
	}
}
