// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package documents holds the policies as they lie beside this file, with
// {{name}} where package templates puts a value, and contract.yaml.
package documents

import "embed"

// Files are the documents, and what says why they are as they are.
//
//go:embed *.json *.yaml
var Files embed.FS
