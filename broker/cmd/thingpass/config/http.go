// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net"
	"strconv"
)

// HTTP says where metrics and health are told.
type HTTP struct {
	Listen Address `mapstructure:"listen"` // empty: nowhere
}

// Address is where to listen, host:port; empty, and written "off", for nowhere.
type Address string

func (l *loader) judgeHTTP(h HTTP) {
	if h.Listen != "" {
		l.judgeAddress("http.listen", h.Listen)
	}
}

func (l *loader) judgeAddress(name string, a Address) {
	_, port, err := net.SplitHostPort(string(a))
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || strconv.FormatUint(n, 10) != port {
		l.blame(name, "%s is %q: want an address and a port such as 127.0.0.1:9464, or off", name, a)
	}
}
