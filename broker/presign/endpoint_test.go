// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"thingpass/broker/presign"
)

func TestEndpointIsWhereClientsWillGo(t *testing.T) {
	for _, x := range []struct {
		server, bucket string
		pathStyle      bool
		want           string // the bucket's URL
		host           string // as signed
	}{
		{"https://s3.example.com", "photos", true, "https://s3.example.com/photos/", "s3.example.com"},
		{"https://s3.example.com", "photos", false, "https://photos.s3.example.com/", "photos.s3.example.com"},
		{"https://s3.example.com/", "photos", true, "https://s3.example.com/photos/", "s3.example.com"},
		{"HTTPS://S3.Example.COM", "photos", true, "https://s3.example.com/photos/", "s3.example.com"},
		{"https://s3.example.com:443", "photos", false, "https://photos.s3.example.com/", "photos.s3.example.com"},
		{"http://s3.example.com:80", "photos", true, "http://s3.example.com/photos/", "s3.example.com"},
		{"https://s3.example.com:80", "photos", true, "https://s3.example.com:80/photos/", "s3.example.com:80"},
		{"http://s3.example.com:443", "photos", true, "http://s3.example.com:443/photos/", "s3.example.com:443"},
		{"https://s3.example.com:0443", "photos", true, "https://s3.example.com/photos/", "s3.example.com"},
		{"https://s3.localhost:17070", "my.photos", false, "https://my.photos.s3.localhost:17070/", "my.photos.s3.localhost:17070"},
		{"https://127.0.0.1:17070", "photos", true, "https://127.0.0.1:17070/photos/", "127.0.0.1:17070"},
		{"https://[::1]", "photos", true, "https://[::1]/photos/", "[::1]"},
		{"https://[2001:DB8::1]:443", "photos", true, "https://[2001:db8::1]/photos/", "[2001:db8::1]"},
		{"http://s3_store:9000", "photos", true, "http://s3_store:9000/photos/", "s3_store:9000"},
	} {
		t.Run(x.server, func(t *testing.T) {
			e := endpoint(t, x.server, x.bucket, "us-east-1", x.pathStyle)
			equal(t, "endpoint", e.String(), x.want)
			s := presign.New(e)
			equal(t, "URL", sign(t, s, noon, manualKeys, photo()).URL[:len(x.want)+3], x.want+"cam")
			canonical, _, err := s.Hashed(noon, manualKeys, photo())
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(canonical, "\nhost:"+x.host+"\n") {
				t.Errorf("host %q is not signed in %q", x.host, canonical)
			}
		})
	}
}

func TestAWSEndpointIsTheSDKs(t *testing.T) {
	for _, region := range []string{
		"us-east-1", "eu-central-1", "ap-southeast-7", "il-central-1", "mx-central-1", "us-gov-west-1",
		"cn-north-1", "cn-northwest-1", "eusc-de-east-1",
		"us-iso-east-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1",
	} {
		for _, bucket := range []string{"photos", "my.photos", "a-b", "123"} {
			e, err := presign.AWSEndpoint(bucket, region)
			if err != nil {
				t.Fatal(err)
			}
			want, err := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(),
				s3.EndpointParameters{Bucket: aws.String(bucket), Region: aws.String(region)})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, region, e.String(), strings.TrimSuffix(want.URI.String(), "/")+"/")
		}
	}
}

func TestWrongEndpointsAreRefused(t *testing.T) {
	for _, x := range []struct {
		name, server, bucket, region string
		pathStyle                    bool
		want                         string
	}{
		{"no server", "", "photos", "r", true, "no http or https"},
		{"no scheme", "s3.example.com", "photos", "r", true, "no http or https"},
		{"host and port alone", "s3.example.com:9000", "photos", "r", true, "no http or https"},
		{"other scheme", "s3://photos", "photos", "r", true, "no http or https"},
		{"not a URL", "https://[::1", "photos", "r", true, "cannot be parsed"},
		{"control character", "https://a\nb", "photos", "r", true, "cannot be parsed"},
		{"no host", "https://", "photos", "r", true, "server host"},
		{"only a port", "https://:9000", "photos", "r", true, "server host"},
		{"opaque", "https:s3.example.com", "photos", "r", true, "more than scheme and host"},
		{"path", "https://s3.example.com/s3", "photos", "r", true, "more than scheme and host"},
		{"double slash", "https://s3.example.com//", "photos", "r", true, "more than scheme and host"},
		{"query", "https://s3.example.com/?a=b", "photos", "r", true, "more than scheme and host"},
		{"empty query", "https://s3.example.com?", "photos", "r", true, "more than scheme and host"},
		{"fragment", "https://s3.example.com#a", "photos", "r", true, "more than scheme and host"},
		{"password", "https://user:hunter2@s3.example.com", "photos", "r", true, "more than scheme and host"},
		{"umlaut", "https://ü.example.com", "photos", "r", true, "server host"},
		{"escaped", "https://a%20b", "photos", "r", true, "cannot be parsed"},
		{"star", "https://*.example.com", "photos", "r", true, "server host"},
		{"empty label", "https://s3..example.com", "photos", "r", true, "server host"},
		{"final dot", "https://s3.example.com.", "photos", "r", true, "server host"},
		{"zone", "https://[fe80::1%25eth0]", "photos", "r", true, "server host"},
		{"port without number", "https://s3.example.com:", "photos", "r", true, `server port ""`},
		{"port 0", "https://s3.example.com:0", "photos", "r", true, `server port "0"`},
		{"port 65536", "https://s3.example.com:65536", "photos", "r", true, `server port "65536"`},
		{"bucket before an address", "https://127.0.0.1:9000", "photos", "r", false, "use path style"},
		{"bucket before an IPv6 address", "https://[::1]:9000", "photos", "r", false, "use path style"},
		{"no bucket", "https://s3.example.com", "", "r", true, `bucket ""`},
		{"short bucket", "https://s3.example.com", "ab", "r", true, `bucket "ab"`},
		{"long bucket", "https://s3.example.com", strings.Repeat("b", 64), "r", true, "bucket"},
		{"capital bucket", "https://s3.example.com", "Photos", "r", true, "bucket"},
		{"slash in the bucket", "https://s3.example.com", "photos/other", "r", true, "bucket"},
		{"dots in the bucket", "https://s3.example.com", "a..b", "r", true, "bucket"},
		{"dot before the bucket", "https://s3.example.com", ".photos", "r", true, "bucket"},
		{"hyphen after the bucket", "https://s3.example.com", "photos-", "r", true, "bucket"},
		{"no region", "https://s3.example.com", "photos", "", true, `region ""`},
		{"slash in the region", "https://s3.example.com", "photos", "a/b", true, "region"},
		{"space in the region", "https://s3.example.com", "photos", "us east", true, "region"},
	} {
		t.Run(x.name, func(t *testing.T) {
			e, err := presign.NewEndpoint(x.server, x.bucket, x.region, x.pathStyle)
			wrongEndpoint(t, e, err, x.want)
		})
	}
}

func TestWrongAWSRegionsAreRefused(t *testing.T) {
	for _, region := range []string{"", "US-EAST-1", "us_east_1", "us-east-1.evil.example", "a/b", "a@b", "-\n"} {
		e, err := presign.AWSEndpoint("photos", region)
		wrongEndpoint(t, e, err, "region")
	}
}

func wrongEndpoint(t *testing.T, e presign.Endpoint, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted as %v", e)
	}
	if e != (presign.Endpoint{}) {
		t.Errorf("refused, yet returned %v", e)
	}
	if text := err.Error(); !strings.HasPrefix(text, "presign: endpoint: ") || !strings.Contains(text, want) ||
		strings.Contains(text, "hunter2") {
		t.Errorf("error %q, want presign: endpoint: … %s", text, want)
	}
}
