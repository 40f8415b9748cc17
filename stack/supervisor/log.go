package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// logLimit bounds a log file; one older generation is kept beside it, as NAME.1.
	logLimit = 8 << 20
	// tailLines are kept in memory for the message about a child that does not start.
	tailLines = 8
	// A child's complaints are shown at most this often; all of them are in the log.
	complainEvery = 10 * time.Second
	longestShown  = 300
)

// logFile is where a child's output goes, over all its runs. mu owns everything: the child's output and
// the supervisor's notes come from different goroutines.
type logFile struct {
	complain func(line string)

	mu         sync.Mutex
	path       string
	file       *os.File
	size       int64
	line       []byte // the unfinished last line
	tail       []string
	complained time.Time
}

// openLog appends to the log at path. complain gets those lines of the child that look like errors.
func openLog(path string, complain func(line string)) (*logFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	l := &logFile{path: path, complain: complain}
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *logFile) open() error {
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return err
	}
	l.file, l.size = file, info.Size()
	return nil
}

// Write never fails: a full disk must not stop the child that writes.
func (l *logFile) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.append(text)
	l.line = append(l.line, text...)
	for {
		line, rest, found := bytes.Cut(l.line, []byte("\n"))
		if !found {
			break
		}
		l.sawLine(string(line))
		l.line = rest
	}
	if len(l.line) > 64<<10 {
		l.line = l.line[:0]
	}
	return len(text), nil
}

// Begin notes the start of a process. The tail is of the newest process only.
func (l *logFile) Begin(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail, l.line = nil, nil
	l.append(fmt.Appendf(nil, "%s stack: %s\n", time.Now().UTC().Format(time.RFC3339), text))
}

// Tail is the last lines that the child wrote, oldest first.
func (l *logFile) Tail() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	tail := append([]string(nil), l.tail...)
	if len(bytes.TrimSpace(l.line)) > 0 {
		tail = append(tail, string(l.line))
	}
	return tail
}

func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

func (l *logFile) append(text []byte) {
	if l.file == nil {
		return
	}
	if l.size+int64(len(text)) > logLimit {
		_ = l.file.Close()
		if err := os.Rename(l.path, l.path+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			_ = os.Truncate(l.path, 0)
		}
		if err := l.open(); err != nil {
			l.file = nil
			return
		}
	}
	n, _ := l.file.Write(text)
	l.size += int64(n)
}

func (l *logFile) sawLine(line string) {
	if line == "" {
		return
	}
	l.tail = append(l.tail, line)
	if len(l.tail) > tailLines {
		l.tail = l.tail[len(l.tail)-tailLines:]
	}
	if looksLikeError(line) && time.Since(l.complained) > complainEvery {
		l.complained = time.Now()
		l.complain(shorten(line))
	}
}

// looksLikeError knows slog's text and JSON forms, kfake's, ClickHouse's and a Go panic.
func looksLikeError(line string) bool {
	return strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") ||
		strings.Contains(line, "level=ERR") || strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, "<Fatal>")
}

func shorten(line string) string {
	if len(line) > longestShown {
		return line[:longestShown] + "…"
	}
	return line
}
