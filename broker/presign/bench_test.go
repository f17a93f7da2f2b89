// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Measured on 2026-11-23: a shared virtual machine, 2 cores of a server CPU with
// SHA instructions, Go 1.26, aws-sdk-go-v2 1.47.7 with s3 1.114.8. Ratios of
// medians from BenchmarkRatios, nine runs of 1 s.
//
//	                         load under 2   wanted
//	x-floor                  1.34 to 1.39   1.5 at most
//	sdk-PresignPutObject-x   26.2 to 28.0   25 at least
//	sdk-PresignHTTP-x        7.0 to 7.5
//	allocations              1 (the URL)    2 at most
//
// One URL took 0.83 µs. BenchmarkSignAllNew, where nothing but the signing key is
// found again, took 1.3 µs, just over twice the floor, without another
// allocation. Busier neighbours move the ratios: a tenth run had 1.42 and 32.7,
// and with a load of 5 to 10 the version before this one had 1.44 to 1.47 and 37
// to 45.
//
// A form (SignPost: policy, base64, signature) took 2.5 to 2.7 µs and 5
// allocations: URL, date, policy, signature and the list of them; the
// SDK's PresignPostObject took 15 to 17 times as long (four runs, load 2) and 400.
//
// What is left above the floor is copying: each piece of the text costs a few
// nanoseconds, whatever its length.

package presign_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"slices"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/ptr"
)

// The contestants sign the same photo: each makes one URL per call.

// newSign is ours. Its clock goes on as if a thousand URLs were made a second.
func newSign(tb testing.TB) func() {
	s, r, now := awsSigner(tb), photo(), noon
	return func() {
		now = now.Add(time.Millisecond)
		if _, err := s.Sign(now, manualKeys, r); err != nil {
			tb.Fatal(err)
		}
	}
}

// newFloor is the least that any signer must do: one SHA-256 over the canonical
// request, one HMAC over the string to sign, with a key that is ready.
func newFloor(tb testing.TB) func() {
	canonical, toSign, err := awsSigner(tb).Hashed(noon, manualKeys, photo())
	if err != nil {
		tb.Fatal(err)
	}
	request, text, sum := []byte(canonical), []byte(toSign), make([]byte, 0, sha256.Size)
	mac := hmac.New(sha256.New, make([]byte, sha256.Size))
	return func() {
		hash := sha256.Sum256(request)
		text[len(text)-1] = hash[0] // so that nothing is optimised away
		mac.Reset()
		mac.Write(text)
		sum = mac.Sum(sum[:0])
	}
}

func newSDKPutObject(tb testing.TB) func() {
	p := s3.NewPresignClient(sdkClient(sites()[0], manualKeys), s3.WithPresignExpires(15*time.Minute))
	in := &s3.PutObjectInput{
		Bucket: ptr.String("esp32-devices"), Key: ptr.String(photo().Key),
		ContentLength: ptr.Int64(48213), ContentType: ptr.String("image/jpeg"), IfNoneMatch: ptr.String("*"),
		ChecksumSHA256: ptr.String("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
		Metadata:       map[string]string{"device": "cam-0001"},
	}
	return func() {
		if _, err := p.PresignPutObject(context.Background(), in); err != nil {
			tb.Fatal(err)
		}
	}
}

// newSignPost is ours for a form: policy, base64, signature.
func newSignPost(tb testing.TB) func() {
	s, p, now := awsSigner(tb), pass(), noon
	return func() {
		now = now.Add(time.Millisecond)
		if _, err := s.SignPost(now, manualKeys, p); err != nil {
			tb.Fatal(err)
		}
	}
}

func newSDKPost(tb testing.TB) func() {
	client := s3.NewPresignClient(sdkClient(sites()[0], manualKeys))
	return func() { sdkPost(tb, client, sites()[0], noon, pass()) }
}

func newSDKHTTP(tb testing.TB) func() {
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	req, c := sdkRequest(tb, sites()[0], photo()), sdkCredentials(manualKeys)
	req.Body = http.NoBody
	return func() {
		_, _, err := signer.PresignHTTP(context.Background(), c, req, "UNSIGNED-PAYLOAD", "s3", "us-east-1", noon)
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func benchmark(b *testing.B, f func()) {
	b.ReportAllocs()
	for b.Loop() {
		f()
	}
}

func BenchmarkSign(b *testing.B)                 { benchmark(b, newSign(b)) }
func BenchmarkSignPost(b *testing.B)             { benchmark(b, newSignPost(b)) }
func BenchmarkSDKPresignPostObject(b *testing.B) { benchmark(b, newSDKPost(b)) }
func BenchmarkFloor(b *testing.B)                { benchmark(b, newFloor(b)) }
func BenchmarkSDKPresignPutObject(b *testing.B)  { benchmark(b, newSDKPutObject(b)) }
func BenchmarkSDKPresignHTTP(b *testing.B)       { benchmark(b, newSDKHTTP(b)) }

// BenchmarkSignAllNew has another second and other header names each time, so
// that nothing but the signing key is ever found again.
func BenchmarkSignAllNew(b *testing.B) {
	s, r := awsSigner(b), photo()
	last := &r.Headers[len(r.Headers)-1]
	names := []string{"x-amz-meta-a", "x-amz-meta-b", "x-amz-meta-c", "x-amz-meta-d", "x-amz-meta-e"}
	i := 0
	benchmark(b, func() {
		last.Name = names[i%len(names)]
		i++
		if _, err := s.Sign(noon.Add(time.Duration(i)*time.Second), manualKeys, r); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkSignInParallel(b *testing.B) {
	s := awsSigner(b)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		r := photo()
		for p.Next() {
			if _, err := s.Sign(noon, manualKeys, r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRatios lets contestants run by turns, so that whatever else the
// machine does hits each alike, and compares their medians. The floor has a race
// of its own: the SDK leaves 30 KB of garbage for each URL, and while that is
// being collected everybody who allocates is slower.
func BenchmarkRatios(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		r := newFloorRace(b)
		for b.Loop() {
			r.round()
		}
		b.ReportMetric(0, "ns/op") // of a round: it says nothing
		b.ReportMetric(r.median(0), "sign-ns")
		b.ReportMetric(r.median(0)/r.median(1), "x-floor")
	})
	b.Run("SDK", func(b *testing.B) {
		r := newSDKRace(b)
		for b.Loop() {
			r.round()
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(r.median(0), "sign-ns")
		b.ReportMetric(r.median(1)/r.median(0), "sdk-PresignPutObject-x")
		b.ReportMetric(r.median(2)/r.median(0), "sdk-PresignHTTP-x")
	})
	b.Run("POST", func(b *testing.B) {
		r := race{{call: newSignPost(b), calls: 20}, {call: newSDKPost(b), calls: 1}}
		for b.Loop() {
			r.round()
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(r.median(0), "sign-post-ns")
		b.ReportMetric(r.median(1)/r.median(0), "sdk-PresignPostObject-x")
	})
}

// A race times contestants by turns.
type race []contestant

type contestant struct {
	call  func()
	calls int // in one turn, some 50 µs
	times []float64
}

func newFloorRace(tb testing.TB) race {
	return race{{call: newSign(tb), calls: 50}, {call: newFloor(tb), calls: 50}}
}

func newSDKRace(tb testing.TB) race {
	return race{{call: newSign(tb), calls: 50}, {call: newSDKPutObject(tb), calls: 1}, {call: newSDKHTTP(tb), calls: 5}}
}

func (r race) round() {
	for i := range r {
		c := &r[i]
		start := time.Now()
		for range c.calls {
			c.call()
		}
		c.times = append(c.times, float64(time.Since(start))/float64(c.calls))
	}
}

// median is in nanoseconds for one call.
func (r race) median(i int) float64 {
	times := slices.Sorted(slices.Values(r[i].times))
	return times[len(times)/2]
}
