// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import "time"

// Multipart says what becomes of uploads in parts that nobody ends.
type Multipart struct {
	SweepAfter Pause         `mapstructure:"sweep_after"` // since they began; off: they stay
	SweepEvery time.Duration `mapstructure:"sweep_every"`
}
