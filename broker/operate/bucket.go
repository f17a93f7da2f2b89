// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"thingpass/broker/fleet"
)

// list asks for all pages.
func (d *Desk) list(ctx context.Context, l fleet.List, take func(fleet.Listing)) error {
	for {
		page, err := d.conf.Files.List(ctx, l)
		if err != nil {
			return err
		}
		take(page)
		if !page.More {
			return nil
		}
		if page.Last <= l.After {
			return errors.New("the bucket's listing does not get on")
		}
		l.After = page.Last
	}
}

// version tells two states of an object apart; "": it cannot.
func version(o fleet.Object) string {
	if o.ETag == "" {
		return ""
	}
	return fmt.Sprint(o.ETag, " ", o.Size, " ", o.Stored.UnixNano())
}

// each works on all items, some at a time, and returns the first error.
func each[T any](ctx context.Context, items []T, do func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	turn := make(chan struct{}, readers)
	for _, item := range items {
		turn <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-turn }()
			if err := do(ctx, item); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func (d *Desk) get(ctx context.Context, key string, limit int64) ([]byte, error) {
	ctx, cancel := d.call(ctx)
	defer cancel()
	return d.conf.Files.Get(ctx, key, limit)
}

// call bounds one call of the bucket or the server.
func (d *Desk) call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d.conf.Timing.Call)
}
