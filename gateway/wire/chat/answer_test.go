package chat

import (
	"testing"
	"weir/gateway/genai"
	"weir/gateway/wire"

	"github.com/google/go-cmp/cmp"
)

func TestAnswerIsEditedInPlace(t *testing.T) {
	b := &wire.Bill{Cost: []byte("0.0001"), Cached: 1, Written: 2, Reasoning: 3}
	for name, c := range map[string]struct{ in, want string }{
		"usage bare": {
			`{"id":"x", "model" : "m","choices":[{}],"usage":{"prompt_tokens":9} }` + "\n",
			`{"id":"x", "model" : "p/m","choices":[{}],"usage":{"prompt_tokens":9,"cost":0.0001,"prompt_tokens_details":{"cached_tokens":1,"caching_tokens":2},"completion_tokens_details":{"reasoning_tokens":3}} }` + "\n"},
		"usage whole": {
			`{"model":"m","choices":[],"usage":{"cost":9,"prompt_tokens_details":{"cached_tokens":7,"caching_tokens":8},"completion_tokens_details":{"reasoning_tokens":9}}}`,
			`{"model":"p/m","choices":[],"usage":{"cost":0.0001,"prompt_tokens_details":{"cached_tokens":7,"caching_tokens":8},"completion_tokens_details":{"reasoning_tokens":9}}}`},
		"usage empty": {
			`{"usage":{},"model":"m","choices":[]}`,
			`{"usage":{"cost":0.0001,"prompt_tokens_details":{"cached_tokens":1,"caching_tokens":2},"completion_tokens_details":{"reasoning_tokens":3}},"model":"p/m","choices":[]}`},
		"details odd": {
			`{"usage":{"prompt_tokens_details":null,"completion_tokens_details":{}},"model":"m","choices":[]}`,
			`{"usage":{"prompt_tokens_details":{"cached_tokens":1,"caching_tokens":2},"completion_tokens_details":{"reasoning_tokens":3},"cost":0.0001},"model":"p/m","choices":[]}`},
		"no usage": {
			`{"model":"m","choices":[]}`,
			`{"model":"p/m","choices":[],"usage":{"prompt_tokens":4,"completion_tokens":5,"total_tokens":9,"prompt_tokens_details":{"cached_tokens":1,"caching_tokens":2},"completion_tokens_details":{"reasoning_tokens":3},"cost":0.0001}}`},
		"null usage": {
			`{"usage":null,"model":"m","choices":[]}`,
			`{"usage":{"prompt_tokens":4,"completion_tokens":5,"total_tokens":9,"prompt_tokens_details":{"cached_tokens":1,"caching_tokens":2},"completion_tokens_details":{"reasoning_tokens":3},"cost":0.0001},"model":"p/m","choices":[]}`},
		"no model": {
			`{"choices":[],"usage":{"cost":1,"prompt_tokens_details":{"cached_tokens":1,"caching_tokens":1},"completion_tokens_details":{"reasoning_tokens":1}}}`,
			`{"model":"p/m","choices":[],"usage":{"cost":0.0001,"prompt_tokens_details":{"cached_tokens":1,"caching_tokens":1},"completion_tokens_details":{"reasoning_tokens":1}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			a, e := readAnswer([]byte(c.in), []byte(`"p/m"`))
			if e != nil {
				t.Fatal(e)
			}
			if diff := cmp.Diff(c.want, string(a.Append(nil, genai.Usage{Prompt: 4, Completion: 5}, b))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUsageOfOtherVendors(t *testing.T) {
	for text, want := range map[string]genai.Usage{
		`{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4,"caching_tokens":3},"completion_tokens_details":{"reasoning_tokens":2}}`: {Prompt: 10, Completion: 5, Total: 15, Cached: 4, Written: 3, Reasoning: 2},
		`{"prompt_tokens":10,"prompt_cache_hit_tokens":6,"prompt_cache_miss_tokens":4}`:                                                                                                  {Prompt: 10, Cached: 6},
		`{"prompt_tokens":10,"cache_read_input_tokens":6,"cache_creation_input_tokens":2}`:                                                                                               {Prompt: 10, Cached: 6, Written: 2},
		`{"prompt_tokens":10,"cached_tokens":6,"reasoning_tokens":1}`:                                                                                                                    {Prompt: 10, Cached: 6, Reasoning: 1},
		`{"input_tokens":1,"output_tokens":2,"input_tokens_details":{"cached_tokens":1}}`:                                                                                                {Prompt: 1, Completion: 2, Cached: 1},
		`{"prompt_tokens":10,"prompt_tokens_details":{"cache_write_tokens":3}}`:                                                                                                          {Prompt: 10, Written: 3},
		`{"prompt_tokens":-1,"completion_tokens":1e400,"total_tokens":"9"}`:                                                                                                              {Prompt: genai.Garbage, Completion: genai.Garbage, Total: genai.Garbage},
		`{"prompt_tokens":12.0,"completion_tokens":1.5,"total_tokens":123456789012345678901234567890}`:                                                                                   {Prompt: 12, Completion: genai.Garbage, Total: genai.Garbage},
		`{"prompt_tokens":1,"num_search_queries":2}`:                                                                                                                                     {Prompt: 1, Searches: 2},
		`{"prompt_tokens":1,"server_tool_use":{"web_search_requests":3}}`:                                                                                                                {Prompt: 1, Searches: 3},
		`{"prompt_tokens":1,"server_tool_use":null,"num_search_queries":null}`:                                                                                                           {Prompt: 1},
		`{"prompt_tokens":null}`: {},
	} {
		a, e := readAnswer([]byte(`{"choices":[],"usage":`+text+`}`), []byte(`""`))
		if e != nil || a.seen.Usage != want {
			t.Errorf("%s: got %+v, %v, want %+v", text, a, e, want)
		}
	}
}

func TestReadErrorShapes(t *testing.T) {
	for _, c := range []struct {
		status                     int
		body                       string
		want                       int
		kind, message, code, param string
	}{
		{400, `{"error":{"message":"bad","type":"invalid_request_error","param":"n","code":"c"}}`, 400, "provider_error", "bad", "c", "n"},
		{404, `{"error":{"message":"no","code":null}}`, 404, "provider_error", "no", "", ""},
		{429, `{"error":"slow down"}`, 429, "provider_rate_limited", "slow down", "", ""},
		{500, `{"detail":"oops"}`, 500, "provider_error", "oops", "", ""},
		{503, `<html>`, 503, "provider_error", "The provider answered with status 503.", "", ""},
		{529, ``, 529, "provider_overloaded", "The provider answered with status 529.", "", ""},
		{400, `[{"error":{"message":"gemini","code":400}}]`, 400, "provider_error", "gemini", "400", ""},
		{401, `{"error":{"message":"key sk-1"}}`, 502, "provider_credentials", "The provider refused the gateway's own account.", "provider_credentials", ""},
		{403, ``, 502, "provider_credentials", "The provider refused the gateway's own account.", "provider_credentials", ""},
		{302, ``, 424, "provider_unreadable", "The provider answered with status 302.", "provider_unreadable", ""},
	} {
		e := wire.ReadError(c.status, []byte(c.body))
		if e.Status != c.want || string(e.Kind) != c.kind || e.Message != c.message || e.Code != c.code || e.Param != c.param || e.Origin != "provider" {
			t.Errorf("%d %s: got %+v", c.status, c.body, e)
		}
	}
}
