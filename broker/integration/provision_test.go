// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"thingpass/certs"
)

var provisioner = filepath.Join(repository, "firmware", "examples", "provision", "provision")

// A desk is where a board is told who it is: certificates, and no ESP-IDF.
type desk struct {
	tb  testing.TB
	dir string
	env []string
}

func newDesk(tb testing.TB) *desk {
	tb.Helper()
	d := &desk{tb: tb, dir: tb.TempDir(), env: []string{"PATH=" + os.Getenv("PATH")}}
	ca, err := certs.NewCA("desk")
	if err != nil {
		tb.Fatal(err)
	}
	id, err := ca.Thing("porch")
	if err != nil {
		tb.Fatal(err)
	}
	d.write("ca.crt", string(ca.CertPEM()))
	d.write("thing.crt", string(id.CertPEM()))
	d.write("thing.key", string(id.KeyPEM()))
	return d
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

func (d *desk) write(name, text string) {
	d.tb.Helper()
	if err := os.WriteFile(d.path(name), []byte(text), 0o644); err != nil {
		d.tb.Fatal(err)
	}
}

func (d *desk) read(name string) string {
	d.tb.Helper()
	text, err := os.ReadFile(d.path(name))
	if err != nil {
		d.tb.Fatal(err)
	}
	return string(text)
}

// provision runs it in the desk's folder and returns what it prints, and its exit
// code.
func (d *desk) provision(args ...string) (string, int) {
	d.tb.Helper()
	cmd := exec.Command(provisioner, args...)
	cmd.Dir, cmd.Env = d.dir, d.env
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		d.tb.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// usual are arguments that are right, of which a test changes some.
func usual(change ...string) []string {
	args := []string{"--thing", "porch", "--server", "192.168.1.10", "--certs", ".", "--ssid", "my network", "--csv"}
	for i := 0; i < len(change); i += 2 {
		at := 0
		for at < len(args) && args[at] != change[i] {
			at++
		}
		if at < len(args) {
			args[at+1] = change[i+1]
		} else {
			args = append(args, change[i], change[i+1])
		}
	}
	return args
}

func (d *desk) mustBePrivate(name string) {
	d.tb.Helper()
	info, err := os.Stat(d.path(name))
	if err != nil {
		d.tb.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		d.tb.Errorf("%s, which holds a key or a password, has the mode %v", name, info.Mode())
	}
}

func TestProvisionWritesWhatTheBoardReads(t *testing.T) {
	needsMosquitto(t)
	const head = "key,type,encoding,value\nthingpass,namespace,,\n"
	const files = "thing,data,string,porch\ncert,file,string,./thing.crt\nkey,file,string,./thing.key\nca,file,string,./ca.crt\n"
	d := newDesk(t)
	d.write("wifi.txt", "pass \\word#1\n")
	d.write("amazon.pem", "-----BEGIN CERTIFICATE-----\n")
	for name, c := range map[string]struct{ args, want string }{
		"short": {"", head + "server,data,string,mqtts://192.168.1.10:8883\n" + files + "s3_ca,file,string,./ca.crt\nwifi,namespace,,\nssid,data,string,my network\n"},
		"all": {"--server iot.example.com:443 --s3-ca amazon.pem --password-file wifi.txt",
			head + "server,data,string,mqtts://iot.example.com:443\n" + files + "s3_ca,file,string,amazon.pem\nwifi,namespace,,\nssid,data,string,my network\npassword,data,string,pass \\word#1\n"},
		"bundle": {"--s3-ca bundle", head + "server,data,string,mqtts://192.168.1.10:8883\n" + files + "wifi,namespace,,\nssid,data,string,my network\n"},
	} {
		t.Run(name, func(t *testing.T) {
			d.write("porch.csv", "of an earlier time, when others could read it")
			out, code := d.provision(usual(strings.Fields(c.args)...)...)
			if code != 0 || out != "./porch.csv\n" {
				t.Fatalf("exit code %d:\n%s", code, out)
			}
			if got := d.read("porch.csv"); got != c.want {
				t.Errorf("got:\n%swant:\n%s", got, c.want)
			}
			d.mustBePrivate("porch.csv")
		})
	}
	if out, code := d.provision(usual("--out", "new/folder")...); code != 0 || d.read("new/folder/porch.csv") == "" {
		t.Errorf("into a folder that is not there: %d, %s", code, out)
	}
}

// TestProvisionMakesAnImage lets ESP-IDF's tool be one that only writes down what it
// is asked.
func TestProvisionMakesAnImage(t *testing.T) {
	needsMosquitto(t)
	d := newDesk(t)
	args := usual()[:8] // without --csv
	if out, code := d.provision(args...); code != 2 || !strings.Contains(out, "IDF_PATH is not set") {
		t.Errorf("without ESP-IDF: %d, %s", code, out)
	}
	if left, _ := filepath.Glob(d.path("porch.*")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
	d.fakeIDF(true)
	out, code := d.provision(args...)
	if code != 0 || !strings.Contains(out, "write_flash 0x9000 ./porch.bin\n") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if got := d.read("porch.bin"); !strings.HasPrefix(got, "generate ./porch.csv ./porch.bin 0x6000\nkey,type,encoding,value\n") {
		t.Errorf("ESP-IDF's tool was given %q", got)
	}
	d.mustBePrivate("porch.bin")
	if _, err := os.Stat(d.path("porch.csv")); err == nil {
		t.Error("the table with the password is left over")
	}
	d.fakeIDF(false)
	if out, code := d.provision(args...); code == 0 || strings.Contains(out, "Flash it") {
		t.Errorf("its tool failed: %d, %s", code, out)
	}
	if left, _ := filepath.Glob(d.path("porch.*")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

// fakeIDF is an ESP-IDF whose only tool tells what it was asked, or fails.
func (d *desk) fakeIDF(works bool) {
	d.tb.Helper()
	tool := "idf/components/nvs_flash/nvs_partition_generator/nvs_partition_gen.py"
	if err := os.MkdirAll(filepath.Dir(d.path(tool)), 0o700); err != nil {
		d.tb.Fatal(err)
	}
	text := "import sys\nsys.exit('no')\n"
	if works {
		text = "import sys\nopen(sys.argv[3], 'w').write(' '.join(sys.argv[1:]) + '\\n' + open(sys.argv[2]).read())\n"
	}
	d.write(tool, text)
	d.env = append(d.env, "IDF_PATH="+d.path("idf"))
}

func TestProvisionRefusesWhatWouldNotWork(t *testing.T) {
	needsMosquitto(t)
	d := newDesk(t)
	d.write("long.pem", strings.Repeat("x", 4000))
	d.write("fits.pem", strings.Repeat("x", 3999))
	d.write("comma.txt", "pass,word\n")
	d.write("quote.txt", "pass\"word\n")
	d.write("lines.txt", "pass\nword\n")
	d.write("windows.txt", "password\r\n")
	if err := os.Mkdir(d.path("long"), 0o700); err != nil {
		t.Fatal(err)
	}
	d.write("long/ca.crt", d.read("ca.crt"))
	d.write("long/thing.crt", d.read("thing.crt"))
	d.write("long/thing.key", strings.Repeat("x", 4000))
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no thing":          {usual()[2:], "--thing is missing"},
		"no ssid":           {usual()[:6], "--ssid is missing"},
		"nothing":           {nil, "--thing is missing"},
		"no value":          {usual()[:7], "--ssid needs a value"},
		"another argument":  {append(usual(), "--flash"), "unknown argument --flash"},
		"comma":             {usual("--ssid", "here, there"), "no commas"},
		"quote":             {usual("--ssid", `the "net"`), "no commas"},
		"line break":        {usual("--ssid", "net\nkey,data,string,x"), "no commas"},
		"comma in a path":   {usual("--certs", "a,b"), "no commas"},
		"thing":             {usual("--thing", "../porch"), "not a thing's name"},
		"no folder":         {usual("--certs", "nowhere"), "cannot read nowhere/ca.crt"},
		"a folder":          {usual("--s3-ca", "long"), "cannot read long"},
		"no s3 ca":          {usual("--s3-ca", "nowhere.pem"), "cannot read nowhere.pem"},
		"long s3 ca":        {usual("--s3-ca", "long.pem"), "long.pem is longer than NVS takes"},
		"long key":          {usual("--certs", "long"), "long/thing.key is longer than NVS takes"},
		"no password file":  {usual("--password-file", "nowhere.txt"), "cannot read nowhere.txt"},
		"comma in password": {usual("--password-file", "comma.txt"), "the password has a comma"},
		"quote in password": {usual("--password-file", "quote.txt"), "the password has a comma"},
		"two lines":         {usual("--password-file", "lines.txt"), "the password has a comma"},
		"of Windows":        {usual("--password-file", "windows.txt"), "the password has a comma"},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := d.provision(c.args...)
			if code != 2 || !strings.HasPrefix(out, "provision: "+c.want) {
				t.Errorf("exit code %d, want 2 and %q:\n%s", code, c.want, out)
			}
		})
	}
	if err := filepath.WalkDir(d.dir, func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".csv" {
			t.Errorf("left over: %s", path)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if out, code := d.provision(usual("--s3-ca", "fits.pem")...); code != 0 {
		t.Errorf("3,999 bytes: %d, %s", code, out)
	}
	if out, code := d.provision("--help"); code != 0 || !strings.Contains(out, "--password-file FILE") || strings.Contains(out, "line break") {
		t.Errorf("--help: %d, %s", code, out)
	}
}

func TestScriptsPassShellcheck(t *testing.T) {
	needsMosquitto(t)
	if _, err := exec.LookPath("shellcheck"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("shellcheck is not there: .ci/setup test installs it")
	}
	if out, err := exec.Command("shellcheck", provisioner).CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}
