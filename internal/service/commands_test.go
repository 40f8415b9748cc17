package service

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAskReady(t *testing.T) {
	state := OK
	var health Health
	health.Add("kafka", func(context.Context) (State, map[string]any) { return state, nil })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		health.Ready(w, r)
	}))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // is not for us
	f := func(listen string, s State, want string) {
		t.Helper()
		state = s
		var out bytes.Buffer
		got := ""
		if err := AskReady(t.Context(), listen, &out); err != nil {
			got = err.Error()
		}
		if got != want || !strings.Contains(out.String(), `"status":"`+string(s)+`"`) {
			t.Errorf("%s while %s: error %q, want %q; wrote %q", listen, s, got, want, &out)
		}
	}
	f("127.0.0.1:"+port, OK, "")
	f("0.0.0.0:"+port, OK, "")
	f("[::]:"+port, OK, "")
	f(":"+port, Degraded, "") // serves
	f(":"+port, Down, "not ready: 503 Service Unavailable")

	server.Close()
	for _, listen := range []string{":" + port, "nowhere"} {
		if err := AskReady(t.Context(), listen, new(bytes.Buffer)); err == nil {
			t.Errorf("%s: ready without a service", listen)
		}
	}
}

func TestWriteEnv(t *testing.T) {
	kafka, _ := defaults()
	var out bytes.Buffer
	line := struct {
		Flags
		Commands
		Run struct {
			Once bool `env:"WEIR_ONCE"`
		} `cmd:""`
	}{}
	if err := WriteEnv(&out, line, map[string]any{"kafka": &kafka}); err != nil {
		t.Fatal(err)
	}
	want := "WEIR_CONFIG\nWEIR_KAFKA__BROKERS\nWEIR_KAFKA__REPLICATION_FACTOR\nWEIR_LOG_FORMAT\nWEIR_LOG_LEVEL\nWEIR_ONCE\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}
