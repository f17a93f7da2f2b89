// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package templates

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// ReadValues reads a file of values: YAML, one name and value a line. Errors name
// the file and the line of everything that is wrong.
func ReadValues(file string, text []byte) (Values, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return Values{}, fmt.Errorf("%s: %w", file, err)
	}
	if len(document.Content) == 0 {
		return Values{}, nil
	}
	return readMapping(file, document.Content[0])
}

func readMapping(file string, n *yaml.Node) (v Values, err error) {
	if n.Kind != yaml.MappingNode {
		return v, fmt.Errorf("%s:%d: want lines such as `bucket: photos`", file, n.Line)
	}
	var problems []error
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		err := v.Set(key.Value, value.Value)
		switch {
		case seen[key.Value]:
			err = fmt.Errorf("%s is there twice", key.Value)
		case value.Kind != yaml.ScalarNode || value.Tag == "!!null":
			err = fmt.Errorf("%s: want one value; leave the line out for the default", key.Value)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s:%d:%d: %w", file, key.Line, key.Column, err))
		}
		seen[key.Value] = true
	}
	return v, errors.Join(problems...)
}
