// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"context"
	stdlog "log"
	"log/slog"
	"slices"
)

// withoutPackets passes mochi's warnings on, without the packets that mochi
// adds to them: a reply's payload is a signed URL.
type withoutPackets struct{ slog.Handler }

func (h withoutPackets) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

func (h withoutPackets) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, "mqtt "+r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if slices.Contains([]string{"client", "error", "listener", "keepalive"}, a.Key) {
			clean.AddAttrs(a)
		}
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

func (h withoutPackets) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withoutPackets{h.Handler.WithAttrs(attrs)}
}

func (h withoutPackets) WithGroup(name string) slog.Handler {
	return withoutPackets{h.Handler.WithGroup(name)}
}

// quietLog is where net/http tells of clients that break off.
func quietLog(log *slog.Logger) *stdlog.Logger {
	return slog.NewLogLogger(log.Handler(), slog.LevelDebug)
}
