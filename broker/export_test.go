// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import "context"

// Pass is what a pass does about a thing's quota: it asks for one, and then
// reports what it stored.
func (b *Broker) Pass(ctx context.Context, thing, kind string, stored map[string]int64) (refused error, failed error) {
	r := &request{broker: b, thing: thing, now: b.now()}
	refused = r.afford(ctx, b.kinds[kind])
	for key, size := range stored {
		if failed = r.chargeStored(ctx, b.kinds[kind], key, size); failed != nil {
			break
		}
	}
	return refused, failed
}
