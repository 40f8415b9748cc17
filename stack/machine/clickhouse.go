package machine

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"weir/stack/engine"
	"weir/stack/ports"
	"weir/stack/supervisor"
)

// The oldest ClickHouse that Weir's tables and settings work with.
const oldestYear, oldestMonth = 25, 3

// clickHouseSpec is the server to start: `clickhouse` on PATH where it is new enough, else the engine,
// fetched first where the cache does not have it.
func (s *Stack) clickHouseSpec(ctx context.Context) (supervisor.Spec, error) {
	dir := s.data.path(partClickHouse)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return supervisor.Spec{}, fmt.Errorf("cannot write to %s: %w", dir, cause(err))
	}
	configPath, err := s.writeClickHouseConfig(dir)
	if err != nil {
		return supervisor.Spec{}, err
	}
	spec := supervisor.Spec{
		Name:   partClickHouse,
		Log:    s.logPath(partClickHouse),
		Yields: true, // as those who write to it
		Ready:  pingHTTP(s.addresses.clickHouseHTTP, "/ping"),
	}
	if path, found := installedClickHouse(ctx); found {
		spec.Path = path
		spec.Args = []string{"server", "--config-file=" + configPath}
		spec.Env = []string{"CLICKHOUSE_WATCHDOG_ENABLE=0"} // its watchdog would hide the server's pid from us
		return spec, nil
	}
	library, err := engine.Fetch(ctx, s.opts.Out)
	if err != nil {
		return supervisor.Spec{}, err
	}
	spec.Path = s.opts.Self
	spec.Args = []string{
		"clickhouse", "--library", library, "--config", configPath, "--data", dir, "--host", ports.Host,
		"--native", strconv.Itoa(port(s.addresses.clickHouse)), "--http", strconv.Itoa(port(s.addresses.clickHouseHTTP)),
	}
	return spec, nil
}

// installedClickHouse is the path of `clickhouse` if there is one that is new enough.
func installedClickHouse(ctx context.Context) (string, bool) {
	path, err := exec.LookPath("clickhouse")
	if err != nil {
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	return path, err == nil && newEnough(string(out))
}

// versionForm finds the first "25.3" in "ClickHouse local version 25.3.2.39 (official build)."
var versionForm = regexp.MustCompile(`\b(\d+)\.(\d+)\b`)

func newEnough(version string) bool {
	found := versionForm.FindStringSubmatch(version)
	if found == nil {
		return false
	}
	year, err1 := strconv.Atoi(found[1])
	month, err2 := strconv.Atoi(found[2])
	if err1 != nil || err2 != nil {
		return false
	}
	return year > oldestYear || year == oldestYear && month >= oldestMonth
}

// clickHouseConfig serves the installed server and the engine alike. No system log table is configured,
// so ClickHouse writes none: an idle stack is idle. Caches are sized for a laptop; they fill on demand.
const clickHouseConfig = `<!-- Written by bin/stack at every start: changes here are lost. -->
<clickhouse>
  <logger>
    <level>warning</level>
    <log>%[1]s/server.log</log>
    <errorlog>%[1]s/server.err.log</errorlog>
    <size>8M</size>
    <count>1</count>
  </logger>
  <listen_host>%[2]s</listen_host>
  <tcp_port>%[3]d</tcp_port>
  <http_port>%[4]d</http_port>
  <path>%[1]s/</path>
  <tmp_path>%[1]s/tmp/</tmp_path>
  <user_files_path>%[1]s/user_files/</user_files_path>
  <format_schema_path>%[1]s/format_schemas/</format_schema_path>
  <backups><allowed_path>%[1]s/backups/</allowed_path></backups>
  <background_schedule_pool_size>8</background_schedule_pool_size>
  <mark_cache_size>134217728</mark_cache_size>
  <index_mark_cache_size>33554432</index_mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <mmap_cache_size>256</mmap_cache_size>
  <compiled_expression_cache_size>16777216</compiled_expression_cache_size>
  <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>
  <users>
    <default>
      <password></password>
      <networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
    </default>
  </users>
  <profiles><default></default></profiles>
  <quotas><default></default></quotas>
</clickhouse>
`

func (s *Stack) writeClickHouseConfig(dir string) (string, error) {
	var escaped bytes.Buffer
	if err := xml.EscapeText(&escaped, []byte(dir)); err != nil {
		return "", fmt.Errorf("write ClickHouse's configuration: %w", err)
	}
	content := fmt.Sprintf(clickHouseConfig, escaped.String(), ports.Host, port(s.addresses.clickHouse), port(s.addresses.clickHouseHTTP))
	path := s.data.path("clickhouse.xml")
	return path, writeFile(path, []byte(content))
}
