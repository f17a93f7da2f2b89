// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The bounds of a multipart upload; S3's own.
const (
	MaxMultipartSize = 50e12   // bytes of an object
	MinPartSize      = 5 << 20 // bytes, of every part but the last
	MaxPartSize      = 5 << 30
	DefaultPartSize  = MinPartSize

	maxParts        = 10_000
	maxStoredRanges = 16 // told to a thing: its buffer is small
)

// division is how an object of that size is cut: all parts but the last have the
// same size. It follows from size and kind alone, so that broker and thing come
// to the same parts after any restart.
type division struct {
	size, partSize int64
	count          int
}

// divide doubles the kind's part size until S3 takes so many parts. The size is
// at least 1.
func divide(size, partSize int64) division {
	for ceilDiv(size, partSize) > maxParts {
		partSize = min(2*partSize, MaxPartSize)
	}
	return division{size, partSize, int(ceilDiv(size, partSize))}
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

// sizeOf is the size of part n, 1 to count.
func (d division) sizeOf(n int) int64 {
	if n == d.count {
		return d.size - int64(n-1)*d.partSize
	}
	return d.partSize
}

// present tells, for each part from 1 on at its index, whether S3 has it in the
// right size. One of another size is sent again, and replaced.
func (d division) present(stored []Part) []bool {
	there := make([]bool, d.count+1)
	for _, p := range stored {
		if p.Number >= 1 && p.Number <= d.count && p.Size == d.sizeOf(p.Number) {
			there[p.Number] = true
		}
	}
	return there
}

// whole returns the parts in order, without any that the object does not have, or
// a refusal that says which is missing.
func (d division) whole(stored []Part) ([]Part, error) {
	parts := make([]Part, 0, d.count)
	for _, p := range stored {
		if p.Number < 1 || p.Number > d.count {
			continue
		}
		if p.Number != len(parts)+1 {
			break
		}
		if want := d.sizeOf(p.Number); p.Size != want {
			return nil, refuse(CodePartsMissing, "part %d has %d bytes, not %d; upload it again, then report again", p.Number, p.Size, want)
		}
		parts = append(parts, p)
	}
	if len(parts) < d.count {
		return nil, refuse(CodePartsMissing, "part %d of %d is not there; upload it, then report again", len(parts)+1, d.count)
	}
	return parts, nil
}

// next returns the numbers of the parts that are to be sent: at most count, from
// the first of them on.
func next(there []bool, from, count int) []int {
	var numbers []int
	for n := from; n < len(there) && len(numbers) < count; n++ {
		if !there[n] {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// ranges writes "1-3,5": at most so many ranges, the first.
func ranges(there []bool, most int) string {
	var list []string
	for n := 1; n < len(there) && len(list) < most; n++ {
		if !there[n] {
			continue
		}
		first := n
		for n+1 < len(there) && there[n+1] {
			n++
		}
		list = append(list, span(first, n))
	}
	return strings.Join(list, ",")
}

func span(first, last int) string {
	if first == last {
		return strconv.Itoa(first)
	}
	return fmt.Sprintf("%d-%d", first, last)
}

// spans writes the numbers as ranges.
func spans(numbers []int) string {
	if len(numbers) == 0 {
		return ""
	}
	there := make([]bool, slices.Max(numbers)+1)
	for _, n := range numbers {
		there[n] = true
	}
	return ranges(there, len(numbers))
}
