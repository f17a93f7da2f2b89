// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"

	"thingpass/broker"
)

// A Store counts, and is given back at the end.
type Store interface {
	broker.Quota
	// Used tells what is counted of a charge's thing, kind and unit in its window.
	Used(ctx context.Context, c broker.Charge) (int64, error)
	Close() error
}

// Open returns the Redis of c, or a Memory where c has no URL. It asks no server.
func Open(c Config) (Store, error) {
	if c.URL == "" {
		return NewMemory(0), nil
	}
	return NewRedis(c)
}

// Close does nothing.
func (m *Memory) Close() error { return nil }
