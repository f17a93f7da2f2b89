// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"thingpass/broker/cmd/thingpass/terminal"
	"thingpass/policies/awsiot"
)

func policyVerifyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "verify THING [OPERATION...]",
		Short: "Ask AWS what a thing may do, and compare with the offline answer",
		Long: `Ask AWS (TestAuthorization) what a thing may do with its certificate and the
policies that it has there, and compare with what our evaluator makes of the same
policies. An OPERATION is one argument: "publish TOPIC", "subscribe FILTER",
"receive TOPIC", "connect" or "connect CLIENT-ID". Without any, all that a thing
needs is asked, and the same of another thing's topics, which must be denied.

Exit code 1: something that is needed is denied, something that must be denied is
allowed, or AWS and we disagree.`,
		Example: `  thingpass policy verify cam1
  thingpass policy verify cam1 "publish thingpass/cam1/upload-request" "subscribe thingpass/+/response"`,
		Args: cobra.MinimumNArgs(1),
	}
	open := addAWSFlags(c)
	root := c.Flags().String("root", "thingpass", "what topics begin with, where no OPERATION is given")
	certificate := c.Flags().String("certificate-id", "", "which of the thing's certificates; without it, the first active one")
	asJSON := c.Flags().Bool("json", false, "print JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		questions, expected, err := verifyQuestions(args[0], args[1:], *root)
		if err != nil {
			return unstartable(err)
		}
		api, err := open(c)
		if err != nil {
			return err
		}
		bar := terminal.Start(c.ErrOrStderr(), "ask AWS", 0)
		answers, err := awsiot.Verify(c.Context(), api, args[0], *certificate, questions)
		bar.End()
		if err != nil {
			return err
		}
		return reportAnswers(c.OutOrStdout(), answers, expected, *asJSON)
	}
	return c
}

// verifyQuestions are those of the command line, or those that tell whether a
// thing can work and no more. expected is nil where nothing is expected.
func verifyQuestions(thing string, operations []string, root string) (out []awsiot.Question, expected []bool, err error) {
	ours := len(operations) == 0
	if ours {
		operations, expected = usualOperations(thing, root)
	}
	for _, o := range operations {
		verb, name, _ := strings.Cut(o, " ")
		q, err := awsiot.ParseQuestion(verb, name, thing)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, q)
	}
	return out, expected, nil
}

func usualOperations(thing, root string) (operations []string, expected []bool) {
	for _, name := range []string{thing, thing + "0"} { // a neighbour whose name begins alike
		base := root + "/" + name + "/"
		for _, o := range []string{
			"connect " + name,
			"publish " + base + "upload-request", "publish " + base + "upload-complete",
			"publish " + base + "download-request", "publish " + base + "credentials-request",
			"publish " + base + "command-result", "subscribe " + base + "command", "receive " + base + "command",
			"subscribe " + base + "response", "receive " + base + "response",
		} {
			operations, expected = append(operations, o), append(expected, name == thing)
		}
	}
	for _, o := range []string{
		"publish " + root + "/" + thing + "/response", "publish " + root + "/" + thing + "/uploaded", "publish " + root + "/" + thing + "/command",
		"subscribe " + root + "/+/response", "subscribe #", "subscribe $share/" + root + "/" + root + "/+/upload-request",
	} {
		operations, expected = append(operations, o), append(expected, false)
	}
	return operations, expected
}

// verdict is what becomes of one answer.
type verdict struct {
	Operation string   `json:"operation"`
	Resource  string   `json:"resource"`
	AWS       string   `json:"aws"`
	Ours      string   `json:"ours"`
	Missing   []string `json:"missingContextValues,omitempty"`
	Policies  []string `json:"policies,omitempty"`
	Wrong     string   `json:"wrong,omitempty"`
}

func judge(a *awsiot.Answer, expected []bool, i int) verdict {
	v := verdict{
		Operation: strings.ToLower(string(a.Action)) + " " + a.Name, Resource: a.Resource, AWS: string(a.AWS),
		Ours: a.Ours.String(), Missing: a.Missing, Policies: a.Policies,
	}
	switch {
	case !a.Agrees():
		v.Wrong = "AWS and the evaluator disagree"
	case expected != nil && expected[i] && !a.Ours.Allowed():
		v.Wrong = "the thing needs this"
	case expected != nil && !expected[i] && a.Ours.Allowed():
		v.Wrong = "nobody should have this"
	}
	return v
}

func reportAnswers(w io.Writer, answers []awsiot.Answer, expected []bool, asJSON bool) error {
	verdicts := make([]verdict, len(answers))
	wrong := 0
	for i := range answers {
		verdicts[i] = judge(&answers[i], expected, i)
		if verdicts[i].Wrong != "" {
			wrong++
		}
	}
	if err := printVerdicts(w, verdicts, asJSON); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d answers are not as they should be", wrong, len(answers))
	}
	return nil
}

func printVerdicts(w io.Writer, verdicts []verdict, asJSON bool) error {
	if asJSON {
		return writeJSONList(w, verdicts)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, v := range verdicts {
		fmt.Fprintf(t, "%s\t%s\t%s\n", v.AWS, v.Operation, v.Wrong)
		if v.Wrong == "AWS and the evaluator disagree" {
			fmt.Fprintf(t, "\tours: %s\tmissing at AWS: %s\n", v.Ours, strings.Join(v.Missing, ", "))
		}
	}
	return t.Flush()
}
