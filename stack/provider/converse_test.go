package provider_test

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/stack/provider"
)

// frame is one message of an event stream: its kind or exception, and the payload.
type frame struct{ message, name, payload string }

// frames takes an event stream apart and checks every length and checksum.
func frames(t *testing.T, text string) []frame {
	t.Helper()
	var list []frame
	for rest := []byte(text); len(rest) > 0; {
		if len(rest) < 16 {
			t.Fatalf("%d bytes are no frame", len(rest))
		}
		size, head := binary.BigEndian.Uint32(rest), binary.BigEndian.Uint32(rest[4:])
		if int(size) > len(rest) || head+16 > size {
			t.Fatalf("a frame of %d bytes, %d of them headers, in %d bytes", size, head, len(rest))
		}
		if got := binary.BigEndian.Uint32(rest[8:]); got != crc32.ChecksumIEEE(rest[:8]) {
			t.Fatal("the prelude's checksum is wrong")
		}
		if got := binary.BigEndian.Uint32(rest[size-4:]); got != crc32.ChecksumIEEE(rest[:size-4]) {
			t.Fatal("the frame's checksum is wrong")
		}
		f := frame{payload: string(rest[12+head : size-4])}
		for h := rest[12 : 12+head]; len(h) > 0; {
			name := string(h[1 : 1+h[0]])
			h = h[1+h[0]:]
			if h[0] != 7 {
				t.Fatalf("header %s is of kind %d", name, h[0])
			}
			n := binary.BigEndian.Uint16(h[1:])
			value := string(h[3 : 3+n])
			h = h[3+n:]
			switch name {
			case ":message-type":
				f.message = value
			case ":event-type", ":exception-type":
				f.name = value
			}
		}
		list, rest = append(list, f), rest[size:]
	}
	return list
}

func converseDialect() dialect { return dialects()[6] }

func TestConverseStream(t *testing.T) {
	_, server := start(t)
	f := func(model, more string, want ...string) []frame {
		t.Helper()
		resp, text, _ := converseDialect().say(t, server, model, `"hello"`, more, true)
		if got := resp.Header.Get("Content-Type"); got != "application/vnd.amazon.eventstream" {
			t.Errorf("content type is %s", got)
		}
		list := frames(t, text)
		names := make([]string, len(list))
		for i, one := range list {
			names[i] = one.name
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("%s (-want +got):\n%s", model, diff)
		}
		return list
	}
	const delta, stop = "contentBlockDelta", "contentBlockStop"
	f("small:chunks=2", "", "messageStart", delta, delta, stop, "messageStop", "metadata")
	list := f("small:chunks=1,out=20,reasoning=5", "", "messageStart", delta, delta, delta, stop, delta, stop, "messageStop", "metadata")
	contains(t, "thought", list[1].payload, `"reasoningContent":{"text":`)
	contains(t, "thought", list[3].payload, `"signature":`)
	contains(t, "text", list[5].payload, `"contentBlockIndex":1`)
	list = f("small:chunks=2,calls=2", converseDialect().tool, "messageStart", "contentBlockStart", delta, delta, stop, "contentBlockStart", delta, delta,
		stop, "messageStop", "metadata")
	contains(t, "call", list[5].payload, `"toolUseId":"tooluse_mock`, `"name":"weather"`, `"contentBlockIndex":1`)
	arguments := ""
	for _, one := range list[2:4] {
		var d struct {
			Delta struct{ ToolUse struct{ Input string } }
		}
		if err := json.Unmarshal([]byte(one.payload), &d); err != nil {
			t.Fatal(err)
		}
		arguments += d.Delta.ToolUse.Input
	}
	if arguments != `{"city":"mock","days":7}` {
		t.Errorf("arguments are %s", arguments)
	}
	list = f("small:chunks=2,fault=errormid", "", "messageStart", delta, "modelStreamErrorException")
	if list[2].message != "exception" {
		t.Errorf("the error is %+v", list[2])
	}
	f("small:fault=error200", "", "throttlingException")
	list = f("small:chunks=1,in=30,write=20,write1h=15", "", "messageStart", delta, stop, "messageStop", "metadata")
	contains(t, "usage", list[4].payload, `"cacheDetails":[{"inputTokens":15,"ttl":"1h"},{"inputTokens":5,"ttl":"5m"}]`, `"inputTokens":10`)
}

// TestSignatures has calls to Bedrock with signatures that botocore made, and with what is left of them.
func TestSignatures(t *testing.T) {
	const (
		secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
		signed = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261125/us-east-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date, " +
			"Signature=c1957cfc17339559c1edd6e679af88e7bf70de1e0e5fb82c30cd8f191add3c6a"
		body = `{"messages":[{"role":"user","content":[{"text":"hello"}]}]}`
	)
	f := func(secret, authorization, date, body string, status int, kind string) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://bedrock.test/model/small%3Achunks%3D2/converse", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Amz-Date", date)
		w := httptest.NewRecorder()
		provider.With(provider.Options{AWSSecret: secret}).ServeHTTP(w, r)
		text, _ := io.ReadAll(w.Body)
		if w.Code != status || w.Header().Get("X-Amzn-Errortype") != kind {
			t.Errorf("%q: %d %s %s", authorization, w.Code, w.Header().Get("X-Amzn-Errortype"), text)
		}
	}
	const date = "20261125T120000Z"
	f(secret, signed, date, body, 200, "")
	f("", signed, date, body, 200, "")
	f("", signed, date, body+" ", 200, "")
	f(secret, signed, date, body+" ", 403, "InvalidSignatureException")
	f("other", signed, date, body, 403, "InvalidSignatureException")
	f("", "", date, body, 403, "MissingAuthenticationTokenException")
	f("", "Bearer k", "", body, 200, "")
	f("", signed, "", body, 403, "IncompleteSignatureException")
	f("", signed, "20261126T120000Z", body, 403, "InvalidSignatureException")
	f("", strings.Replace(signed, "/bedrock/", "/bedrock-runtime/", 1), date, body, 403, "InvalidSignatureException")
	f("", strings.Replace(signed, ";x-amz-date", "", 1), date, body, 403, "InvalidSignatureException")
	f("", strings.Replace(signed, "Signature=c", "Signature=", 1), date, body, 403, "IncompleteSignatureException")
}
