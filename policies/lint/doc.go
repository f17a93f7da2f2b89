// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package lint finds what is wrong with policies before AWS, or somebody else,
// does: 44 rules on AWS IoT, IAM and S3 documents, each with a reason, a fix, a
// bad and a good example.
//
//	inputs, err := lint.Collect([]string{"thing", "policies/"}, values)
//	report := lint.Run(inputs, lint.Options{Values: values})
//	err = report.Text(os.Stdout)
//
// What patterns cover is decided exactly, not by samples: see package language.
// Variables are opaque there, of whatever value. The rules' source is named in
// each; where AWS's documents are silent, a rule says what was chosen.
package lint
