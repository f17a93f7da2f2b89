// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package thumbs_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"
)

// quarters is a picture whose corners are told apart: red, green, blue and white,
// clockwise from the upper left.
func quarters(w, h int) *image.RGBA {
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{A: 255}
			switch {
			case x < w/2 && y < h/2:
				c.R = 255
			case y < h/2:
				c.G = 255
			case x >= w/2:
				c.B = 255
			default:
				c.R, c.G, c.B = 255, 255, 255
			}
			p.SetRGBA(x, y, c)
		}
	}
	return p
}

func jpegOf(tb testing.TB, p image.Image) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, p, nil); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(tb testing.TB, p image.Image) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, p); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// withExif adds an orientation, and a text that is nobody's business.
func withExif(photo []byte, orientation uint16, order binary.ByteOrder) []byte {
	tiff := []byte("II*\x00")
	if order == binary.BigEndian {
		tiff = []byte("MM\x00*")
	}
	u16 := func(v uint16) { b := make([]byte, 2); order.PutUint16(b, v); tiff = append(tiff, b...) }
	u32 := func(v uint32) { b := make([]byte, 4); order.PutUint32(b, v); tiff = append(tiff, b...) }
	u32(8)
	u16(1)
	u16(0x0112)
	u16(3)
	u32(1)
	u16(orientation)
	u16(0)
	u32(0)
	body := append(append([]byte("Exif\x00\x00"), tiff...), "at home, 52.5 N"...)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(body)+2))
	return append(append(append(bytes.Clone(photo[:2]), segment...), body...), photo[2:]...)
}

// bombPNG says that it has w x h pixels, and has none.
func bombPNG(w, h uint32) []byte {
	head := binary.BigEndian.AppendUint32([]byte("IHDR"), w)
	head = append(binary.BigEndian.AppendUint32(head, h), 8, 6, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(head))
}

// bombJPEG says that it has w x h pixels.
func bombJPEG(tb testing.TB, w, h uint16) []byte {
	photo := jpegOf(tb, quarters(16, 16))
	at := bytes.Index(photo, []byte{0xff, 0xc0})
	binary.BigEndian.PutUint16(photo[at+5:], h)
	binary.BigEndian.PutUint16(photo[at+7:], w)
	return photo
}
