// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// usage is what a process and its children have used.
type usage struct {
	cpu time.Duration // user and system
	rss int64         // bytes
}

// usageOf reads /proc. A worker that ended meanwhile takes its share with it.
func usageOf(pid int) usage {
	parents := map[int][]stat{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var own stat
	for _, path := range stats {
		s, ok := readStat(path)
		switch {
		case !ok:
		case s.pid == pid:
			own = s
		default:
			parents[s.parent] = append(parents[s.parent], s)
		}
	}
	var u usage
	for queue := []stat{own}; len(queue) > 0; queue = queue[1:] {
		u.cpu += queue[0].cpu
		u.rss += queue[0].rss
		queue = append(queue, parents[queue[0].pid]...)
	}
	return u
}

type stat struct {
	pid, parent int
	usage
}

// readStat reads /proc/<pid>/stat, see proc(5). The name may hold anything.
func readStat(path string) (s stat, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return s, false
	}
	end := bytes.LastIndexByte(text, ')')
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 22 {
		return s, false
	}
	number := func(i int) int64 { n, _ := strconv.ParseInt(fields[i], 10, 64); return n }
	const tick = 10 * time.Millisecond // USER_HZ is 100 on all Linux machines
	s.pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(path)))
	s.parent = int(number(1))
	s.cpu = time.Duration(number(11)+number(12)) * tick
	s.rss = number(21) * int64(os.Getpagesize())
	return s, true
}

// machine describes where this runs.
func machine() string {
	model := "unknown processor"
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%d cores, %s, Linux %s, %s", runtime.NumCPU(), model, strings.TrimSpace(string(kernel)), runtime.Version())
}

func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(3, len(fields))], " ")
}
