// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
)

// workingDir is held by the one S3 of this process: versitygw works relative to
// the working directory, which belongs to the process, not to us.
var workingDir = make(chan struct{}, 1)

// takeWorkingDir reserves the working directory, and gives it back as it was.
func (s *S3) takeWorkingDir() error {
	select {
	case workingDir <- struct{}{}:
	default:
		return errors.New("this process runs an S3 already: close it first, or start another process")
	}
	before, err := os.Getwd()
	s.later(func() {
		if err == nil {
			_ = os.Chdir(before) // it may be gone, as a test's folder is
		}
		<-workingDir
	})
	return nil
}

// openBackend opens the folder of objects and makes the bucket.
func (s *S3) openBackend(ctx context.Context, o *S3Options) error {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of objects: %w", err)
	}
	store, opts, err := s.openMetadata(o)
	if err != nil {
		return err
	}
	s.backend, err = posix.New(o.Dir, store, opts)
	if err != nil {
		return fmt.Errorf("open %s: %w", o.Dir, err)
	}
	s.later(s.backend.Shutdown)
	return s.makeBucket(ctx, o)
}

// openMetadata chooses where metadata lives. A MetaDir that exists goes on
// being used, so that objects stored earlier keep theirs.
func (s *S3) openMetadata(o *S3Options) (meta.MetadataStorer, posix.PosixOpts, error) {
	opts := posix.PosixOpts{ValidateBucketNames: true, CopyObjectThreshold: DefaultMaxObjectSize, VersioningDir: o.VersionsDir}
	if o.VersionsDir != "" {
		if err := os.MkdirAll(o.VersionsDir, 0o755); err != nil {
			return nil, opts, fmt.Errorf("make the folder of versions: %w", err)
		}
	}
	_, err := os.Stat(o.MetaDir)
	if errors.Is(err, os.ErrNotExist) && hasExtendedAttributes(o.Dir) {
		s.metadata = "extended attributes"
		return meta.XattrMeta{}, opts, nil
	}
	if err := os.MkdirAll(o.MetaDir, 0o755); err != nil {
		return nil, opts, fmt.Errorf("make the folder of metadata: %w", err)
	}
	store, err := meta.NewSideCar(o.MetaDir)
	if err != nil {
		return nil, opts, fmt.Errorf("open the folder of metadata: %w", err)
	}
	opts.SideCarDir = o.MetaDir
	s.metadata = o.MetaDir
	return store, opts, nil
}

// hasExtendedAttributes tries: versitygw's own test only reads, and some file
// systems refuse only the writing.
func hasExtendedAttributes(dir string) bool {
	f, err := os.CreateTemp(dir, ".attributes-")
	if err != nil {
		return false
	}
	defer os.Remove(f.Name())
	defer f.Close()
	return meta.XattrMeta{}.StoreAttribute(f, "", "", "test", []byte("1")) == nil
}

// makeBucket makes the bucket, or repairs one that a kill left without its
// owner. It belongs to the access key and is closed to everybody else.
func (s *S3) makeBucket(ctx context.Context, o *S3Options) error {
	if err := os.MkdirAll(filepath.Join(o.Dir, o.Bucket), 0o755); err != nil {
		return fmt.Errorf("make bucket %s: %w", o.Bucket, err)
	}
	acl, err := json.Marshal(auth.ACL{
		Owner: o.AccessKey.ID,
		Grantees: []auth.Grantee{{
			Permission: auth.PermissionFullControl, Access: o.AccessKey.ID, Type: types.TypeCanonicalUser,
		}},
	})
	if err != nil {
		return err
	}
	if err := s.backend.PutBucketAcl(ctx, o.Bucket, acl); err != nil {
		return fmt.Errorf("own bucket %s: %w", o.Bucket, err)
	}
	err = s.backend.PutBucketOwnershipControls(ctx, o.Bucket, types.ObjectOwnershipBucketOwnerEnforced)
	if err != nil {
		return fmt.Errorf("own bucket %s: %w", o.Bucket, err)
	}
	return nil
}

// validBucket is S3's rule without dots, which no certificate wildcard covers.
func validBucket(name string) bool {
	return regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`).MatchString(name)
}
