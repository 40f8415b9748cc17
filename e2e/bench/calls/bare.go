package calls

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// ServeBare is the bare proxy on a free port, which it prints: the child process of StartBare.
func ServeBare(ctx context.Context, upstream string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Fprintln(os.Stdout, listener.Addr())
	transport := &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true}
	server := &http.Server{Handler: bare{upstream, transport}}
	go func() {
		<-ctx.Done()
		_ = server.Close() // the process ends
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// bare is the least that a proxy of language models can be.
type bare struct {
	upstream  string
	transport *http.Transport
}

func (b bare) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, b.upstream+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	out.Header = r.Header.Clone()
	resp, err := b.transport.RoundTrip(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	flush := http.NewResponseController(w)
	piece := make([]byte, 32<<10)
	for {
		n, err := resp.Body.Read(piece)
		if n > 0 {
			if _, err := w.Write(piece[:n]); err != nil {
				return
			}
			if err := flush.Flush(); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// StartBare starts the bare proxy as a process of its own, which ends with ctx or this process: this
// executable again, with the arguments "bare" and "--upstream URL".
func StartBare(ctx context.Context, upstream string) (Target, error) {
	self, err := os.Executable()
	if err != nil {
		return Target{}, fmt.Errorf("find my own executable: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, "bare", "--upstream", upstream)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return Target{}, fmt.Errorf("start the bare proxy: %w", err)
	}
	started := make(chan error)
	go func() {
		// Linux ties the child's life to the thread that started it, so the thread is kept.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			<-ctx.Done()
			_ = cmd.Wait() // it was killed
		}
	}()
	if err := <-started; err != nil {
		return Target{}, fmt.Errorf("start the bare proxy: %w", err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return Target{}, fmt.Errorf("read the bare proxy's address: %w", err)
	}
	return Target{Name: "bare proxy", Address: strings.TrimSpace(line), Path: chatPath, Key: "none", Pids: []int{cmd.Process.Pid}}, nil
}
