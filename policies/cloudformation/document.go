// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cloudformation

import (
	"fmt"
	"strings"

	"thingpass/policies/templates"
)

// pseudo are the values that CloudFormation knows by itself.
var pseudo = map[string]string{"account": "AWS::AccountId", "region": "AWS::Region", "partition": "AWS::Partition"}

// document is one of ours with its values, the pseudo-parameters still to come.
// It is rendered once as it would be at AWS, for its limits and missing values.
func (s *stack) document(name string) any {
	t, err := templates.Find(name)
	if err == nil {
		_, err = t.Render(s.stranger())
	}
	if err != nil {
		s.fault(err)
		return nil
	}
	v := s.values
	text := t.Expand(func(name string) string {
		if pseudo[name] != "" {
			return "{{" + name + "}}"
		}
		return templates.Printed(name, v)
	})
	d, err := parse(text)
	if err != nil {
		s.fault(fmt.Errorf("%s: %w", t.File, err))
	}
	return substitute(d)
}

// stranger has the longest account and region that the template may meet.
func (s *stack) stranger() templates.Values {
	v := s.values
	v.Account, v.Region, v.Partition = "123456789012", "us-gov-west-1", ""
	return v
}

// substitute puts CloudFormation's functions where a placeholder is left.
func substitute(v any) any {
	switch v := v.(type) {
	case object:
		out := make(object, len(v))
		for i, f := range v {
			out[i] = field{f.name, substitute(f.value)}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = substitute(item)
		}
		return out
	case string:
		return sub(v)
	}
	return v
}

// sub is a text with {{account}} and the like as CloudFormation has it. ${…} of
// AWS IoT stays what it is: ${!…} is how Fn::Sub is told to.
func sub(text string) any {
	for name, parameter := range pseudo {
		if text == "{{"+name+"}}" {
			return ref(parameter)
		}
	}
	if !strings.Contains(text, "{{") {
		return text
	}
	text = strings.ReplaceAll(text, "${", "${!")
	for name, parameter := range pseudo {
		text = strings.ReplaceAll(text, "{{"+name+"}}", "${"+parameter+"}")
	}
	return object{{"Fn::Sub", text}}
}

func ref(name string) object       { return object{{"Ref", name}} }
func arnOf(resource string) object { return object{{"Fn::GetAtt", []any{resource, "Arn"}}} }
func when(condition string, v any) any {
	return object{{"Fn::If", []any{condition, v, ref("AWS::NoValue")}}}
}

// body is a document as a text: AWS IoT keeps fleet templates so.
func (s *stack) body(name string) any {
	text := oneLine(s.document(name))
	if strings.Contains(text, "Fn::Sub") {
		s.fault(fmt.Errorf("%s: account, region and partition cannot stand in a text", name))
	}
	return text
}

// rename translates the fields of an object, and of those in it. A name with a
// dot is a field of an object in it. "" leaves the field out on purpose.
func (s *stack) rename(what string, v any, names map[string]string) object {
	o, isObject := v.(object)
	if !isObject {
		s.fault(fmt.Errorf("%s: not an object", what))
		return nil
	}
	var out object
	var walk func(o object, before string)
	walk = func(o object, before string) {
		for _, f := range o {
			name, known := names[before+f.name]
			inner, deep := f.value.(object)
			switch {
			case known && name != "":
				out = append(out, field{name, f.value})
			case known:
			case deep && inner.get("Fn::Sub") == nil && inner.get("Ref") == nil:
				walk(inner, before+f.name+".")
			default:
				s.fault(fmt.Errorf("%s: CloudFormation's name of %s is not known here: add it to package cloudformation", what, before+f.name))
			}
		}
	}
	walk(o, "")
	return out
}
