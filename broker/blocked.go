// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
)

// blocked returns a refusal if an operator has blocked the thing [P-8.2].
func (r *request) blocked() *Refusal {
	if ask := r.broker.isBlocked; ask == nil || !ask(r.thing) {
		return nil
	}
	return refuse(CodeBlocked, "an operator has blocked this thing")
}

// enter decides whether a request is looked at at all. A blocked thing's requests
// count like any others, so that its flood is quiet beyond a quota.
func (r *request) enter(ctx context.Context) error {
	blocked := r.blocked()
	err := r.admit(ctx)
	if blocked == nil {
		if err != nil {
			return err
		}
		return r.unreserved()
	}
	var excess *Refusal
	blocked.quiet = errors.As(err, &excess) && excess.quiet
	return blocked
}
