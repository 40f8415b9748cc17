package e2e_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// root is the repository's folder, the context of the Docker build.
const root = ".."

// release is what the images say that they are, in the tests.
const release = "v0.0.0-e2e"

// instruction is one line of a Dockerfile.
type instruction struct {
	name  string
	args  []string // of RUN in shell form one, of the JSON form its items
	flags map[string]string
}

// stage is a part of a Dockerfile, from one FROM to the next.
type stage struct {
	name, base string
	lines      []instruction
}

// stages reads the Dockerfile with BuildKit's own parser.
func stages(t *testing.T) []stage {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range file.Warnings {
		t.Errorf("Dockerfile: %s", w.Short)
	}
	var list []stage
	for _, node := range file.AST.Children {
		line := instruction{name: strings.ToUpper(node.Value), flags: map[string]string{}}
		for _, flag := range node.Flags {
			name, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
			line.flags[name] = value
		}
		for n := node.Next; n != nil; n = n.Next {
			line.args = append(line.args, n.Value)
		}
		if line.name == "FROM" {
			s := stage{base: line.args[0]}
			if len(line.args) == 3 {
				s.name = line.args[2]
			}
			list = append(list, s)
			continue
		}
		list[len(list)-1].lines = append(list[len(list)-1].lines, line)
	}
	return list
}

func findStage(t *testing.T, name string) stage {
	t.Helper()
	for _, s := range stages(t) {
		if s.name == name {
			return s
		}
	}
	t.Fatalf("the Dockerfile has no stage %q", name)
	return stage{}
}

func (s stage) all(name string) []instruction {
	var list []instruction
	for _, line := range s.lines {
		if line.name == name {
			list = append(list, line)
		}
	}
	return list
}

// env are the variables that the stage sets. The parser gives name, value and separator in turn.
func (s stage) env() map[string]string {
	env := map[string]string{}
	for _, line := range s.all("ENV") {
		for i := 0; i+1 < len(line.args); i += 3 {
			env[line.args[i]] = line.args[i+1]
		}
	}
	return env
}

// health is the command of the stage's health check.
func (s stage) health() []string {
	for _, line := range s.all("HEALTHCHECK") {
		if len(line.args) > 1 && line.args[0] == "CMD" {
			return line.args[1:]
		}
	}
	return nil
}

// built is the folder of the build stage after its commands.
var built struct {
	once   sync.Once
	folder string
	err    error
}

// buildImages runs the build stage in a clean folder and returns the folder, which stands for /src.
func buildImages(t *testing.T) string {
	t.Helper()
	s := findStage(t, "build")
	built.once.Do(func() { built.folder, built.err = runStage(s) })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.folder
}

// runStage copies what the stage copies from the build context and runs its commands there.
func runStage(s stage) (string, error) {
	work, err := os.MkdirTemp(shared.Data, "build-")
	if err != nil {
		return "", err
	}
	ignored, err := ignorePatterns()
	if err != nil {
		return "", err
	}
	env := append(os.Environ(), "TARGETOS="+runtime.GOOS, "TARGETARCH="+runtime.GOARCH)
	for _, line := range s.lines {
		switch line.name {
		case "ARG":
			name, value, hasDefault := strings.Cut(line.args[0], "=")
			if name == "VERSION" {
				value = release
			}
			if hasDefault {
				env = append(env, name+"="+value)
			}
		case "WORKDIR": // is work
		case "COPY":
			if err := copyIn(ignored, work, line); err != nil {
				return "", err
			}
		case "RUN":
			command := exec.Command("/bin/sh", "-c", line.args[0])
			command.Dir, command.Env = work, env
			if out, err := command.CombinedOutput(); err != nil {
				return "", fmt.Errorf("RUN %s: %w\n%s", line.args[0], err, out)
			}
		default:
			return "", fmt.Errorf("the test does not know how to do %s", line.name)
		}
	}
	return work, nil
}

func ignorePatterns() (*patternmatcher.PatternMatcher, error) {
	file, err := os.Open(filepath.Join(root, ".dockerignore"))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	patterns, err := ignorefile.ReadAll(file)
	if err != nil {
		return nil, err
	}
	return patternmatcher.New(patterns)
}

// copyIn does a COPY from the build context, without what .dockerignore keeps out of it.
func copyIn(ignored *patternmatcher.PatternMatcher, work string, line instruction) error {
	sources, to := line.args[:len(line.args)-1], line.args[len(line.args)-1]
	for _, source := range sources {
		copied := 0
		err := fs.WalkDir(os.DirFS(root), source, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			if out, err := ignored.MatchesOrParentMatches(name); err != nil || out {
				return err
			}
			// A folder's content goes to the target, a file into it when it is a folder.
			target := filepath.Join(work, to, strings.TrimPrefix(name, source))
			if name == source && strings.HasSuffix(to, "/") {
				target = filepath.Join(work, to, path.Base(name))
			}
			copied++
			return copyFile(filepath.Join(root, name), target)
		})
		if err != nil {
			return fmt.Errorf("COPY %s: %w", source, err)
		}
		if copied == 0 {
			return fmt.Errorf("COPY %s: .dockerignore leaves nothing of it", source)
		}
	}
	return nil
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}

// TestTheImagesBuild runs the commands of the Dockerfile in a folder that holds only what its COPY lines
// copy, and looks at what the images get.
func TestTheImagesBuild(t *testing.T) {
	work := buildImages(t)
	for _, name := range services() {
		s := findStage(t, name)
		bottom := findStage(t, s.base)
		if bottom.base != "scratch" {
			t.Errorf("%s is built on %s", name, bottom.base)
		}
		if users := bottom.all("USER"); len(users) != 1 || strings.HasPrefix(users[0].args[0], "0") {
			t.Errorf("%s runs as %v", name, users)
		}
		binary := "/usr/local/bin/" + name
		var entry []string
		for _, line := range s.all("ENTRYPOINT") {
			entry = line.args
		}
		if !slices.Equal(entry, []string{binary}) || !slices.Equal(s.health(), []string{binary, "health"}) {
			t.Errorf("%s starts %v and checks %v", name, entry, s.health())
		}
		for _, line := range slices.Concat(s.all("COPY"), bottom.all("COPY")) {
			source, found := strings.CutPrefix(line.args[0], "/src/")
			if !found {
				if line.args[0] != "/etc/ssl/certs/ca-certificates.crt" {
					t.Errorf("%s copies %s, of which nobody knows that it is there", name, line.args[0])
				}
				continue
			}
			if _, err := os.Stat(filepath.Join(work, source)); err != nil || line.flags["from"] != "build" {
				t.Errorf("%s copies %s, which the build does not leave there: %v", name, line.args[0], err)
			}
			if line.args[1] == binary {
				checkStatic(t, filepath.Join(work, source))
			}
		}
		read := variables(t, filepath.Join(work, "out", name))
		for variable := range s.env() {
			if !slices.Contains(read, variable) {
				t.Errorf("%s sets %s, which the binary does not read", name, variable)
			}
		}
	}
	info, err := os.Stat(filepath.Join(work, "out", "spool"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder that the spool's volume is mounted on: %v, %v", info, err)
	}
}

// checkStatic says that a binary needs no loader and no library, which an empty image does not have.
func checkStatic(t *testing.T, file string) {
	t.Helper()
	binary, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	libraries, _ := binary.ImportedLibraries() // an error: no table of them
	for _, program := range binary.Progs {
		if program.Type == elf.PT_INTERP || len(libraries) > 0 {
			t.Errorf("%s is not static: it needs %v", file, libraries)
		}
	}
}

// TestNoSecretGetsIntoABuild holds .dockerignore against what a checkout in use has.
func TestNoSecretGetsIntoABuild(t *testing.T) {
	ignored, err := ignorePatterns()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		".env": true, ".weir/key": true, ".git/config": true, ".cache/x": true, "bin/gateway": true, "e2e/go.mod": true,
		"deploy/weir.yaml": true, "gateway/app/app_test.go": true, "gateway/app/app.go": false, "go.mod": false,
	} {
		if got, err := ignored.MatchesOrParentMatches(name); err != nil || got != want {
			t.Errorf("%s is kept out: %v, %v, want %v", name, got, err, want)
		}
	}
}

// services are Weir's own.
func services() []string { return []string{"aggregator", "gateway", "ingest"} }

// variables are those of the environment that a binary reads, as it says itself.
func variables(t *testing.T, binary string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary, "env").Output()
	if err != nil {
		t.Fatalf("%s env: %v", binary, err)
	}
	return strings.Fields(string(out))
}
