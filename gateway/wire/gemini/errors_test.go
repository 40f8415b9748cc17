package gemini

import (
	"testing"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire/wiretest"
)

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		text    string
		kind    apierror.Kind
		want    int
		code    string
		message string
		retry   string
	}{
		"plain": {400, `{"error":{"code":400,"message":"bad field","status":"INVALID_ARGUMENT"}}`,
			apierror.ProviderError, 400, "INVALID_ARGUMENT", "bad field", ""},
		"in an array": {404, `[{"error":{"code":404,"message":"no such model","status":"NOT_FOUND"}}]`,
			apierror.ProviderError, 404, "NOT_FOUND", "no such model", ""},
		"quota": {429, `{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"16.2s"}]}}`,
			apierror.ProviderRateLimited, 429, "RESOURCE_EXHAUSTED", "slow down", "17"},
		"bad key": {400, `{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}`,
			apierror.ProviderCredentials, 502, "provider_credentials", "The provider refused the gateway's own account.", ""},
		"forbidden": {403, `{"error":{"code":403,"message":"project 123","status":"PERMISSION_DENIED"}}`,
			apierror.ProviderCredentials, 502, "provider_credentials", "The provider refused the gateway's own account.", ""},
		"overloaded": {503, `{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}`,
			apierror.ProviderError, 503, "UNAVAILABLE", "overloaded", ""},
		"html": {500, `<html>`, apierror.ProviderError, 500, "", "The provider answered with status 500.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(API).ReadError(c.status, []byte(c.text))
			if e.Kind != c.kind || e.Status != c.want || e.Code != c.code || e.Message != c.message || e.RetryAfter != c.retry {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestStreamFailures(t *testing.T) {
	begun := `data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}],"responseId":"r"}` + "\n\n"
	for name, c := range map[string]struct {
		text   string
		status int
		kind   apierror.Kind
	}{
		"object":       {begun + `data: {"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}` + "\n\n", 503, apierror.ProviderError},
		"array":        {`data: [{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED"}}]` + "\n\n", 429, apierror.ProviderRateLimited},
		"cut":          {begun, 502, apierror.ProviderCut},
		"nothing":      {"", 502, apierror.ProviderCut},
		"no stream":    {"{\n  \"error\": {\n \"code\": 500, \"message\": \"x\"\n }\n}\n", 500, apierror.ProviderError},
		"page":         {"<html>\n\n", 424, apierror.ProviderUnreadable},
		"no JSON":      {"data: hello\n\n", 424, apierror.ProviderUnreadable},
		"half of JSON": {begun + "data: {\"candidates\":[\n\n", 424, apierror.ProviderUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			for size := 1; size < len(c.text)+2; size += 5 {
				events := wiretest.Events(New(API), []byte(c.text), size)
				last := events[len(events)-1]
				if last.Kind != genai.Failure || last.Err.Status != c.status || last.Err.Kind != c.kind {
					t.Fatalf("cut every %d bytes: %+v", size, last)
				}
			}
		})
	}
}
