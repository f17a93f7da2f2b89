// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package thumbs

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

// What a thumbnail is: sharp on a phone, and some 20 KB.
const (
	longestSide = 480
	quality     = 76
)

type format struct {
	config func(*bytes.Reader) (image.Config, error)
	decode func(*bytes.Reader) (image.Image, error)
}

// formatOf returns how to decode a file, by its first bytes: what it is called may
// be wrong.
func formatOf(file []byte) (format, error) {
	switch {
	case isJPEG(file):
		return format{func(r *bytes.Reader) (image.Config, error) { return jpeg.DecodeConfig(r) },
			func(r *bytes.Reader) (image.Image, error) { return jpeg.Decode(r) }}, nil
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		return format{func(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) },
			func(r *bytes.Reader) (image.Image, error) { return png.Decode(r) }}, nil
	case len(file) > 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WEBP":
		return format{func(r *bytes.Reader) (image.Config, error) { return webp.DecodeConfig(r) },
			func(r *bytes.Reader) (image.Image, error) { return webp.Decode(r) }}, nil
	}
	return format{}, fmt.Errorf("%w: neither JPEG, PNG nor WebP", errBroken)
}

// shrink returns a small JPEG of a file, upright, or an error that is errBroken.
func shrink(file []byte, maxPixels int) (small []byte, err error) {
	defer func() { // a decoder's mistake is not to end the broker
		if r := recover(); r != nil {
			small, err = nil, fmt.Errorf("%w: the decoder fell over: %v", errBroken, r)
		}
	}()
	f, err := formatOf(file)
	if err != nil {
		return nil, err
	}
	config, err := f.config(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBroken, err)
	}
	l := layout{orientation: 1}
	if isJPEG(file) {
		l = layoutOf(file)
	}
	if err := allowed(config, l, maxPixels); err != nil {
		return nil, err
	}
	full, err := f.decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBroken, err)
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, upright(scale(full), l.orientation), &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("%w: %w", errBroken, err)
	}
	return out.Bytes(), nil
}

// allowed refuses what would take too much memory or time, before it is decoded.
func allowed(c image.Config, l layout, maxPixels int) error {
	if l.progressive || c.ColorModel == color.RGBA64Model || c.ColorModel == color.NRGBA64Model {
		maxPixels /= progressiveShare // as much memory as twice the pixels
	}
	switch {
	case c.Width <= 0 || c.Height <= 0:
		return fmt.Errorf("%w: it has no pixels", errBroken)
	case c.Width > maxPixels/c.Height:
		return fmt.Errorf("%w: %d x %d pixels, at most %d are decoded", errBroken, c.Width, c.Height, maxPixels)
	case l.scans > maxScans:
		return fmt.Errorf("%w: %d scans, at most %d are decoded", errBroken, l.scans, maxScans)
	}
	return nil
}

// scale draws a picture on white, its longest side at most longestSide.
func scale(full image.Image) *image.RGBA {
	w, h := full.Bounds().Dx(), full.Bounds().Dy()
	if longest := max(w, h); longest > longestSide {
		w, h = max(1, w*longestSide/longest), max(1, h*longestSide/longest)
	}
	small := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(small, small.Bounds(), image.White, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(small, small.Bounds(), full, full.Bounds(), draw.Over, nil)
	return small
}

// upright turns and mirrors a picture as Exif's orientation asks.
func upright(p *image.RGBA, orientation int) *image.RGBA {
	if orientation <= 1 {
		return p
	}
	w, h := p.Bounds().Dx(), p.Bounds().Dy()
	size := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	turned := image.NewRGBA(size)
	for y := range h {
		for x := range w {
			tx, ty := turn(x, y, w-1, h-1, orientation)
			turned.SetRGBA(tx, ty, p.RGBAAt(x, y))
		}
	}
	return turned
}

// turn says where the pixel at x, y goes; right and bottom are the last ones.
func turn(x, y, right, bottom, orientation int) (int, int) {
	switch orientation {
	case 2:
		return right - x, y
	case 3:
		return right - x, bottom - y
	case 4:
		return x, bottom - y
	case 5:
		return y, x
	case 6:
		return bottom - y, x
	case 7:
		return bottom - y, right - x
	case 8:
		return y, right - x
	}
	return x, y
}
