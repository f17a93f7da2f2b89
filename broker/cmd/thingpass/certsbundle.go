// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"thingpass/certs"
	"thingpass/certs/flash"
)

type bundleFlags struct {
	server, format, out, s3CA, ssid, passwordFile string
	next, printKey                                bool
}

func certsBundleCommand() *cobra.Command {
	var f bundleFlags
	c := &cobra.Command{
		Use:   "bundle NAME",
		Short: "Write what is flashed into a thing: NVS table, PEM, DER or C header",
		Long: `Write what is flashed into a thing, to --out:

  nvs-csv  NAME.csv for ESP-IDF's nvs_partition_gen, which reads the PEM files by
           the paths in it
  pem      ca.crt, thing.crt and thing.key     der  the same as .der
  header   NAME.h, which can be the Arduino example's secrets.h

Files with a key or a password are readable by their owner alone. A thing that
made its key itself gets none. With --out - the result goes to the standard
output; what holds a key only if --print-key is given as well.`,
		Example: "  thingpass certs bundle cam1 --server 192.168.1.10:8883 --format nvs-csv",
		Args:    certsTakes(1, "the thing's name, such as cam1"),
		RunE:    func(c *cobra.Command, args []string) error { return bundleCert(c, args[0], &f) },
	}
	c.Flags().StringVar(&f.server, "server", "", "the MQTT server: `HOST[:PORT]`")
	c.Flags().StringVar(&f.format, "format", "nvs-csv", "nvs-csv, pem, der or header")
	c.Flags().StringVar(&f.out, "out", ".", "the `FOLDER` to write to, or - for the standard output")
	c.Flags().StringVar(&f.s3CA, "s3-ca", "", "whom to trust for S3: a PEM `FILE`, or bundle for ESP-IDF's (AWS); default: the CA")
	c.Flags().StringVar(&f.ssid, "ssid", "", "the Wi-Fi's name")
	c.Flags().StringVar(&f.passwordFile, "password-file", "", "the Wi-Fi's password is in this `FILE`")
	c.Flags().BoolVar(&f.next, "next", false, "the new certificate of a rotation")
	c.Flags().BoolVar(&f.printKey, "print-key", false, "print a private key to the standard output")
	return c
}

func bundleCert(c *cobra.Command, name string, f *bundleFlags) error {
	dir, err := certs.Open(certsDir(c))
	if err != nil {
		return err
	}
	load, files := dir.Load, dir.Files
	if f.next {
		load, files = dir.LoadNext, dir.NextFiles
	}
	id, err := load(certs.Thing, name)
	if err != nil {
		return err
	}
	s, err := f.settings(dir, id, files(certs.Thing, name))
	if err != nil {
		return err
	}
	written, err := f.render(s)
	if err != nil {
		return err
	}
	return f.write(c, name, written)
}

func (f *bundleFlags) settings(dir *certs.Dir, id certs.Identity, files certs.Files) (flash.Settings, error) {
	s := flash.Settings{Thing: id.Name, Server: f.server, SSID: f.ssid,
		Cert: flash.Text{Path: files.Cert, Data: id.CertPEM()},
		CA:   flash.Text{Path: files.CA, Data: dir.CA().CertPEM()},
	}
	if id.HasKey() {
		s.Key = flash.Text{Path: files.Key, Data: id.KeyPEM()}
	}
	switch f.s3CA {
	case "":
		s.S3CA = s.CA
	case "bundle":
	default:
		data, err := os.ReadFile(f.s3CA)
		if err != nil {
			return s, err
		}
		s.S3CA = flash.Text{Path: f.s3CA, Data: data}
	}
	if f.passwordFile != "" {
		data, err := os.ReadFile(f.passwordFile)
		if err != nil {
			return s, err
		}
		s.Passwd = strings.TrimSuffix(string(data), "\n")
	}
	if f.server == "" && (f.format == "nvs-csv" || f.format == "header") {
		return s, errors.New("certs bundle needs --server HOST[:PORT]: where the thing finds its MQTT server")
	}
	return s, nil
}

type bundled struct {
	name   string
	data   []byte
	secret bool
}

func (f *bundleFlags) render(s flash.Settings) ([]bundled, error) {
	switch f.format {
	case "nvs-csv":
		data, err := s.NVS()
		return []bundled{{".csv", data, s.Passwd != ""}}, err
	case "header":
		data, err := s.Header()
		return []bundled{{".h", data, len(s.Key.Data) > 0 || s.Passwd != ""}}, err
	case "pem", "der":
		var out []bundled
		for _, t := range []flash.Text{s.CA, s.Cert, s.Key} {
			if len(t.Data) > 0 {
				out = append(out, bundled{filepath.Base(t.Path), t.Data, filepath.Ext(t.Path) == ".key"})
			}
		}
		if f.format == "der" {
			out = toDER(out)
		}
		return out, nil
	}
	return nil, fmt.Errorf("there is no format %q: use nvs-csv, pem, der or header", f.format)
}

// toDER splits a chain: DER holds one certificate a file.
func toDER(files []bundled) []bundled {
	var out []bundled
	for _, b := range files {
		rest := b.data
		for n := 1; ; n++ {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			name := strings.TrimSuffix(b.name, ".crt")
			if n > 1 {
				name = "intermediate"
			}
			out = append(out, bundled{strings.Replace(name, ".key", "-key", 1) + ".der", block.Bytes, b.secret})
		}
	}
	return out
}

func (f *bundleFlags) write(c *cobra.Command, name string, files []bundled) error {
	var told [][2]string
	for _, b := range files {
		if f.out == "-" {
			if b.secret && !f.printKey {
				return fmt.Errorf("%s holds a private key or a password: write it to a folder with --out, or add --print-key", b.name)
			}
			continue
		}
		file := b.name
		if strings.HasPrefix(file, ".") {
			file = strings.ReplaceAll(name, ":", "=") + file
		}
		path := filepath.Join(f.out, file)
		if err := writeBundled(path, b); err != nil {
			return err
		}
		what := "flash it"
		if b.secret {
			what = "holds a secret: delete it when it is flashed"
		}
		told = append(told, [2]string{path, what})
	}
	if f.out != "-" {
		return reportCerts(c, fmt.Sprintf("wrote what thing %q needs", name), told, "")
	}
	for _, b := range files {
		if _, err := c.OutOrStdout().Write(b.data); err != nil {
			return err
		}
	}
	return nil
}

// writeBundled replaces an earlier bundle; a file that is there would keep its
// permissions.
func writeBundled(path string, b bundled) error {
	if filepath.Ext(path) == ".key" || filepath.Ext(path) == ".crt" || filepath.Ext(path) == ".der" {
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s is there already, and keys are never overwritten: choose another --out", path)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	mode := fs.FileMode(0o644)
	if b.secret {
		mode = 0o600
	}
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = w.Write(b.data)
	return errors.Join(err, w.Close())
}
