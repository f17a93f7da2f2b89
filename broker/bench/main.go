// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Command bench measures what a grant costs, as ratios to other programs that
// answer the same things on the same machine at the same time. BENCHMARKS.md has
// the results and says how to repeat them.
//
// All contestants take turns, round after round, and medians are compared:
// machines are shared, and what happened a minute ago says little.
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

//go:embed cecho/echo.c
var echoC []byte

//go:embed flask/service.py
var flaskService []byte

// options are the command line.
type options struct {
	thingpass string
	things    int
	rounds    int
	measure   time.Duration
	requests  int64
	rate      float64
	only      string
	beside    string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	work := runLadder
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "echo" {
		work, args = runEcho, args[1:]
	}
	if err := work(ctx, args); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.thingpass, "thingpass", "bin/thingpass", "the broker's binary")
	flags.IntVar(&o.things, "things", 200, "things, each with a connection of its own")
	flags.IntVar(&o.rounds, "rounds", 5, "turns of each contestant")
	flags.DurationVar(&o.measure, "measure", 3*time.Second, "length of one turn")
	flags.Int64Var(&o.requests, "requests", 1_000_000, "requests over which memory must stay flat")
	flags.Float64Var(&o.rate, "rate", 0, "requests a second of open loops; 0: two fifths of what the slowest contestant does")
	flags.StringVar(&o.only, "only", "", "steps to run, such as closed,open,batch,http,flood,console,memory; all if empty")
	flags.StringVar(&o.beside, "beside", "", "another build of the broker, instead of the echoes: what did a change change?")
	quick := flags.Bool("quick", false, "see that it works; the numbers mean nothing")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if *quick {
		o.things, o.rounds, o.measure, o.requests = 10, 1, 200*time.Millisecond, 500
	}
	o.thingpass, err = filepath.Abs(o.thingpass) // the S3 of step console changes the folder
	return o, err
}

func (o options) wants(step string) bool {
	return o.only == "" || strings.Contains(","+o.only+",", ","+step+",")
}

// runLadder climbs from step to step and prints what it finds.
func runLadder(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "thingpass-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("machine: %s\nload average at the start: %s\n", machine(), loadAverage())
	b, err := newBench(ctx, o, dir)
	if err != nil {
		return err
	}
	defer b.close()
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{{"closed", b.closedLoop}, {"open", b.openLoop}, {"batch", b.batch}, {"http", b.http}, {"flood", b.flood}, {"console", b.console}, {"memory", b.memory}} {
		if !o.wants(step.name) {
			continue
		}
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	b.printTargets()
	fmt.Printf("load average at the end: %s\n", loadAverage())
	return nil
}
