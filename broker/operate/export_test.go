// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import "context"

// Tick does what Run does each second for campaigns.
func (d *Desk) Tick(ctx context.Context) { d.tick(ctx) }

// Leads tells whether this replica paces campaigns.
func (d *Desk) Leads() bool { return d.leads(d.conf.Now()) }
