// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

// CompileAll compiles every pattern, and panics at one that is none.
func CompileAll() int {
	for _, p := range patterns {
		p.get()
	}
	return len(patterns)
}
