// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"fmt"
	"slices"
	"time"

	"thingpass/broker/fleet"
)

// A chart is bars of one measure over time, drawn by the template as SVG.
type chart struct {
	Title, Summary string
	First, Last    string // below the ends
	Width          int
	Bars           []bar
}

// A bar's upper part, if it has one, is what was refused.
type bar struct {
	X, Width    int
	Y, Height   int
	Y2, Height2 int
	Label       string
}

const (
	chartHeight = 60
	barStep     = 10 // with the gap between two
	barWidth    = 8
)

// height scales a value; what is there at all is seen.
func height(v, most int64) int {
	if v <= 0 || most <= 0 {
		return 0
	}
	return max(2, int(v*chartHeight/most))
}

// hoursChart shows what was stored, and refused, in each hour.
func hoursChart(hours []fleet.Hour) chart {
	c := chart{Title: "Stored and refused per hour", Width: barStep * max(1, len(hours))}
	var most, stored, refused int64
	for _, h := range hours {
		most = max(most, h.Stored+h.Refused)
		stored, refused = stored+h.Stored, refused+h.Refused
	}
	for i, h := range hours {
		b := bar{X: i * barStep, Width: barWidth, Height: height(h.Stored, most), Height2: height(h.Refused, most),
			Label: fmt.Sprintf("%s UTC: %d stored (%s), %d refused", h.Start.UTC().Format("Mon 15:04"), h.Stored, sizeText(h.Bytes), h.Refused)}
		b.Y = chartHeight - b.Height
		b.Y2 = max(0, b.Y-b.Height2)
		c.Bars = append(c.Bars, b)
	}
	c.Summary = fmt.Sprintf("%s stored, %s refused in %d h", countText(stored), countText(refused), len(hours))
	if len(hours) > 0 {
		c.First, c.Last = hours[0].Start.UTC().Format("Mon 15:04"), "now"
	}
	return c
}

// samplesChart shows one measure of the last uploads; text says a value in words.
func samplesChart(title string, samples []fleet.Sample, value func(fleet.Sample) int64, text func(int64) string) chart {
	c := chart{Title: title, Width: barStep * fleet.SamplesLength}
	var known []int64
	for _, s := range samples {
		if v := value(s); v > 0 {
			known = append(known, v)
		}
	}
	if len(known) == 0 {
		c.Summary = "nothing yet"
		return c
	}
	slices.Sort(known)
	most := known[len(known)-1]
	c.Summary = fmt.Sprintf("median %s, largest %s, of %d", text(known[len(known)/2]), text(most), len(known))
	offset := c.Width - barStep*len(samples)
	for i, s := range samples {
		v := value(s)
		h := height(v, most)
		c.Bars = append(c.Bars, bar{X: offset + i*barStep, Width: barWidth, Y: chartHeight - h, Height: h,
			Label: s.At.UTC().Format("Jan 2 15:04:05") + ": " + text(v)})
	}
	c.First, c.Last = samples[0].At.UTC().Format("Jan 2 15:04"), samples[len(samples)-1].At.UTC().Format("Jan 2 15:04")
	return c
}

func sizesChart(samples []fleet.Sample) chart {
	return samplesChart("Sizes", samples, func(s fleet.Sample) int64 { return s.Size }, sizeText)
}

func latenciesChart(samples []fleet.Sample) chart {
	return samplesChart("From grant to verified", samples, func(s fleet.Sample) int64 { return s.Latency.Milliseconds() },
		func(ms int64) string { return took(time.Duration(ms) * time.Millisecond) })
}
