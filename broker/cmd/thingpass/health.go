// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const (
	healthTimeout = 4 * time.Second // longer than /readyz takes at most
	healthAnswer  = 4 << 10         // bytes of the answer that are shown
)

// healthCommand is for containers, which have no curl: nothing but the program is
// in ours.
func healthCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "health",
		Short: "Ask a running broker whether it can serve things",
		Long: `Ask a running broker whether it can serve things: /readyz at http.listen of its
configuration, or at --address. It prints what the broker says.

Exit code: 0 if it can, 1 if it cannot or does not answer, 2 if it is not known
where to ask.`,
		Example: `  thingpass health --address 127.0.0.1:9464
  thingpass health --config broker.yaml --alive   # as long as the process lives`,
		Args: cobra.NoArgs,
	}
	path := addConfigFlag(c)
	address := c.Flags().String("address", "", "`HOST:PORT` instead of http.listen")
	alive := c.Flags().Bool("alive", false, "ask /healthz instead, which depends on nothing else")
	c.RunE = func(c *cobra.Command, _ []string) error {
		where, err := healthAddress(*path, *address)
		if err != nil {
			return unstartable(err)
		}
		page := "/readyz"
		if *alive {
			page = "/healthz"
		}
		ctx, cancel := context.WithTimeout(c.Context(), healthTimeout)
		defer cancel()
		said, err := askHealth(ctx, "http://"+where+page)
		if said != "" {
			fmt.Fprintln(c.OutOrStdout(), said)
		}
		if err != nil {
			return failed(err)
		}
		return nil
	}
	return c
}

// healthAddress is what --address says, or the configuration. An address that
// stands for all of the machine's is asked at its own.
func healthAddress(path, address string) (string, error) {
	if address == "" {
		conf, err := loadConfig(path)
		if err != nil {
			return "", err
		}
		if address = string(conf.HTTP.Listen); address == "" {
			return "", errors.New("http.listen is off: set it, such as 127.0.0.1:9464, or give --address")
		}
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("address %q: want a host and a port such as 127.0.0.1:9464", address)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
		if ip != nil {
			host = map[bool]string{true: "127.0.0.1", false: "::1"}[ip.To4() != nil]
		}
	}
	return net.JoinHostPort(host, port), nil
}

// askHealth returns what was said, and an error if it was not yes.
func askHealth(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	direct := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy on the way to oneself
	response, err := direct.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	said, err := io.ReadAll(io.LimitReader(response.Body, healthAnswer))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s says %s", url, response.Status)
	}
	return strings.TrimSpace(string(said)), err
}
