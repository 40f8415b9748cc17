package e2e_test

import (
	"encoding/xml"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.yaml.in/yaml/v3"

	"weir/e2e/stacktest"
)

// marked is what a test puts into the variable that .env.example leaves to its user.
func marked(variable string) string { return "value-of-" + strings.ToLower(variable) }

// dotEnv reads .env.example. What is empty in it gets a marked value.
func dotEnv(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, found := strings.Cut(strings.TrimSpace(line), "=")
		if !found || strings.HasPrefix(name, "#") {
			continue
		}
		if value == "" {
			value = marked(name)
		}
		env[name] = value
	}
	return env
}

// loadCompose reads docker-compose.yml as compose does, with these variables and no others.
func loadCompose(t *testing.T, env map[string]string) (*types.Project, error) {
	t.Helper()
	list := make([]string, 0, len(env))
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithEnv(list))
	if err != nil {
		t.Fatal(err)
	}
	return options.LoadProject(t.Context())
}

func compose(t *testing.T) *types.Project {
	t.Helper()
	project, err := loadCompose(t, dotEnv(t))
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// target is the stage of the Dockerfile that a service is built from, "" for an image from elsewhere.
func target(s types.ServiceConfig) string {
	if s.Build == nil {
		return ""
	}
	return s.Build.Target
}

// environment is what the containers of a service have: the image's variables under the service's own.
func environment(t *testing.T, s types.ServiceConfig) map[string]string {
	t.Helper()
	env := map[string]string{}
	if name := target(s); name != "" {
		env = findStage(t, name).env()
	}
	for name, value := range s.Environment {
		if value != nil {
			env[name] = *value
		}
	}
	return env
}

// TestComposeNeedsItsSecrets takes each variable away: what has no default stops compose with its name.
func TestComposeNeedsItsSecrets(t *testing.T) {
	needed := []string{"CLICKHOUSE_GRAFANA_PASSWORD", "CLICKHOUSE_PASSWORD", "GRAFANA_ADMIN_PASSWORD", "REDIS_PASSWORD", "WEIR_KEY_HASH_SECRET"}
	for name := range dotEnv(t) {
		env := dotEnv(t)
		delete(env, name)
		_, err := loadCompose(t, env)
		if slices.Contains(needed, name) != (err != nil && strings.Contains(err.Error(), name)) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, used := range regexp.MustCompile(`\$\{([A-Z_]+)`).FindAllStringSubmatch(string(text), -1) {
		if _, found := dotEnv(t)[used[1]]; !found {
			t.Errorf(".env.example does not tell of %s", used[1])
		}
	}
	// A secret is never written into the file: each one is what the variable says.
	for name, s := range compose(t).Services {
		for variable, value := range s.Environment {
			secret := strings.HasSuffix(variable, "PASSWORD") || strings.HasSuffix(variable, "SECRET") || strings.HasSuffix(variable, "API_KEY")
			if secret && (value == nil || !strings.HasPrefix(*value, "value-of-")) {
				t.Errorf("%s: %s is not taken from the environment", name, variable)
			}
		}
	}
}

// TestComposeVariablesAreRead holds the environment of Weir's services against what the binaries that the
// Dockerfile builds say that they read. A provider's key is a variable that weir.yaml names.
func TestComposeVariablesAreRead(t *testing.T) {
	work := buildImages(t)
	keys := providerKeys(t)
	ours := 0
	for name, s := range compose(t).Services {
		if target(s) == "" {
			continue
		}
		ours++
		read := append(variables(t, filepath.Join(work, "out", target(s))), keys[target(s)]...)
		for variable := range s.Environment {
			if !slices.Contains(read, variable) {
				t.Errorf("%s sets %s, which %s does not read", name, variable, target(s))
			}
		}
	}
	if ours != 5 {
		t.Errorf("%d services are built here, want the three, the migration and the audit", ours)
	}
	gateway := compose(t).Services["gateway"].Environment
	for _, variable := range keys["gateway"] {
		if _, found := gateway[variable]; !found {
			t.Errorf("deploy/weir.yaml names %s, which the gateway does not get", variable)
		}
	}
}

// providerKeys are the variables that deploy/weir.yaml names for the gateway.
func providerKeys(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "deploy", "weir.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Gateway struct {
			Providers []struct {
				APIKeyEnv string `yaml:"api_key_env"`
			}
		}
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	keys := map[string][]string{}
	for _, p := range c.Gateway.Providers {
		keys["gateway"] = append(keys["gateway"], p.APIKeyEnv)
	}
	return keys
}

// listens are the ports of each service: Weir's own from the variable that the binary listens by, Kafka's
// from its listeners, the others' from their images' documentation and the files mounted into them.
func listens(t *testing.T, project *types.Project) map[string][]string {
	t.Helper()
	ports := map[string][]string{
		"clickhouse": {"8123", "9000"}, "redis": {"6379"}, "prometheus": {"9090"}, "grafana": {"3000"},
	}
	for name, variable := range map[string]string{
		"gateway": "WEIR_GATEWAY__LISTEN", "ingest": "WEIR_INGEST__METRICS_LISTEN", "aggregator": "WEIR_AGGREGATOR__METRICS_LISTEN",
	} {
		host, port, err := net.SplitHostPort(environment(t, project.Services[name])[variable])
		if err != nil || host != "0.0.0.0" {
			t.Errorf("%s listens on host %q port %q, %v: nobody outside of the container reaches it", name, host, port, err)
		}
		ports[name] = []string{port}
		if exposed := findStage(t, name).all("EXPOSE"); len(exposed) != 1 || exposed[0].args[0] != port {
			t.Errorf("the image of %s exposes %v and listens on %s", name, exposed, port)
		}
	}
	for _, listener := range strings.Split(environment(t, project.Services["kafka"])["KAFKA_LISTENERS"], ",") {
		ports["kafka"] = append(ports["kafka"], listener[strings.LastIndex(listener, ":")+1:])
	}
	own, err := os.ReadFile(filepath.Join(root, "deploy", "clickhouse", "config.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Prometheus string `xml:"prometheus>port"`
	}
	if err := xml.Unmarshal(own, &config); err != nil || config.Prometheus == "" {
		t.Errorf("deploy/clickhouse/config.xml has no port for Prometheus: %v", err)
	}
	ports["clickhouse"] = append(ports["clickhouse"], config.Prometheus)
	return ports
}

// TestComposePorts holds every port that is published, scraped or called against what is listened on.
func TestComposePorts(t *testing.T) {
	project := compose(t)
	ports := listens(t, project)
	check := func(where, host, port string) {
		t.Helper()
		if !slices.Contains(ports[host], port) {
			t.Errorf("%s: %s does not listen on %s, only on %v", where, host, port, ports[host])
		}
	}
	for name, s := range project.Services {
		for _, p := range s.Ports {
			check("published by "+name, name, strconv.Itoa(int(p.Target)))
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %d on %q, not on this machine only", name, p.Target, p.HostIP)
			}
		}
		// Addresses of our services are host:port, "kafka:9092".
		for variable, value := range s.Environment {
			if !strings.HasSuffix(variable, "__ADDR") && !strings.HasSuffix(variable, "__BROKERS") {
				continue
			}
			for _, address := range strings.Split(*value, ",") {
				host, port, err := net.SplitHostPort(address)
				if err != nil {
					t.Errorf("%s: %s is %q", name, variable, address)
				}
				check(name+" "+variable, host, port)
				// The gateway serves without ClickHouse, so nothing of it waits for that.
				needless := name == "gateway" && host == "clickhouse"
				if _, waits := s.DependsOn[host]; waits == needless && s.Command == nil {
					t.Errorf("%s calls %s and starts after it: %v", name, host, waits)
				}
			}
		}
		if u := healthURL(s); u != nil {
			check("health check of "+name, name, u.Port())
		}
	}
	for _, job := range scrapes(t) {
		for _, address := range job.targets {
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				t.Fatal(err)
			}
			if host == "localhost" {
				host = "prometheus"
			}
			check("prometheus.yml", host, port)
			if host != job.name {
				t.Errorf("the job %s scrapes %s: alerts go by the job's name", job.name, host)
			}
		}
	}
	for _, name := range services() {
		if !slices.ContainsFunc(scrapes(t), func(j job) bool { return j.name == name }) {
			t.Errorf("Prometheus does not scrape %s", name)
		}
	}
}

// healthURL is what a health check asks over HTTP; nil when it asks otherwise.
func healthURL(s types.ServiceConfig) *url.URL {
	if s.HealthCheck == nil {
		return nil
	}
	for _, word := range s.HealthCheck.Test {
		if u, err := url.Parse(word); err == nil && u.Scheme == "http" {
			return u
		}
	}
	return nil
}

type job struct {
	name    string
	targets []string
}

// scrapes are the jobs of prometheus.yml.
func scrapes(t *testing.T) []job {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "deploy", "prometheus", "prometheus.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Jobs []struct {
			Name   string                       `yaml:"job_name"`
			Static []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	var jobs []job
	for _, j := range c.Jobs {
		one := job{name: j.Name}
		for _, s := range j.Static {
			one.targets = append(one.targets, s.Targets...)
		}
		jobs = append(jobs, one)
	}
	return jobs
}

// TestComposeFilesAndVolumes looks for every file that is mounted, and that what must be kept is.
func TestComposeFilesAndVolumes(t *testing.T) {
	project := compose(t)
	kept := map[string]string{}
	for name, s := range project.Services {
		for _, v := range s.Volumes {
			switch v.Type {
			case types.VolumeTypeBind:
				if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly {
					t.Errorf("%s mounts %s (read-only: %v): %v", name, v.Source, v.ReadOnly, err)
				}
			case types.VolumeTypeVolume:
				kept[name] = v.Target
			}
		}
		if path := s.Environment["WEIR_CONFIG"]; path != nil && !slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == *path }) {
			t.Errorf("%s reads %s, where nothing is mounted", name, *path)
		}
	}
	spool := environment(t, project.Services["gateway"])["WEIR_GATEWAY__SPOOL__DIR"]
	want := map[string]string{
		"kafka": environment(t, project.Services["kafka"])["KAFKA_LOG_DIRS"], "gateway": spool,
		"clickhouse": "/var/lib/clickhouse", "prometheus": "/prometheus", "grafana": "/var/lib/grafana",
	}
	if !maps.Equal(kept, want) {
		t.Errorf("kept is %v, want %v", kept, want)
	}
	if !slices.ContainsFunc(findStage(t, "gateway").all("COPY"), func(i instruction) bool { return i.args[1] == spool }) {
		t.Errorf("the image has no folder %s whose owner the volume takes", spool)
	}
}

// TestComposeStartsInOrder checks what waits for what, and that what is waited for can be seen.
func TestComposeStartsInOrder(t *testing.T) {
	project := compose(t)
	for name, s := range project.Services {
		image := findImage(t, s)
		for on, d := range s.DependsOn {
			other := project.Services[on]
			switch d.Condition {
			case types.ServiceConditionHealthy:
				if !checked(t, other) {
					t.Errorf("%s waits for the health of %s, which nobody checks", name, on)
				}
			case types.ServiceConditionCompletedSuccessfully:
				if other.Restart != "no" {
					t.Errorf("%s waits for the end of %s, which is restarted: %q", name, on, other.Restart)
				}
			default:
				t.Errorf("%s starts after %s with the condition %q", name, on, d.Condition)
			}
		}
		if name == "migrate" {
			continue
		}
		// The audit listens nowhere; an alert tells when it no longer runs.
		if s.Restart != types.RestartPolicyUnlessStopped || checked(t, s) == (name == "audit") || s.StopGracePeriod == nil {
			t.Errorf("%s: restart %q, checked %v, grace %v", name, s.Restart, checked(t, s), s.StopGracePeriod)
		}
		if image.base == "" && !regexp.MustCompile(`:v?\d+\.\d+\.\d+`).MatchString(s.Image) {
			t.Errorf("the image %s is not pinned", s.Image)
		}
	}
	for _, name := range []string{"ingest", "aggregator"} {
		if project.Services[name].DependsOn["migrate"].Condition != types.ServiceConditionCompletedSuccessfully {
			t.Errorf("%s does not wait for the tables", name)
		}
	}
	gateway := project.Services["gateway"]
	patience, err := time.ParseDuration(environment(t, gateway)["WEIR_GATEWAY__SHUTDOWN_TIMEOUT"])
	if grace := time.Duration(*gateway.StopGracePeriod); err != nil || grace < patience+20*time.Second {
		t.Errorf("the gateway is killed after %v and gives open calls %v (%v)", grace, patience, err)
	}
	if gateway.Hostname == "" {
		t.Error("the gateway's machine has another name at each start, which its spool refuses")
	}
}

// findImage is the stage that a service is built from, or an empty one.
func findImage(t *testing.T, s types.ServiceConfig) stage {
	t.Helper()
	if target(s) == "" {
		return stage{}
	}
	return findStage(t, target(s))
}

func checked(t *testing.T, s types.ServiceConfig) bool {
	t.Helper()
	if s.HealthCheck != nil {
		return !s.HealthCheck.Disable && len(s.HealthCheck.Test) > 1
	}
	return len(findImage(t, s).health()) > 0
}

// TestComposeKafkaKeepsTheLedger checks the settings without which the log loses what Weir wrote.
func TestComposeKafkaKeepsTheLedger(t *testing.T) {
	env := environment(t, compose(t).Services["kafka"])
	for name, want := range map[string]string{
		"KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false", "KAFKA_LOG_RETENTION_MS": "-1", "KAFKA_UNCLEAN_LEADER_ELECTION_ENABLE": "false",
		"KAFKA_DEFAULT_REPLICATION_FACTOR": "1", "KAFKA_MIN_INSYNC_REPLICAS": "1", "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
		"KAFKA_PROCESS_ROLES": "broker,controller",
	} {
		if env[name] != want {
			t.Errorf("%s is %q, want %q", name, env[name], want)
		}
	}
	if minutes, err := strconv.Atoi(env["KAFKA_OFFSETS_RETENTION_MINUTES"]); err != nil || minutes < 90*24*60 {
		t.Errorf("the place of a stopped reader is forgotten after %s minutes", env["KAFKA_OFFSETS_RETENTION_MINUTES"])
	}
	if got := env["KAFKA_ADVERTISED_LISTENERS"]; got != "PLAINTEXT://"+environment(t, compose(t).Services["ingest"])["WEIR_KAFKA__BROKERS"] {
		t.Errorf("Kafka says that it is at %s", got)
	}
	if !stacktest.RealServers() {
		return // kfake knows a few settings only
	}
	// The image writes KAFKA_LOG_DIRS as log.dirs; a setting that there is not would be ignored.
	known := brokerSettings(t, shared.Kafka)
	for variable := range env {
		name, found := strings.CutPrefix(variable, "KAFKA_")
		if found && name != "HEAP_OPTS" && !slices.Contains(known, strings.ReplaceAll(strings.ToLower(name), "_", ".")) {
			t.Errorf("%s is no setting of a broker", variable)
		}
	}
}

// brokerSettings are the names of all settings that a Kafka broker has.
func brokerSettings(t *testing.T, address string) []string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request := kmsg.NewPtrDescribeConfigsRequest()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeBroker, "1"
	request.Resources = append(request.Resources, resource)
	response, err := request.RequestWith(t.Context(), client)
	if err != nil || len(response.Resources) != 1 || response.Resources[0].ErrorCode != 0 {
		t.Fatalf("ask the broker for its settings: %v, %+v", err, response)
	}
	var names []string
	for _, c := range response.Resources[0].Configs {
		names = append(names, c.Name)
	}
	return names
}
