// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

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

func newSign(tb testing.TB) func() {
	s, r, now := awsSigner(tb), photo(), noon
	return func() {
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

func BenchmarkSign(b *testing.B)                { benchmark(b, newSign(b)) }
func BenchmarkFloor(b *testing.B)               { benchmark(b, newFloor(b)) }
func BenchmarkSDKPresignPutObject(b *testing.B) { benchmark(b, newSDKPutObject(b)) }
func BenchmarkSDKPresignHTTP(b *testing.B)      { benchmark(b, newSDKHTTP(b)) }

// BenchmarkSignNewHeaders changes the header names so often that no shape is
// ever found again: the worst that a client can do to us.
func BenchmarkSignNewHeaders(b *testing.B) {
	s, r := awsSigner(b), photo()
	last := &r.Headers[len(r.Headers)-1]
	names := []string{"x-amz-meta-a", "x-amz-meta-b", "x-amz-meta-c", "x-amz-meta-d", "x-amz-meta-e"}
	i := 0
	benchmark(b, func() {
		last.Name = names[i%len(names)]
		i++
		if _, err := s.Sign(noon, manualKeys, r); err != nil {
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

// BenchmarkRatios lets all run by turns, so that whatever else the machine does
// hits each alike, and compares their medians.
func BenchmarkRatios(b *testing.B) {
	r := newRace(b)
	for b.Loop() {
		r.round()
	}
	sign := r.median(0)
	b.ReportMetric(0, "ns/op") // of a round: it says nothing
	b.ReportMetric(sign, "sign-ns")
	b.ReportMetric(sign/r.median(1), "x-floor")
	b.ReportMetric(r.median(2)/sign, "sdk-PresignPutObject-x")
	b.ReportMetric(r.median(3)/sign, "sdk-PresignHTTP-x")
}

// A race times contestants by turns.
type race struct {
	contestants [4]func()
	calls       [4]int // in one turn
	times       [4][]float64
}

func newRace(tb testing.TB) *race {
	return &race{
		contestants: [4]func(){newSign(tb), newFloor(tb), newSDKPutObject(tb), newSDKHTTP(tb)},
		calls:       [4]int{50, 50, 1, 3}, // some 50 µs each
	}
}

func (r *race) round() {
	for i, f := range r.contestants {
		start := time.Now()
		for range r.calls[i] {
			f()
		}
		r.times[i] = append(r.times[i], float64(time.Since(start))/float64(r.calls[i]))
	}
}

// median is in nanoseconds for one call.
func (r *race) median(i int) float64 {
	slices.Sort(r.times[i])
	return r.times[i][len(r.times[i])/2]
}
