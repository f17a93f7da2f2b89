// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"fmt"
	"html/template"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"thingpass/broker"
	"thingpass/broker/fleet"
)

var functions = template.FuncMap{
	"ago": ago, "stamp": stamp, "iso": iso, "bytes": sizeText, "count": countOf, "took": took, "short": short,
	"isBad": isBad, "isGood": isGood, "isImage": isImage, "fresh": fresh, "base": path.Base, "static": Static,
	"states": func() []fleet.State { return fleet.States }, "percent": percent, "initial": initial,
}

// ago says how long before now t was, in one unit.
func ago(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return "never"
	case d < 2*time.Second: // or later: clocks differ
		return "now"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " s ago"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min ago"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " h ago"
	}
	return countText(int64(d.Hours()/24)) + " d ago"
}

func fresh(now, t time.Time) bool { return !t.IsZero() && now.Sub(t) < time.Minute }

// stamp is a time in UTC, without the date if it is today's.
func stamp(now, t time.Time) string {
	switch t = t.UTC(); {
	case t.IsZero():
		return "–"
	case t.Format(time.DateOnly) == now.UTC().Format(time.DateOnly):
		return t.Format(time.TimeOnly)
	}
	return t.Format("2006-01-02 15:04")
}

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// sizeText is a size in powers of 1000, as S3's bill counts.
func sizeText(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, i := float64(n)/1000, 0
	for ; v >= 999.5 && i < len(units)-1; i++ {
		v /= 1000
	}
	digits := 0
	if v < 9.95 {
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + " " + units[i:i+1] + "B"
}

// countOf is countText for templates, which know no type parameters.
func countOf(n any) string {
	switch n := n.(type) {
	case int:
		return countText(n)
	case int64:
		return countText(n)
	}
	return fmt.Sprint(n)
}

// countText is a number with its thousands apart.
func countText[N int | int64](n N) string {
	text := strconv.FormatInt(int64(n), 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}

func took(d time.Duration) string {
	switch {
	case d <= 0:
		return "–"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f min", d.Minutes())
}

// short is the beginning of a checksum, enough to compare by eye.
func short(s string) string {
	if len(s) <= 12 {
		return s
	}
	return s[:12] + "…"
}

func percent(part, whole int64) int64 {
	if whole <= 0 {
		return 0
	}
	return part * 100 / whole
}

func initial(s string) string { return strings.ToUpper(string([]rune(s + "?")[:1])) }

var (
	goodCodes    = []broker.Code{broker.CodeGranted, broker.CodeUnchanged, broker.CodeVerified, broker.CodeDone}
	neutralCodes = []broker.Code{broker.CodeAborted, broker.CodeIgnored, ""}
)

func isGood(c broker.Code) bool { return slices.Contains(goodCodes, c) }
func isBad(c broker.Code) bool  { return !isGood(c) && !slices.Contains(neutralCodes, c) }

// isImage reports whether an object is a photo that thumbs can read, by its type or,
// where a listing does not tell it, by the end of its key.
func isImage(o fleet.Object) bool {
	if o.ContentType != "" {
		return strings.HasPrefix(o.ContentType, "image/")
	}
	return slices.Contains([]string{".jpg", ".jpeg", ".png", ".webp"}, strings.ToLower(path.Ext(o.Key)))
}
