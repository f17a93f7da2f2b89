// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package deploy_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A builder is a buildah that has nothing to do with this machine's own images,
// and needs no registry: its base images are made here.
type builder struct {
	t   *testing.T
	env []string
}

// TestBuildahBuildsTheImage from the Containerfile as it is. The golang image is
// replaced by this machine's Go and a shell, distroless by nothing at all.
func TestBuildahBuildsTheImage(t *testing.T) {
	if os.Getenv("TEST_IMAGE") == "" {
		t.Skip("it takes minutes: TEST_IMAGE=1 builds the image")
	}
	need(t, "buildah", "apt-get install buildah")
	shell := need(t, "busybox", "apt-get install busybox-static")
	if os.Getuid() != 0 {
		t.Skip("needs root, for isolation by chroot")
	}
	b := newBuilder(t)
	goRoot, modules := b.goEnv("GOROOT"), b.goEnv("GOMODCACHE")
	base := strings.TrimSpace(b.buildah("from", "scratch"))
	root := t.TempDir()
	for _, link := range []string{"sh", "cat", "mkdir"} {
		write(t, filepath.Join(root, "bin", ".keep"), "")
		if err := os.Symlink("busybox", filepath.Join(root, "bin", link)); err != nil {
			t.Fatal(err)
		}
	}
	b.buildah("add", "--quiet", base, root, "/")
	b.buildah("copy", "--quiet", base, shell, "/bin/busybox")
	b.buildah("copy", "--quiet", base, goRoot, "/usr/local/go")
	b.buildah("config", "--env", "PATH=/usr/local/go/bin:/bin", "--env", "GOPATH=/go", "--env", "GOTOOLCHAIN=local", "--env", "HOME=/tmp", base)
	b.buildah("commit", "--quiet", base, "localhost/go:here")
	b.buildah("bud", "--quiet", "--format", "docker", "--isolation", "chroot", "--volume", modules+":/go/pkg/mod:ro", "--build-arg", "GO_IMAGE=localhost/go:here",
		"--build-arg", "BASE_IMAGE=scratch", "-f", filepath.Join(repository(t), "broker/deploy/Containerfile"), "-t", "localhost/thingpass:here", repository(t))
	image := strings.TrimSpace(b.buildah("from", "localhost/thingpass:here"))
	if said := b.buildah("run", "--isolation", "chroot", image, "--", "/thingpass", "version"); !strings.HasPrefix(said, "thingpass ") {
		t.Errorf("it says %q", said)
	}
	config := b.buildah("inspect", "--type", "image", "--format", "{{.Docker.Config.User}} {{.Docker.Config.Entrypoint}} {{.Docker.Config.Cmd}} {{.Docker.Config.Healthcheck.Test}}", "localhost/thingpass:here")
	if want := "65532:65532 [/thingpass] [run] [CMD /thingpass health]"; strings.TrimSpace(config) != want {
		t.Errorf("the image has %s, want %s", config, want)
	}
	mounted := strings.TrimSpace(b.buildah("mount", image))
	entries, err := os.ReadDir(mounted)
	for _, e := range entries {
		if !e.IsDir() && e.Name() != "thingpass" { // buildah run leaves mount points
			t.Errorf("the image has %s", e.Name())
		}
	}
	if err != nil {
		t.Error(err)
	}
}

func newBuilder(t *testing.T) *builder {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "storage.conf")
	write(t, conf, fmt.Sprintf("[storage]\ndriver = \"vfs\"\ngraphroot = %q\nrunroot = %q\n", filepath.Join(dir, "root"), filepath.Join(dir, "run")))
	b := &builder{t, append(os.Environ(), "CONTAINERS_STORAGE_CONF="+conf, "STORAGE_DRIVER=vfs", "BUILDAH_ISOLATION=chroot")}
	t.Cleanup(func() { b.buildah("umount", "--all") })
	return b
}

func (b *builder) buildah(args ...string) string {
	b.t.Helper()
	c := exec.Command("buildah", args...)
	c.Env = b.env
	var complaints strings.Builder
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		b.t.Fatalf("buildah %s: %v\n%s", strings.Join(args, " "), err, complaints.String())
	}
	return string(out)
}

func (b *builder) goEnv(name string) string {
	b.t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
