// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"strings"
	"time"
)

const (
	maxSkew    = 15 * time.Minute
	maxExpires = 7 * 24 * 60 * 60
)

// judgeTimes compares clocks.
func judgeTimes(e *evidence) {
	server, quote, known := e.serverTime()
	if a, ok := e.failed("RequestTimeTooSkewed"); ok {
		judgeSkewAnswer(e, a)
	}
	for _, r := range e.requests {
		if r.auth == nil || e.has("sigv2") {
			continue
		}
		if r.auth.query {
			judgeLife(e, r, server, known)
			continue
		}
		signed, ok := r.auth.time()
		if !ok {
			continue
		}
		switch {
		case known && (signed.Sub(server) > maxSkew || server.Sub(signed) > maxSkew):
			e.skew(Certain, r.auth.date, r.at, signed.Sub(server), fmt.Sprintf("signed at %s, when it was %s at the server", r.auth.date, quote))
		case !known && signed.Sub(e.options.Now) > maxSkew:
			e.skew(Likely, r.auth.date, r.at, signed.Sub(e.options.Now), fmt.Sprintf("X-Amz-Date %s is in the future", r.auth.date))
		}
	}
}

// skew records how far a clock is off, and what that looks like.
func (e *evidence) skew(sure Certainty, quote string, near int, off time.Duration, seen string) {
	f := e.add("clock", sure, quote, near, "the clock that signed is %s: %s", offBy(off), seen)
	if zone := off.Round(15 * time.Minute); zone.Abs() >= time.Hour && zone.Abs() <= 14*time.Hour && (off-zone).Abs() < 5*time.Minute {
		f.Do = fmt.Sprintf("Sign with UTC: %s is a time zone's distance (local time UTC%+d:%02d written with a Z). Use gmtime, not localtime.",
			span(zone.Abs()), int(zone.Hours()), int(zone.Abs().Minutes())%60)
	} else if off.Abs() > 365*24*time.Hour {
		f.Do = "Set the clock before you sign (SNTP, or the time in the broker's reply): this one was never set since power-on."
	}
}

func offBy(d time.Duration) string {
	if d < 0 {
		return span(-d) + " slow"
	}
	return span(d) + " fast"
}

// span is d for people.
func span(d time.Duration) string {
	if d = d.Round(time.Second); d >= time.Hour {
		d = d.Round(time.Minute)
	}
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// judgeSkewAnswer reads S3's own word on it.
func judgeSkewAnswer(e *evidence, a answer) {
	requested, err := time.Parse(dateFormat, strings.TrimSpace(a.fields["RequestTime"]))
	if err != nil {
		requested, err = time.Parse(time.RFC1123, a.fields["RequestTime"])
	}
	server, serverErr := time.Parse(time.RFC3339, a.fields["ServerTime"])
	if err != nil || serverErr != nil {
		e.add("clock", Certain, a.code, a.at, "the clock that signed is more than 15 minutes off, by S3's word")
		return
	}
	e.skew(Certain, a.fields["RequestTime"], a.at, requested.Sub(server),
		fmt.Sprintf("signed at %s, when it was %s at S3", a.fields["RequestTime"], a.fields["ServerTime"]))
}

// judgeLife is about the life of a signed URL.
func judgeLife(e *evidence, r *request, server time.Time, known bool) {
	a := r.auth
	seconds := atoi(a.expires)
	switch {
	case a.expires == "":
		return
	case strings.Trim(a.expires, "0123456789") != "" || seconds == 0:
		e.add("expires-malformed", Certain, a.expires, r.at, "X-Amz-Expires is `%s`: it must be a number of seconds, 1 to %d", a.expires, maxExpires)
		return
	case seconds > maxExpires:
		e.add("expires-too-long", Certain, a.expires, r.at, "X-Amz-Expires is %s s (%s), more than the 7 days (%d s) that SigV4 allows", a.expires, span(time.Duration(min(seconds, 1e9))*time.Second), maxExpires)
		return
	}
	signed, ok := a.time()
	if !ok {
		return
	}
	now, sure, of := e.options.Now, Likely, "now"
	if known {
		now, sure, of = server, Certain, "at the server"
	} else if _, other := e.failed(); !other {
		sure = Certain
	} else if _, denied := e.failed("AccessDenied"); !denied {
		sure = Possible // it may have been good when it failed
	}
	end := signed.Add(time.Duration(seconds) * time.Second)
	switch {
	case now.After(end):
		e.add("expired", sure, a.date, r.at, "the URL died at %s (%s + %d s), and it is %s %s: %s too late",
			end.Format(time.RFC3339), a.date, seconds, now.UTC().Format(time.RFC3339), of, span(now.Sub(end)))
	case signed.Sub(now) > maxSkew:
		e.skew(sure, a.date, r.at, signed.Sub(now), fmt.Sprintf("the URL is valid from %s on, and it is %s %s", a.date, now.UTC().Format(time.RFC3339), of))
	}
}

// judgeDate is about how the time of signing is given.
func judgeDate(e *evidence, r *request) {
	a := r.auth
	if a.date == "" {
		_, date := r.header("date")
		if !a.query && r.how != "header" && !date && !a.signs("x-amz-date") {
			e.add("date-missing", Certain, "", r.at, "the request has no X-Amz-Date")
		}
		return
	}
	if _, ok := a.time(); ok {
		return
	}
	what := "X-Amz-Date `%s` must be written yyyymmddThhmmssZ, such as %s"
	e.add("date-format", Certain, a.date, r.at, what, a.date, time.Date(2026, 11, 26, 6, 40, 0, 0, time.UTC).Format(dateFormat))
}
