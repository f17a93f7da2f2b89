// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"
)

// target is a ratio that was promised, and what it is.
type target struct {
	name   string
	value  float64
	wanted string
	met    bool
}

func (b *bench) atMost(name string, value, most float64) {
	b.targets = append(b.targets, target{name, value, fmt.Sprintf("at most %g", most), value <= most})
}

func (b *bench) atLeast(name string, value, least float64) {
	b.targets = append(b.targets, target{name, value, fmt.Sprintf("at least %g", least), value >= least})
}

func (b *bench) printTargets() {
	fmt.Printf("\n%-58s %8s   %s\n", "ratios", "", "wanted")
	for _, t := range b.targets {
		verdict := "met"
		if !t.met {
			verdict = "MISSED"
		}
		fmt.Printf("%-58s %8.2f   %-14s %s\n", t.name, t.value, t.wanted, verdict)
	}
}

// print shows samples in the order in which the contestants are known.
func (b *bench) print(title string, samples map[string]sample) {
	fmt.Printf("\n%s\n%-10s %10s %12s %12s %9s %9s %9s %8s %6s %7s\n", title, "", "requests/s", "CPU µs/req", "server µs", "p50 ms", "p99 ms", "p99.9 ms", "RSS MiB", "lost", "refused")
	for _, name := range []string{"thingpass", "beside", "console", "paho", "paho+", "C", "1 URL", "20 URLs", "quiet", "flooded", "gunicorn"} {
		s, there := samples[name]
		if !there {
			continue
		}
		fmt.Printf("%-10s %10.0f %12.1f %12.1f %9.2f %9.2f %9.2f %8.1f %6d %7d\n", name, s.perSecond, micros(s.cpu), micros(s.serverCPU),
			millis(s.p50), millis(s.p99), millis(s.p999), float64(s.rss)/(1<<20), s.lost, s.refused)
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
