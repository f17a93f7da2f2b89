// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The longest text that is kept of anything. Keys have up to 1,024 bytes, of
// three times that when what is not UTF-8 in them was replaced.
const maxText = 4096

// encoder appends numbers and texts in the form that decoder reads. JSON takes ten
// times as long, and the first page waits for it.
type encoder struct{ b []byte }

func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int(v int64)   { e.b = binary.AppendVarint(e.b, v) }

func (e *encoder) text(s string) {
	e.uint(uint64(len(s)))
	e.b = append(e.b, s...)
}

type source interface {
	io.Reader
	io.ByteReader
}

// decoder reads what encoder wrote. After the first error it returns zeros.
type decoder struct {
	from    source
	scratch []byte
	err     error
}

func decodeText(s string) *decoder { return &decoder{from: strings.NewReader(s)} }

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

func (d *decoder) uint() uint64 {
	if d.err != nil {
		return 0
	}
	v, err := binary.ReadUvarint(d.from)
	if err != nil {
		d.fail(err)
		return 0
	}
	return v
}

func (d *decoder) int() int64 {
	v := d.uint()
	return int64(v>>1) ^ -int64(v&1)
}

// count reads a number that is at most limit.
func (d *decoder) count(limit int) int {
	v := d.uint()
	if v > uint64(limit) {
		d.fail(fmt.Errorf("a count of %d, at most %d is possible", v, limit))
		return 0
	}
	return int(v)
}

func (d *decoder) text() string {
	n := d.count(maxText)
	if d.err != nil || n == 0 {
		return ""
	}
	if d.scratch == nil {
		d.scratch = make([]byte, maxText)
	}
	if _, err := io.ReadFull(d.from, d.scratch[:n]); err != nil {
		d.fail(err)
		return ""
	}
	return string(d.scratch[:n])
}

// expect reads a text that must be there.
func (d *decoder) expect(want string) {
	if got := d.text(); d.err == nil && got != want {
		d.fail(errors.New("not in the form of a fleet's snapshot"))
	}
}
