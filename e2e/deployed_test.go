package e2e_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/e2e/stacktest"
)

// deployment is Weir as docker-compose.yml has it, on the servers of a stack: the binaries that the
// Dockerfile builds, the file that is mounted, the variables that are set. Only where the servers are and
// how one logs in there is the stack's.
type deployment struct {
	folder string // of the build
	config string
	stack  *stacktest.Stack
	ports  map[string]string // address by the variable that a service listens by

	hashSecret string // of the API keys
}

// deploy prepares a deployment whose weir.yaml has the stack's provider for OpenAI's. The log is the stack's, and so
// its keys are that one's too, and the secret under which they are hashed.
func deploy(t *testing.T, stack *stacktest.Stack) *deployment {
	t.Helper()
	d := &deployment{folder: buildImages(t), stack: stack, config: filepath.Join(t.TempDir(), "weir.yaml"), ports: map[string]string{}}
	text, err := os.ReadFile(filepath.Join(root, "deploy", "weir.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const openAI = "https://api.openai.com/v1"
	if !bytes.Contains(text, []byte(openAI)) {
		t.Fatalf("deploy/weir.yaml has no %q", openAI)
	}
	text = bytes.Replace(text, []byte(openAI), []byte(stacktest.URL(stack.Provider)+"/v1"), 1)
	secret, err := os.ReadFile(filepath.Join(stack.Data, "key_hash_secret"))
	if err != nil {
		t.Fatal(err)
	}
	d.hashSecret = strings.TrimSpace(string(secret))
	if err := os.WriteFile(d.config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, variable := range []string{"WEIR_GATEWAY__LISTEN", "WEIR_INGEST__METRICS_LISTEN", "WEIR_AGGREGATOR__METRICS_LISTEN"} {
		d.ports[variable] = freeAddress(t)
	}
	return d
}

// freeAddress is a port that nobody has now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// env is the environment of a service.
func (d *deployment) env(t *testing.T, service string) []string {
	t.Helper()
	instead := map[string]string{
		"WEIR_CONFIG": d.config, "WEIR_KAFKA__BROKERS": d.stack.Kafka, "WEIR_CLICKHOUSE__ADDR": d.stack.ClickHouseNative,
		"WEIR_CLICKHOUSE__USERNAME": "default", "WEIR_CLICKHOUSE__PASSWORD": "", "WEIR_REDIS__ADDR": d.stack.Redis, "WEIR_REDIS__PASSWORD": "",
		"WEIR_GATEWAY__SPOOL__DIR": filepath.Join(filepath.Dir(d.config), "spool"), "WEIR_GATEWAY__KEY_HASH_SECRET": d.hashSecret,
		"WEIR_GATEWAY__CREDENTIAL_KEYS": "first:" + base64.StdEncoding.EncodeToString(make([]byte, 32)),
	}
	for name, address := range d.ports {
		instead[name] = address
	}
	var env []string
	for name, value := range environment(t, compose(t).Services[service]) {
		if other, found := instead[name]; found {
			value = other
		}
		env = append(env, name+"="+value)
	}
	return env
}

// binary is the path of what the service's image starts.
func (d *deployment) binary(t *testing.T, service string) string {
	t.Helper()
	return filepath.Join(d.folder, "out", target(compose(t).Services[service]))
}

// start starts a service with the command that compose gives it.
func (d *deployment) start(t *testing.T, service string) *stacktest.Service {
	t.Helper()
	return stacktest.Run(t, d.binary(t, service), compose(t).Services[service].Command, d.env(t, service))
}

// healthy runs the health check of the service's image.
func (d *deployment) healthy(t *testing.T, service string) error {
	t.Helper()
	image := findImage(t, compose(t).Services[service])
	check := exec.CommandContext(t.Context(), d.binary(t, service), image.health()[1:]...)
	check.Env = d.env(t, service)
	if out, err := check.CombinedOutput(); err != nil {
		return fmt.Errorf("%s is not healthy: %w: %s", service, err, out)
	}
	return nil
}

// TestDeployment starts the services as compose does, one after the other, sees their health checks fail and
// pass, makes a call, and stops the gateway while a call is open that takes longer than the other cleanups
// may.
func TestDeployment(t *testing.T) {
	stack := stacktest.New(t, stacktest.Options{})
	d := deploy(t, stack)
	for _, service := range services() {
		if err := d.healthy(t, service); err == nil {
			t.Errorf("%s is healthy before it runs", service)
		}
	}
	if code, err := d.start(t, "migrate").Wait(visible); err != nil || code != 0 {
		t.Fatalf("migrate ended with %d, %v", code, err)
	}
	gateway := d.start(t, "gateway")
	d.start(t, "ingest")
	d.start(t, "aggregator")
	audit := d.start(t, "audit")
	for _, service := range services() {
		stacktest.Eventually(t, visible, func() error { return d.healthy(t, service) })
		text := metrics(t, d.ports[map[string]string{
			"gateway": "WEIR_GATEWAY__LISTEN", "ingest": "WEIR_INGEST__METRICS_LISTEN", "aggregator": "WEIR_AGGREGATOR__METRICS_LISTEN",
		}[service]])
		if !strings.Contains(text, `version="`+release+`"`) {
			t.Errorf("%s does not say that it is %s", service, release)
		}
	}

	stacktest.Eventually(t, visible, func() error {
		if out := audit.Printed(); !strings.Contains(out, `"clean"`) {
			return fmt.Errorf("the audit prints %q and says %q", out, audit.Output())
		}
		return nil
	})
	if err := audit.Stop(); err != nil {
		t.Error(err)
	}

	client := stacktest.ClientOf(d.ports["WEIR_GATEWAY__LISTEN"], stack.APIKey)
	const open = 17 * time.Second // service.StopLimit is 15 s
	long := make(chan stacktest.Answer, 1)
	go func() {
		long <- client.Chat(t.Context(), stacktest.ChatBody(fmt.Sprintf("small:latency=%v", open), ""))
	}()
	short := client.Chat(t.Context(), stacktest.ChatBody("small", ""))
	if short.Status != 200 {
		t.Fatalf("a call is answered %v", short)
	}
	stacktest.Eventually(t, visible, func() error {
		if text := metrics(t, d.ports["WEIR_GATEWAY__LISTEN"]); !strings.Contains(text, "weir_gateway_calls_in_flight 1\n") {
			return fmt.Errorf("the long call has not begun")
		}
		return nil
	})
	if err := gateway.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	answer := <-long
	if answer.Status != 200 || answer.Err != nil {
		t.Errorf("the call that was open when the gateway was stopped is answered %v", answer)
	}
	if code, err := gateway.Wait(visible); err != nil || code != 0 {
		t.Errorf("the gateway ended with %d, %v\n%s", code, err, gateway.Output())
	}
	usage := stacktest.WaitUsage(t, stacktest.OpenBooks(t, stack), visible, short, answer)
	for _, a := range []stacktest.Answer{short, answer} {
		if row := usage[a.RequestID]; row.KeyID != "key_dev" || row.Provider != "openai" || row.Model != strings.TrimPrefix(row.RequestedModel, "openai/") {
			t.Errorf("the call is in the books as %+v", row)
		}
	}
}
