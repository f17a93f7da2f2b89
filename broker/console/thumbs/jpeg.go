// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package thumbs

import (
	"bytes"
	"encoding/binary"
)

// Limits for what is slow or large to decode beyond its pixels.
const (
	// A scan costs a pass over all blocks and may be 50 bytes. A progressive JPEG
	// of a camera has about ten.
	maxScans = 64
	// Go's decoder keeps four bytes per coefficient of a progressive JPEG.
	progressiveShare = 2
)

func isJPEG(file []byte) bool { return bytes.HasPrefix(file, []byte{0xff, 0xd8, 0xff}) }

// layout is what the segments of a JPEG say.
type layout struct {
	orientation int // Exif's, 1 to 8
	progressive bool
	scans       int // at most; an embedded picture's may be among them
}

// layoutOf reads a JPEG's segments up to the first scan. It believes nothing that
// it cannot find.
func layoutOf(file []byte) layout {
	l := layout{orientation: 1, scans: bytes.Count(file, []byte{0xff, 0xda})}
	for rest := file[min(2, len(file)):]; len(rest) >= 4 && rest[0] == 0xff; {
		marker := rest[1]
		if marker == 0xff { // a fill byte
			rest = rest[1:]
			continue
		}
		size := int(binary.BigEndian.Uint16(rest[2:]))
		if marker == 0xda || size < 2 || len(rest) < 2+size {
			break
		}
		body := rest[4 : 2+size]
		switch {
		case marker == 0xc2 || marker == 0xc6 || marker == 0xca || marker == 0xce:
			l.progressive = true
		case marker == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
			l.orientation = orientationOf(body[6:])
		}
		rest = rest[2+size:]
	}
	return l
}

// orientationOf reads the tag 0x0112 of Exif's first directory (Exif 2.32, 4.6.4).
func orientationOf(tiff []byte) int {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case len(tiff) < 8:
		return 1
	case string(tiff[:4]) == "MM\x00*":
		order = binary.BigEndian
	case string(tiff[:4]) != "II*\x00":
		return 1
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 1
	}
	fields := tiff[at+2:]
	for n := order.Uint16(tiff[at:]); n > 0 && len(fields) >= 12; n-- {
		if order.Uint16(fields) == 0x0112 && order.Uint16(fields[2:]) == 3 {
			if o := int(order.Uint16(fields[8:])); o >= 1 && o <= 8 {
				return o
			}
			return 1
		}
		fields = fields[12:]
	}
	return 1
}
