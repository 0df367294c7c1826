package main

import (
	"fmt"
	"time"

	"github.com/prometheus/procfs"
)

// cpuOf is the CPU time that the processes have used; 0 stands for one that is
// not known.
func cpuOf(pids ...int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		if pid == 0 {
			continue
		}
		p, err := procfs.NewProc(pid)
		if err != nil {
			return 0, fmt.Errorf("read CPU time: %w", err)
		}
		stat, err := p.Stat()
		if err != nil {
			return 0, fmt.Errorf("read CPU time: %w", err)
		}
		sum += seconds(stat.CPUTime())
	}
	return sum, nil
}

// cpuOfAll is the CPU time that everything on the machine has used.
func cpuOfAll() (time.Duration, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	stat, err := fs.Stat()
	if err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	all := stat.CPUTotal
	return seconds(all.User + all.Nice + all.System + all.IRQ + all.SoftIRQ), nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// memoryOf returns the resident size of a process and the largest one that it had, in bytes.
func memoryOf(pid int) (resident, peak int64, err error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0, 0, fmt.Errorf("read memory: %w", err)
	}
	status, err := p.NewStatus()
	if err != nil {
		return 0, 0, fmt.Errorf("read memory: %w", err)
	}
	return int64(status.VmRSS), int64(status.VmHWM), nil
}
