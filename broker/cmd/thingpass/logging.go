// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/cmd/thingpass/terminal"
)

// newLogger returns the log of c, which has been checked, and its level, which can
// be changed.
func newLogger(c config.Log, w io.Writer) (*slog.Logger, *slog.LevelVar) {
	level := &slog.LevelVar{}
	level.Set(c.Threshold())
	options := &slog.HandlerOptions{Level: level}
	if logsJSON(c, w) {
		return slog.New(slog.NewJSONHandler(w, options)), level
	}
	return slog.New(slog.NewTextHandler(w, options)), level
}

func logsJSON(c config.Log, w io.Writer) bool {
	return c.Format == "json" || c.Format == "auto" && !terminal.Is(w)
}

// announce says what nobody should miss, whatever the log's level: as a record where
// programs read the log, as a plain line where people do.
func announce(c config.Log, w io.Writer, log *slog.Logger, what string) {
	line := "thingpass: " + what
	if !logsJSON(c, w) {
		fmt.Fprintln(w, line)
		return
	}
	record := slog.NewRecord(time.Now(), slog.LevelInfo, line, 0)
	_ = log.Handler().Handle(context.Background(), record) // past the level; there is nobody to tell of a failure
}
