package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every thread of a child that yields has the lower priority, and none of another's.
func TestAChildThatYieldsDoesSoWithAllItsThreads(t *testing.T) {
	s, _ := newSupervisor(t)
	dir := t.TempDir()
	polite := server(dir, "polite", "server")
	polite.Yields = true
	for _, spec := range []Spec{polite, server(dir, "other", "server")} {
		if err := s.Start(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"polite": fmt.Sprint(yieldNice), "other": "0"} {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", s.PIDs()[name]))
		if err != nil || len(threads) < 2 {
			t.Fatalf("threads of %s: %d, %v", name, len(threads), err)
		}
		for _, path := range threads {
			stat, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
			if nice := fields[16]; nice != want { // field 19 of proc_pid_stat(5)
				t.Errorf("%s: %s has niceness %s, want %s", name, path, nice, want)
			}
		}
	}
}
