package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Server says where one engine listens and keeps its data.
type Server struct {
	Library  string // path of libchdb.so
	Config   string // ClickHouse's configuration file, see the package machine
	Data     string // its data folder
	Host     string // listens on this address only
	Native   int    // port of the native protocol
	HTTPPort int    // port of the HTTP protocol
}

// Serve loads the engine into this process and serves until ctx ends; then it closes the ports, ends
// what runs, and returns nil. It can be called once per process. The library's own signal handlers are
// switched off before anything else, so that signals stay Go's.
//
// The library has one call that takes a command line and returns when its queries are through. The last
// query therefore reads a pipe that nobody writes to; closing it is how the server is told to stop.
func (s Server) Serve(ctx context.Context) error {
	library, err := purego.Dlopen(s.Library, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return fmt.Errorf("load the ClickHouse engine (remove its folder and run `stack fetch` if the file is damaged): %w", err)
	}
	var setSignalHandlers func(enabled int32)
	var query func(argc int32, argv **byte) *result
	purego.RegisterLibFunc(&setSignalHandlers, library, "chdb_set_signal_handlers_enabled")
	purego.RegisterLibFunc(&query, library, "query_stable_v2")
	setSignalHandlers(0)

	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("open the pipe that holds the engine: %w", err)
	}
	defer read.Close()
	stop := context.AfterFunc(ctx, func() { _ = write.Close() })
	defer stop()

	argv := cStrings(s.arguments(read.Fd()))
	outcome := query(int32(len(argv)-1), &argv[0])
	runtime.KeepAlive(argv)
	runtime.KeepAlive(read)
	if message := outcome.message(); message != "" {
		return errors.New(firstLine(message))
	}
	if ctx.Err() == nil {
		return errors.New("the ClickHouse engine stopped by itself")
	}
	return nil
}

func (s Server) arguments(hold uintptr) []string {
	return []string{
		"clickhouse",
		"--config-file=" + s.Config,
		"--log-level=warning", // the configuration's level is not heeded here
		"--path=" + s.Data,
		"--listen_host=" + s.Host,
		fmt.Sprintf("--tcp_port=%d", s.Native),
		fmt.Sprintf("--http_port=%d", s.HTTPPort),
		"--query=SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; " +
			fmt.Sprintf("SELECT count() FROM file('/dev/fd/%d', LineAsString, 'held String')", hold),
	}
}

// result is libchdb's struct local_result_v2.
type result struct {
	buffer    *byte
	length    uintptr
	vector    uintptr
	elapsed   float64
	rowsRead  uint64
	bytesRead uint64
	failure   *byte // NUL-terminated, or nil
}

func (r *result) message() string {
	if r == nil || r.failure == nil {
		return ""
	}
	length := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(r.failure), length)) != 0 {
		length++
	}
	return string(unsafe.Slice(r.failure, length))
}

// cStrings is a NULL-terminated argv. The pointers are into Go memory, which does not move.
func cStrings(args []string) []*byte {
	argv := make([]*byte, 0, len(args)+1)
	for _, arg := range args {
		text := append([]byte(arg), 0)
		argv = append(argv, &text[0])
	}
	return append(argv, nil)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
