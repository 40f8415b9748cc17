package apachekafka

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/stack/cache"
)

// maven puts a mvn on PATH that brings the files, and a cache in an empty folder.
func maven(t *testing.T, files map[string]string) (calls func() int) {
	t.Helper()
	bin, source, count := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "count")
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(source, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := fmt.Sprintf(`#!/bin/sh
echo called >>%s
test -s pom.xml || exit 3
for arg; do case $arg in -DoutputDirectory=*) to=${arg#*=} ;; esac; done
mkdir "$to" && cp %s/* "$to"
`, count, source)
	if err := os.WriteFile(filepath.Join(bin, "mvn"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	t.Setenv("WEIR_ENGINE_CACHE", t.TempDir())
	return func() int {
		lines, _ := os.ReadFile(count)
		return strings.Count(string(lines), "called")
	}
}

// The sums of "one" and "two".
const (
	sumOne = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
	sumTwo = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"
)

func expectSums(t *testing.T, text string) {
	t.Helper()
	before := sums
	sums = []byte(text)
	t.Cleanup(func() { sums = before })
}

func TestFetchBringsTheJarsOnce(t *testing.T) {
	expectSums(t, sumOne+"  a.jar\n"+sumTwo+"  b.jar\n")
	calls := maven(t, map[string]string{"a.jar": "one", "b.jar": "two"})
	for range 2 {
		jars, err := Fetch(t.Context(), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if content, err := os.ReadFile(filepath.Join(jars, "b.jar")); err != nil || string(content) != "two" {
			t.Errorf("b.jar holds %q (%v)", content, err)
		}
	}
	if n := calls(); n != 1 {
		t.Errorf("Maven was called %d times, want once", n)
	}
}

func TestAJarThatIsNotTheOneWrittenDownIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"altered": {map[string]string{"a.jar": "one", "b.jar": "tow"}, "brought as b.jar"},
		"unknown": {map[string]string{"a.jar": "one", "b.jar": "two", "c.jar": "three"}, "brought as c.jar"},
		"missing": {map[string]string{"a.jar": "one"}, "b.jar is not among"},
	} {
		t.Run(name, func(t *testing.T) {
			expectSums(t, sumOne+"  a.jar\n"+sumTwo+"  b.jar\n")
			maven(t, c.files)
			if _, err := Fetch(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Fetch = %v, want an error with %q", err, c.want)
			}
			dir, err := cache.Dir("kafka-" + Version)
			if err != nil {
				t.Fatal(err)
			}
			left, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || len(left) != 1 || filepath.Base(left[0]) != "lock" {
				t.Errorf("the cache holds %v, want the lock alone", left)
			}
		})
	}
}

func TestWithoutMavenOrJava(t *testing.T) {
	t.Setenv("WEIR_ENGINE_CACHE", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	t.Setenv("JAVA_HOME", "")
	if _, err := Fetch(t.Context(), io.Discard); !errors.Is(err, errNoMaven) {
		t.Errorf("Fetch = %v, want a sentence about Maven", err)
	}
	if _, err := (Server{Dir: t.TempDir()}).Prepare(nil); !errors.Is(err, errNoJava) {
		t.Errorf("Prepare = %v, want a sentence about Java", err)
	}
}

// pom.xml, the version in the cache's name and the sums are changed together.
func TestVersionIsThatOfTheJars(t *testing.T) {
	if !strings.Contains(string(pom), "<version>"+Version+"</version>") || !strings.Contains(string(sums), "  kafka_2.13-"+Version+".jar\n") {
		t.Errorf("pom.xml and jars.sha256 are not those of Kafka %s", Version)
	}
}

// A format that did not end well is begun again, and what is formatted is not formatted again.
func TestPrepareFormatsOnce(t *testing.T) {
	home := t.TempDir()
	t.Setenv("JAVA_HOME", home)
	s := Server{Jars: "jars", Listen: "127.0.0.1:9092", Controller: "127.0.0.1:9093", Dir: t.TempDir()}
	formats := 0
	format := func(c Command) error {
		formats++
		config, err := os.ReadFile(c.Args[len(c.Args)-1])
		if err != nil {
			return err
		}
		_, dir, _ := strings.Cut(string(config), "log.dirs=")
		dir, _, _ = strings.Cut(dir, "\n")
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		if formats == 1 {
			return errors.New("killed")
		}
		return os.WriteFile(filepath.Join(dir, "meta.properties"), nil, 0o600)
	}
	if _, err := s.Prepare(format); err == nil {
		t.Error("a format that failed was taken for one")
	}
	for range 2 {
		serve, err := s.Prepare(format)
		if err != nil {
			t.Fatal(err)
		}
		if serve.Path != filepath.Join(home, "bin", "java") || serve.Args[len(serve.Args)-1] != filepath.Join(s.Dir, "server.properties") {
			t.Errorf("the server is %v", serve)
		}
		if _, err := os.Stat(filepath.Join(s.Dir, "log", "meta.properties")); err != nil {
			t.Error(err)
		}
	}
	if formats != 2 {
		t.Errorf("formatted %d times, want twice", formats)
	}
}

func TestAFolderThatKafkaMisreadsIsRefused(t *testing.T) {
	t.Setenv("JAVA_HOME", t.TempDir())
	s := Server{Dir: filepath.Join(t.TempDir(), "one,two")}
	if _, err := s.Prepare(nil); err == nil || !strings.Contains(err.Error(), "without a comma") {
		t.Errorf("Prepare = %v, want a sentence about the comma", err)
	}
}
