package engine

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mattn/go-isatty"
)

// meter counts what is read through it and tells a person how far it is: on a terminal one line that is
// rewritten, elsewhere a line every few seconds. A goroutine owns the writing; the count is atomic.
type meter struct {
	source io.Reader
	read   atomic.Int64
	total  int64 // -1 where unknown
	began  time.Time
	quit   chan struct{}
	done   sync.WaitGroup
}

func newMeter(source io.Reader, total int64, out io.Writer) *meter {
	m := &meter{source: source, total: total, began: time.Now(), quit: make(chan struct{})}
	file, isFile := out.(*os.File)
	terminal := isFile && isatty.IsTerminal(file.Fd())
	every := lineEvery
	if terminal {
		every = 200 * time.Millisecond
	}
	m.done.Go(func() { m.show(out, terminal, every) })
	return m
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.source.Read(p)
	m.read.Add(int64(n))
	return n, err
}

// stop writes the last state and ends the goroutine.
func (m *meter) stop() {
	close(m.quit)
	m.done.Wait()
}

func (m *meter) show(out io.Writer, terminal bool, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if terminal {
				fmt.Fprintf(out, "\r  %s\x1b[K", m)
			} else {
				fmt.Fprintf(out, "  %s\n", m)
			}
		case <-m.quit:
			if terminal {
				fmt.Fprintf(out, "\r  %s\x1b[K\n", m)
			} else {
				fmt.Fprintf(out, "  %s\n", m)
			}
			return
		}
	}
}

func (m *meter) String() string {
	const mega = 1e6
	read, took := m.read.Load(), time.Since(m.began)
	switch {
	case m.total > 0:
		return fmt.Sprintf("%3d %%  %.0f of %.0f MB, %.0f s", read*100/m.total, float64(read)/mega, float64(m.total)/mega, took.Seconds())
	case read > 0:
		return fmt.Sprintf("%.0f MB, %.0f s", float64(read)/mega, took.Seconds())
	}
	return fmt.Sprintf("%.0f s", took.Seconds())
}

// lineEvery is how often progress is a line of its own where nobody watches a terminal.
const lineEvery = 5 * time.Second
