// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"thingpass/broker/devstack"
)

// demoOptions are the flags of the demo.
type demoOptions struct {
	dir      string
	scene    string
	interval time.Duration
	count    int
}

func demoCommand() *cobra.Command {
	var o demoOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "Start the dev stack, a broker and three cameras, and show photos as they arrive",
		Long: `Start the dev stack, a broker and three cameras, and show photos as they arrive.

cam1 sees something move. cam2 is out of reach now and then, and keeps its photos
until it is back. cam3 asks for a kind that is not configured, and is refused: the
console, whose address is printed, shows why. Each is a process of its own, as in real life: this program as "thingpass-dev run",
thingpass and thingpass-thing from the same folder. Ctrl-C stops them all. The photos
stay as plain files, and so do the logs and the audit.`,
		Example: `  thingpass-dev demo --dir demo
  thingpass-dev demo --dir demo --scene UXGA --interval 500ms --count 20`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			c.SilenceUsage = true
			return demo(c.Context(), o, c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&o.dir, "dir", "demo", "folder for certificates, photos and logs")
	c.Flags().StringVar(&o.scene, "scene", "VGA", "size of the photos: QVGA to UXGA, or WxH")
	c.Flags().DurationVar(&o.interval, "interval", 2*time.Second, "time between photos")
	c.Flags().IntVar(&o.count, "count", 0, "stop after so many photos; 0: go on until Ctrl-C")
	return c
}

// demo runs everything until ctx ends or the camera has taken its photos.
func demo(ctx context.Context, o demoOptions, out io.Writer) (err error) {
	o.dir, err = filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	cast, err := castOf(o) // it prepares the folder as well
	if err != nil {
		return err
	}
	t := &troupe{dir: o.dir}
	defer func() { err = errors.Join(err, t.stop()) }()
	ready, err := t.startStack(ctx)
	if err != nil {
		return interrupted(ctx, err)
	}
	page, err := t.startBroker(ctx)
	if err != nil {
		return interrupted(ctx, err)
	}
	_, _ = fmt.Fprintf(out, "Open %s\n\nPhotos arrive in %s\nLogs and the audit are in %s\nCtrl-C stops.\n\n",
		page, filepath.Join(ready.S3.DataDir, ready.S3.Bucket), o.dir)
	_, _ = fmt.Fprintf(out, "%-6s %6s %8s %6s  %s\n", "thing", "photo", "bytes", "ms", "key")
	first, err := t.startCast(cast, ready, out)
	if err != nil {
		return err
	}
	return t.watch(ctx, first, out)
}

// interrupted is nil if err came of ctx's end, which is no failure.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (t *troupe) startStack(ctx context.Context) (devstack.Ready, error) {
	self, err := os.Executable()
	if err != nil {
		return devstack.Ready{}, err
	}
	path := filepath.Join(t.dir, "ready.json")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return devstack.Ready{}, err
	}
	a, err := t.start("dev-stack", nil, self, "run", "--dir", t.dir, "--mqtt-port", "0", "--s3-port", "0", "--ready-file", path)
	if err != nil {
		return devstack.Ready{}, err
	}
	var ready devstack.Ready
	err = a.await(ctx, func() bool {
		text, err := os.ReadFile(path)
		return err == nil && json.Unmarshal(text, &ready) == nil
	})
	return ready, err
}

// startBroker returns the address of its console.
func (t *troupe) startBroker(ctx context.Context) (console string, err error) {
	program, err := beside("thingpass")
	if err != nil {
		return "", err
	}
	usual := net.JoinHostPort("127.0.0.1", strconv.Itoa(devstack.DefaultConsolePort))
	if free(usual) {
		if err := os.Setenv("THINGPASS_CONSOLE_LISTEN", usual); err != nil {
			return "", err
		}
	}
	address := make(chan string, 1)
	follow := func(line string) {
		if m := consoleLine.FindStringSubmatch(line); m != nil {
			select {
			case address <- m[1]:
			default:
			}
		}
	}
	a, err := t.start("broker", follow, program, "run", "--config", filepath.Join(t.dir, "broker.yaml"))
	if err != nil {
		return "", err
	}
	if err := a.await(ctx, func() bool { return a.printed("ready") && len(address) > 0 }); err != nil {
		return "", err
	}
	return <-address, nil
}

var consoleLine = regexp.MustCompile(`console: (https?://[^\s"]+)`)

// free reports whether nobody listens at an address: it is worth a try.
func free(address string) bool {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// beside returns the path of a program in the folder of this one.
func beside(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not there: build it with `make build`: %w", name, err)
	}
	return path, nil
}

// watch waits until ctx ends, or one of the processes does.
func (t *troupe) watch(ctx context.Context, first *actor, out io.Writer) error {
	select {
	case <-ctx.Done():
		_, _ = fmt.Fprintln(out, "\nstopping")
		return nil
	case a := <-t.ended:
		if a == first && a.err == nil {
			return nil
		}
		return a.unexpected()
	}
}
