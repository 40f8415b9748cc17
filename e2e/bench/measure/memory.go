package measure

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// MB is the unit in which memory is shown.
const MB = 1e6

// Resident is the memory that a process has now, in bytes.
func Resident(pid int) (int64, error) { return status(pid, "VmRSS:") }

// PeakResident is the most memory that a process ever had, in bytes.
func PeakResident(pid int) (int64, error) { return status(pid, "VmHWM:") }

func status(pid int, name string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), name); found {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read memory: %w", err)
			}
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("read memory: process %d has no %s", pid, name)
}
