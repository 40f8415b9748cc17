package clickhouse

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"weir/clickhouse/enginetest"
)

// childEnv makes the test binary one of the other processes of these tests.
const childEnv = "WEIR_CLICKHOUSE_TEST_CHILD"

type child struct {
	Config  Config
	Migrate bool // migrate and end; else take the lock and hang
}

// beChild is what TestMain does first. It returns only in the tests' own process.
func beChild() {
	text := os.Getenv(childEnv)
	if text == "" {
		return
	}
	if err := runChild(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runChild(text string) error {
	var c child
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	if c.Migrate {
		return Migrate(context.Background(), c.Config)
	}
	conn, err := lockConn(c.Config)
	if err != nil {
		return err
	}
	if _, _, err := acquireLock(context.Background(), conn, c.Config.Database); err != nil {
		return err
	}
	fmt.Println("held")
	_, err = io.Copy(io.Discard, os.Stdin) // until the parent is gone
	return err
}

func lockConn(cfg Config) (driver.Conn, error) {
	cfg.Database = "default"
	options, err := cfg.options()
	if err != nil {
		return nil, err
	}
	return clickhouse.Open(options)
}

func command(t *testing.T, c child) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	return cmd
}

func TestALockExcludesOthersAndEndsWithItsHolder(t *testing.T) {
	cfg := testConfig(t)
	// One of its own: it may end with the client that is killed.
	own, err := enginetest.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { own.Kill() }()
	cfg.Addr = own.Addr()
	holder := command(t, child{Config: cfg})
	if _, err := holder.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "held\n" {
		t.Fatalf("the other process took no lock: %q, %v", line, err)
	}

	conn, err := lockConn(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, _, err := acquireLock(short, conn, cfg.Database); err == nil {
		t.Fatal("two processes hold one lock")
	}

	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	long, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ctx, held, err := acquireLock(long, conn, cfg.Database)
	if err != nil && own.Ended(5*time.Second) {
		own.Kill()
		if own, err = own.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, held, err = acquireLock(long, conn, cfg.Database)
	}
	if err != nil {
		t.Fatalf("the lock of a killed process: %v", err)
	}
	if ctx.Err() != nil {
		t.Errorf("the lock was lost at once: %v", ctx.Err())
	}
	held.release()

	ctx, held, err = acquireLock(long, conn, cfg.Database)
	if err != nil {
		t.Fatalf("the lock that was released: %v", err)
	}
	// An administrator, or a server that goes down, ends the query: the holder
	// hears of it.
	if err := conn.Exec(t.Context(), "KILL QUERY WHERE query_id = ?", cfg.Database); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ctx.Done():
	case <-long.Done():
		t.Error("the holder of a lost lock was not told")
	}
	held.release()
}

func TestManyProcessesMigrateAtOnce(t *testing.T) {
	cfg := testConfig(t)
	var commands []*exec.Cmd
	for range 4 {
		cmd := command(t, child{Config: cfg, Migrate: true})
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		commands = append(commands, cmd)
	}
	for _, cmd := range commands {
		if err := cmd.Wait(); err != nil {
			t.Errorf("one of the processes: %v", err)
		}
	}
	db := openDB(t, cfg)
	want := fmt.Sprintf("%d|%[1]d|%[1]d", len(migrationFiles(t)))
	got := only(t, db, "SELECT max(version), countIf(dirty = 0), uniqExactIf(version, dirty = 0) FROM schema_migrations")
	if got != want {
		t.Errorf("newest version, migrations applied, distinct ones: got %s, want %s", got, want)
	}
}

func TestAnInterruptedMigrationIsRepeated(t *testing.T) {
	for _, version := range []int{1, 2, 8, len(migrationFiles(t))} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			db := openMigrated(t)
			cfg := testConfig(t)
			execute(t, db, "INSERT INTO schema_migrations SELECT ?, 1, max(sequence) + 1 FROM schema_migrations", version)
			if err := Migrate(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf("%d|0", len(migrationFiles(t)))
			if got := only(t, db, "SELECT version, dirty FROM schema_migrations ORDER BY sequence DESC LIMIT 1"); got != want {
				t.Errorf("version, dirty: got %s, want %s", got, want)
			}
		})
	}
}

func TestMigrateStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Migrate(ctx, testConfig(t)); err == nil {
		t.Error("a migration ran under a context that had ended")
	}
}

func migrationFiles(t *testing.T) []string {
	t.Helper()
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, entry := range entries {
		files = append(files, entry.Name())
	}
	return files
}

// A migration that is killed half-way runs again, so each must be able to.
func TestMigrationsMayRunTwice(t *testing.T) {
	for _, name := range migrationFiles(t) {
		text, err := migrations.ReadFile("migrations/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var statement []string
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "--") {
				statement = append(statement, line)
			}
		}
		sql := strings.Join(statement, "")
		repeatable := false
		for _, start := range []string{"CREATE TABLE IF NOT EXISTS ", "CREATE VIEW IF NOT EXISTS ", "CREATE OR REPLACE VIEW ", "ALTER TABLE "} {
			repeatable = repeatable || strings.HasPrefix(sql, start)
		}
		if !repeatable || strings.HasPrefix(sql, "ALTER") && !strings.Contains(sql, "EXISTS") {
			t.Errorf("%s: cannot run twice", name)
		}
		if strings.Contains(sql, ";") {
			t.Errorf("%s: more than one statement", name)
		}
	}
}

func TestRetention(t *testing.T) {
	db := openMigrated(t)
	cfg := testConfig(t)
	ttl := func() string {
		return only(t, db, "SELECT extract(create_table_query, 'TTL ([^S]+) SETTINGS') FROM system.tables WHERE database = ? AND name = 'usage'", cfg.Database)
	}
	for _, c := range []struct {
		months int
		want   string
	}{{0, ""}, {13, "toDateTime(occurred_at) + toIntervalMonth(13)"}, {13, "toDateTime(occurred_at) + toIntervalMonth(13)"}, {2, "toDateTime(occurred_at) + toIntervalMonth(2)"}, {0, ""}} {
		cfg.RetentionMonths = c.months
		if err := Migrate(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		if got := ttl(); got != c.want {
			t.Errorf("%d months: got TTL %q, want %q", c.months, got, c.want)
		}
	}
}
