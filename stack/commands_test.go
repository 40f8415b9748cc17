package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/stack/machine"
)

func TestParseProviders(t *testing.T) {
	got, err := parseProviders([]string{"openai=https://api.openai.com/v1/", "mock=http://127.0.0.1:1/v1?a=b", "anthropic"})
	if err != nil {
		t.Fatal(err)
	}
	want := []machine.Provider{
		{Name: "openai", URL: "https://api.openai.com/v1"},
		{Name: "mock", URL: "http://127.0.0.1:1/v1?a=b"},
		{Name: "anthropic"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("providers (-want +got):\n%s", diff)
	}
	for _, text := range []string{"", "open ai", "openai=", "=http://a/v1", "a/b=http://a/v1", "openai=api.openai.com", "openai=:"} {
		if got, err := parseProviders([]string{text}); err == nil {
			t.Errorf("parseProviders(%q) = %v, want an error", text, got)
		}
	}
}
