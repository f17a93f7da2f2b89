// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"thingpass/broker"
	"thingpass/broker/presign"
)

const metadataField = "x-amz-meta-"

// SignPass returns a form by which any number of objects can be stored below
// pass.KeyPrefix, each as pass has it.
//
// Prefix, bounds of the size, type and metadata are in the signed policy. The
// form ends after pass.TTL or with the credentials, whichever comes first
// [P-4.3]. S3 has no way to say in a policy that a key must be new [P-11.6].
func (b *Bucket) SignPass(ctx context.Context, pass broker.Pass) (broker.PassGrant, error) {
	credentials, err := b.credentials.Retrieve(ctx)
	if err != nil {
		return broker.PassGrant{}, err
	}
	signed, err := b.signer.SignPost(pass.Now, presignCredentials(credentials), postOf(pass))
	if err != nil {
		return broker.PassGrant{}, fmt.Errorf("sign a pass for %s: %w", pass.KeyPrefix, err)
	}
	fields := make(map[string]string, len(signed.Fields))
	for _, f := range signed.Fields {
		fields[f.Name] = f.Value
	}
	return broker.PassGrant{URL: signed.URL, Fields: fields, Expires: signed.Expires}, nil
}

// postOf has the fields in one order always, so that the same pass has the same
// bytes.
func postOf(pass broker.Pass) presign.Post {
	post := presign.Post{
		KeyPrefix: pass.KeyPrefix,
		MinSize:   pass.MinSize,
		MaxSize:   pass.MaxSize,
		Fields:    []presign.Header{{Name: "Content-Type", Value: pass.ContentType}},
		Expires:   pass.TTL,
	}
	for _, name := range slices.Sorted(maps.Keys(pass.Metadata)) {
		post.Fields = append(post.Fields, presign.Header{Name: metadataField + name, Value: pass.Metadata[name]})
	}
	for _, name := range pass.MetadataNames {
		post.Free = append(post.Free, metadataField+name)
	}
	if pass.SHA256 {
		post.Free = append(post.Free, "x-amz-checksum-sha256")
	}
	return post
}
