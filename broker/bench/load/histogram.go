// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram counts latencies in buckets whose width is a 64th of their value,
// so that a percentile is at most 1.6 % wrong however long it is. It is safe for
// concurrent use.
type histogram struct {
	counts [40 * fine]atomic.Uint32
	total  atomic.Int64
}

const fine = 64 // buckets for each doubling

func bucketOf(d time.Duration) int {
	us := uint64(max(d, 0) / time.Microsecond)
	if us < fine {
		return int(us)
	}
	shift := bits.Len64(us) - 7 // us>>shift is 64 to 127
	return min((shift+1)*fine+int(us>>shift)-fine, 40*fine-1)
}

// upper is the largest latency of a bucket.
func upper(bucket int) time.Duration {
	if bucket < fine {
		return time.Duration(bucket) * time.Microsecond
	}
	shift, rest := bucket/fine-1, bucket%fine+fine
	return time.Duration((rest+1)<<shift-1) * time.Microsecond
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucketOf(d)].Add(1)
	h.total.Add(1)
}

// quantile is the latency that a share q of all stays within.
func (h *histogram) quantile(q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(h.total.Load())))
	for i := range h.counts {
		if rank -= int64(h.counts[i].Load()); rank <= 0 {
			return upper(i)
		}
	}
	return 0
}
