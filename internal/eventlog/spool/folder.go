package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
	"golang.org/x/sys/unix"
)

// Folder is a machine's spool folder: one subfolder with a log for each node
// that ever wrote here, held by one process at a time.
type Folder struct {
	Dir  string
	lock *os.File
}

// OpenFolder creates the folder where it is missing, takes its lock and checks
// that it belongs to this machine. Two processes on one spool, or a copy of a
// spool on a second machine, would write two histories under one node id.
func OpenFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create spool folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open spool lock: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("spool folder %s is in use by another process; give each gateway a gateway.spool.dir of its own", dir)
		}
		return nil, fmt.Errorf("lock spool folder: %w", err)
	}
	f := &Folder{Dir: dir, lock: lock}
	if err := f.checkMachine(); err != nil {
		lock.Close()
		return nil, err
	}
	return f, nil
}

// checkMachine records this machine in a new folder and refuses another's.
func (f *Folder) checkMachine() error {
	path := filepath.Join(f.Dir, "machine")
	here, err := machineID()
	if err != nil {
		return err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return writeFile(path, []byte(here))
	}
	if err != nil {
		return fmt.Errorf("read spool machine: %w", err)
	}
	if string(b) != here {
		return fmt.Errorf("spool folder %s was written on another machine; if it was moved here and its old machine will not use it again, delete %s", f.Dir, path)
	}
	return nil
}

// machineID is systemd's machine id where there is one, else the host name.
func machineID() (string, error) {
	if b, err := os.ReadFile("/etc/machine-id"); err == nil {
		if id := strings.TrimSpace(string(b)); id != "" {
			return id, nil
		}
	}
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("identify machine: %w", err)
	}
	return name, nil
}

// BootID tells one run of the machine's kernel from another; "" where unknown.
// While it is the same, the page cache still holds every write.
func BootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// Nodes returns the ids of the nodes that have a log here, oldest first.
func (f *Folder) Nodes() ([]string, error) {
	entries, err := os.ReadDir(f.Dir)
	if err != nil {
		return nil, fmt.Errorf("list spool folder: %w", err)
	}
	var nodes []string
	for _, e := range entries {
		if _, err := ulid.ParseStrict(e.Name()); err == nil && e.IsDir() {
			nodes = append(nodes, e.Name())
		}
	}
	slices.Sort(nodes)
	return nodes, nil
}

// Path is the folder of a node's log.
func (f *Folder) Path(node string) string { return filepath.Join(f.Dir, node) }

// Clean tells whether the node's log was closed cleanly.
func (f *Folder) Clean(node string) bool {
	_, ok := f.Marked(node, cleanName)
	return ok
}

// Mark writes a small file into a node's folder, durably; Marked tells whether
// it is there and what it holds.
func (f *Folder) Mark(node, name string, content []byte) error {
	if err := writeFile(filepath.Join(f.Path(node), name), content); err != nil {
		return fmt.Errorf("mark spool of node %s: %w", node, err)
	}
	return syncDir(f.Path(node))
}

// Marked returns the content of a mark and whether it is there.
func (f *Folder) Marked(node, name string) ([]byte, bool) {
	b, err := os.ReadFile(filepath.Join(f.Path(node), name))
	return b, err == nil
}

// Close gives the lock back.
func (f *Folder) Close() error { return f.lock.Close() }
