// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thingpass/broker/cmd/thingpass/terminal"
	"thingpass/broker/explain"
)

// explainFlags are those of `thingpass explain`.
type explainFlags struct {
	asJSON     bool
	now        string
	secretFile string
	secretEnv  bool
}

// explainCommand is `thingpass explain`: what is wrong with a request to S3.
func explainCommand() *cobra.Command {
	var f explainFlags
	c := &cobra.Command{
		Use:   "explain [FILE... | TEXT]",
		Short: "Name the mistake in a failed request to S3",
		Long: `Name the mistake in a failed request to S3. Paste or pipe what there is of it: the
request, a curl command or what curl -v printed, S3's XML, an Authorization
header, a presigned URL, a form, a thing's serial log, a traceback of the AWS CLI
or boto3, a refusal of the broker. Several files are read as one text.

Nothing is sent anywhere. Signatures, tokens and keys are masked in what is
printed. With the credentials that should have signed (--secret-file), the
signature itself is computed, and the usual slips are tried.

It ends with 0 if it names a mistake, 1 if it finds none, 2 if it cannot read.`,
		Example: `  thingpass explain failed.txt
  thingpass explain 'Authorization: AWS4-HMAC-SHA25 Credentials=…'
  idf.py monitor | tee log.txt; thingpass explain log.txt`,
		RunE: func(c *cobra.Command, args []string) error { return runExplain(c, args, f) },
	}
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	c.Flags().StringVar(&f.now, "now", "", "the time to judge by, such as 2026-11-26T06:40:00Z (default: this machine's)")
	c.Flags().StringVar(&f.secretFile, "secret-file", "", "file with the secret access key (alone, as AWS's credentials file, or as JSON)")
	c.Flags().BoolVar(&f.secretEnv, "secret-env", false, "take AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN from the environment")
	return c
}

func runExplain(c *cobra.Command, args []string, f explainFlags) error {
	options, err := f.options()
	if err != nil {
		return unstartable(err)
	}
	text, err := explainInput(c, args)
	if err != nil {
		return unstartable(err)
	}
	report, err := explain.Explain(text, options)
	if err != nil {
		return unstartable(fmt.Errorf("explain: %w", err))
	}
	if err := printExplanation(c.OutOrStdout(), report, f.asJSON); err != nil {
		return failed(err)
	}
	if len(report.Findings) == 0 {
		return failed(errReported)
	}
	return nil
}

func printExplanation(to io.Writer, r explain.Report, asJSON bool) error {
	if !asJSON {
		_, err := io.WriteString(to, r.Text())
		return err
	}
	if r.Findings == nil {
		r.Findings = []explain.Finding{} // so that programs need not ask for null
	}
	return writeJSON(to, r)
}

// options reads what the flags say.
func (f explainFlags) options() (o explain.Options, err error) {
	if f.now != "" {
		if o.Now, err = time.Parse(time.RFC3339, f.now); err != nil {
			return o, fmt.Errorf("--now %q: write it as 2026-11-26T06:40:00Z", f.now)
		}
	}
	switch {
	case f.secretFile != "" && f.secretEnv:
		return o, errors.New("--secret-file and --secret-env: give one of them")
	case f.secretEnv:
		o.Secret, o.Token = os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")
		if o.Secret == "" {
			return o, errors.New("--secret-env: AWS_SECRET_ACCESS_KEY is not set")
		}
	case f.secretFile != "":
		file, err := readUpTo(f.secretFile, 64<<10)
		if err != nil {
			return o, fmt.Errorf("--secret-file: %w", err)
		}
		if o.Secret, o.Token, err = explain.ParseSecret(file); err != nil {
			return o, fmt.Errorf("--secret-file %s: %w", f.secretFile, err)
		}
	}
	return o, nil
}

// explainInput is the text to judge: files, the arguments themselves, or the
// standard input.
func explainInput(c *cobra.Command, args []string) (string, error) {
	if len(args) == 0 || len(args) == 1 && args[0] == "-" {
		in := c.InOrStdin()
		if file, ok := in.(*os.File); ok && terminal.Is(file) {
			fmt.Fprintln(c.ErrOrStderr(), "paste the failed request, then press Ctrl-D:")
		}
		text, err := io.ReadAll(io.LimitReader(in, explain.MaxInput+1))
		if err != nil {
			return "", fmt.Errorf("read the standard input: %w", err)
		}
		return string(text), nil
	}
	if slices.ContainsFunc(args, func(arg string) bool { return !fileLike(arg) }) {
		return strings.Join(args, " "), nil
	}
	var all []string
	for _, arg := range args {
		text, err := readUpTo(arg, explain.MaxInput+1)
		if err != nil {
			return "", err
		}
		all = append(all, text)
	}
	return strings.Join(all, "\n"), nil
}

// fileLike says whether an argument is a file, or was meant to be one.
func fileLike(arg string) bool {
	if _, err := os.Stat(arg); err == nil {
		return true
	}
	return len(arg) < 200 && !strings.ContainsAny(arg, " \t\n=<>{}?&") && !strings.Contains(arg, "://")
}

// readUpTo reads a file, but no more than limit bytes of it.
func readUpTo(path string, limit int64) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(file, limit)); err != nil {
		return "", err
	}
	return b.String(), nil
}
