package messages

import (
	"strings"
	"testing"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire"
	"weir/gateway/wire/wiretest"

	"github.com/google/go-cmp/cmp"
)

func TestErrorsInTheAPIsWords(t *testing.T) {
	for kind, want := range map[apierror.Kind]string{
		apierror.InvalidRequest: "invalid_request_error", apierror.NoCredentials: "authentication_error", apierror.BalanceUsedUp: "billing_error",
		apierror.BudgetExceeded: "billing_error", apierror.BadKey: "permission_error", apierror.UnknownModel: "not_found_error",
		apierror.BodyTooLarge: "request_too_large", apierror.RateLimited: "rate_limit_error", apierror.Internal: "api_error",
		apierror.ShuttingDown: "overloaded_error", apierror.BodyTimeout: "timeout_error", apierror.ProviderUnreadable: "api_error",
	} {
		e := apierror.New(kind, `say "x"`)
		want = `{"type":"error","error":{"type":"` + want + `","message":"say \"x\""},"request_id":"r1"}`
		if diff := cmp.Diff(want, string(Format{}.AppendError(nil, e, "r1"))); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
		if diff := cmp.Diff("event: error\ndata: "+want+"\n\n", string(Format{}.AppendErrorEvent(nil, e, "r1"))); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
}

func TestErrorsOfTheProvider(t *testing.T) {
	for text, want := range map[string]apierror.Error{
		`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`:   {Status: 529, Type: "overloaded_error", Message: "Overloaded", Kind: apierror.ProviderOverloaded},
		`{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}`:         {Status: 429, Type: "rate_limit_error", Message: "slow", Kind: apierror.ProviderRateLimited},
		`{"type":"error","error":{"type":"invalid_request_error","message":"bad"}}`:     {Status: 400, Type: "invalid_request_error", Message: "bad", Kind: apierror.ProviderError},
		`{"type":"error","error":{"type":"authentication_error","message":"key sk-1"}}`: {Status: 502, Type: "server_error", Message: "The provider refused the gateway's own account.", Kind: apierror.ProviderCredentials, Code: "provider_credentials"},
		`{"type":"error","error":{"type":"new_error","message":"?"}}`:                   {Status: 502, Type: "new_error", Message: "?", Kind: apierror.ProviderError},
		`{"error":"boom"}`: {Status: 502, Type: "server_error", Message: "boom", Kind: apierror.ProviderError},
	} {
		want.Origin = apierror.Provider
		_, e := Format{}.ReadAnswer([]byte(text), reply())
		if e == nil {
			t.Fatal(text)
		}
		if diff := cmp.Diff(want, *e); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		_, e = Protocol{}.Decode([]byte(text))
		if diff := cmp.Diff(&want, e); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		stream := "event: error\ndata: " + text + "\n\n"
		s := Format{}.Pass(reply())
		if out, step := feed(s, stream, 9); step != wire.Failed || len(out) > 0 || cmp.Diff(&want, s.Err()) != "" {
			t.Errorf("%s: %v, %q, %+v", text, step, out, s.Err())
		}
		if list := wiretest.Events(Protocol{}, []byte(stream), 9); len(list) != 1 || list[0].Kind != genai.Failure || cmp.Diff(&want, list[0].Err) != "" {
			t.Errorf("%s: %+v", text, list)
		}
	}
}

func TestStreamsThatCannotBeRead(t *testing.T) {
	for name, text := range map[string]string{
		"not json": "data: <html>\n\n", "not an object": "data: 1\n\n", "half": "data: {\"type\":\"ping\"\n\n", "not sse": "<html>\n<body>\n\n",
	} {
		s := Format{}.Pass(reply())
		if out, step := feed(s, text, 5); step != wire.Failed || len(out) > 0 || s.Err().Kind != apierror.ProviderUnreadable {
			t.Errorf("%s: %v %q %v", name, step, out, s.Err())
		}
		if list := wiretest.Events(Protocol{}, []byte(text), 5); len(list) != 1 || list[0].Kind != genai.Failure {
			t.Errorf("%s: %+v", name, list)
		}
	}
}

// A provider that reports no usage at the end: the gateway's own report has it, and the
// stop reason stays.
func TestUsageOfTheGatewaysOwn(t *testing.T) {
	text := strings.Replace(string(wiretest.Read(t, "testdata/refusal.stream.sse")), `,"usage":{"output_tokens":15}`, "", 1)
	out, step := feed(Format{}.Pass(reply()), text, 50)
	want := `data: {"type":"message_delta","delta":{"stop_reason":"refusal","stop_sequence":null},"usage":{"input_tokens":10,"output_tokens":1,`
	if step != wire.Done || !strings.Contains(string(out), want) || !strings.HasSuffix(string(out), "data: {\"type\":\"message_stop\"}\n\n") {
		t.Errorf("%v %s", step, out)
	}
	a, e := Format{}.ReadAnswer([]byte(`{"content":[],"usage":null}`), reply())
	if e != nil {
		t.Fatal(e)
	}
	got := string(a.Append(nil, genai.Usage{Prompt: 9, Completion: 4, Cached: 2}, bill(genai.Usage{Cached: 2})))
	if want := `{"model":"p/m","content":[],"usage":{"input_tokens":7,"output_tokens":4,"cache_creation_input_tokens":0,"cache_read_input_tokens":2,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"cost":0.5}}`; got != want {
		t.Error(cmp.Diff(want, got))
	}
}

func TestUsage(t *testing.T) {
	for text, want := range map[string]genai.Usage{
		`{"input_tokens":3,"cache_creation_input_tokens":100,"cache_read_input_tokens":2000,"cache_creation":{"ephemeral_1h_input_tokens":40},"output_tokens":5,"server_tool_use":{"web_search_requests":2},"output_tokens_details":{"thinking_tokens":4}}`: {
			Prompt: 2103, Completion: 5, Cached: 2000, Written: 100, WrittenHour: 40, Searches: 2, Reasoning: 4},
		`{"input_tokens":-3,"output_tokens":"5"}`:          {Prompt: genai.Garbage, Completion: genai.Garbage},
		`{"input_tokens":3,"cache_read_input_tokens":1.5}`: {Prompt: genai.Garbage, Cached: genai.Garbage},
		`{"input_tokens":null,"cache_creation":null}`:      {},
	} {
		var c counts
		c.read([]byte(text), whole([]byte(text)))
		if diff := cmp.Diff(want, c.usage()); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}
