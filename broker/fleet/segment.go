// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"thingpass/broker"
)

const (
	journalFolder  = "journal/"
	segmentEnd     = ".jsonl.gz"
	hourFolder     = "2006/01/02/15/"
	segmentLimit   = 16 << 20 // bytes of one that is read, compressed
	inflatedLimit  = 64 << 20 // and what may become of them
	lineLimit      = 64 << 10
	maxReplicaName = 64
)

// segment names a part of the journal: what one run of a replica recorded.
type segment struct {
	hour string // in the form of hourFolder
	run  string // replica and boot
	seq  uint64 // counts from 1 within the run
}

func (s segment) key(prefix string) string {
	return fmt.Sprintf("%s%s%s%s-%08d%s", prefix, journalFolder, s.hour, s.run, s.seq, segmentEnd)
}

// parseSegment reads a key as segment.key writes it.
func parseSegment(prefix, key string) (segment, bool) {
	rest, found := strings.CutPrefix(key, prefix+journalFolder)
	name, whole := strings.CutSuffix(rest, segmentEnd)
	if !found || !whole || len(name) <= len(hourFolder) {
		return segment{}, false
	}
	hour, name := name[:len(hourFolder)], name[len(hourFolder):]
	dash := strings.LastIndexByte(name, '-')
	if _, err := time.Parse(hourFolder, hour); err != nil || dash < 1 {
		return segment{}, false
	}
	seq, err := strconv.ParseUint(name[dash+1:], 10, 40)
	s := segment{hour: hour, run: name[:dash], seq: seq}
	return s, err == nil && seq > 0 && validRun(s.run) && s.key(prefix) == key
}

// validRun reports whether a name can be that of a replica, or of its run.
func validRun(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._-", c) >= 0) {
			return false
		}
	}
	return s != "" && len(s) <= 2*maxReplicaName
}

// writers of gzip have a megabyte each.
var writers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // which is a level
	return z
}}

// deflate compresses what it appends to head. What it returns is its own.
func deflate(head string, body []byte) []byte {
	var out bytes.Buffer
	out.WriteString(head)
	z := writers.Get().(*gzip.Writer)
	defer writers.Put(z)
	z.Reset(&out)
	_, _ = z.Write(body) // a Buffer takes everything
	_ = z.Close()
	return out.Bytes()
}

// inflate decompresses at most limit bytes: what would become more is an error.
func inflate(body []byte, limit int64) (io.Reader, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("not compressed by gzip: %w", err)
	}
	return &bounded{from: z, left: limit}, nil
}

type bounded struct {
	from io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("it becomes more than is taken when it is decompressed")
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// decodeSegment returns the entries of a segment, and how many of its lines are
// none. An error means that nothing of it can be believed.
func decodeSegment(body []byte) (entries []broker.Entry, bad int, err error) {
	lines, err := inflate(body, inflatedLimit)
	if err != nil {
		return nil, 0, err
	}
	scan := bufio.NewScanner(lines)
	scan.Buffer(make([]byte, 4096), lineLimit)
	for scan.Scan() {
		var e broker.Entry
		if json.Unmarshal(scan.Bytes(), &e) != nil || e.Size < 0 {
			bad++
			continue
		}
		entries = append(entries, e)
	}
	if err := scan.Err(); err != nil {
		return nil, 0, fmt.Errorf("read the lines of a segment: %w", err)
	}
	return entries, bad, nil
}
