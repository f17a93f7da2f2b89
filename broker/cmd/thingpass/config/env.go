// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

const (
	envPrefix = "THINGPASS_"

	// FileVariable names the configuration file where no flag does.
	FileVariable = envPrefix + "CONFIG"
)

// envName is the variable of a setting: s3.bucket is THINGPASS_S3_BUCKET.
func envName(name string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(name))
}

// readEnvironment takes our variables. An empty one counts as not set: that is
// how service managers and containers say so.
func (l *loader) readEnvironment(environ []string) {
	variables := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, envPrefix) && name != FileVariable && !injected(name) {
			variables[name] = value
		}
	}
	for _, variable := range slices.Sorted(maps.Keys(variables)) {
		if variables[variable] != "" {
			l.addKindOf(variable)
			l.addGroupOf(variable)
		}
	}
	names := map[string]string{}
	for _, name := range l.names() {
		names[envName(name)] = name
	}
	for variable, value := range variables {
		if name, ok := names[variable]; ok && value != "" {
			l.origins[name] = origin{env: variable}
			l.values.Set(name, fromEnv(value))
		} else if !ok && value != "" {
			l.unknownVariable(variable, names)
		}
	}
}

// addKindOf notes the kind that a variable is about, if it is about one:
// THINGPASS_KINDS_RAW_PHOTO_MAX_SIZE makes the kind raw-photo.
func (l *loader) addKindOf(variable string) {
	rest, ok := strings.CutPrefix(variable, envPrefix+"KINDS_")
	if !ok {
		return
	}
	shortest := "" // PHOTO_PASS_TTL is photo's pass_ttl, not photo-pass's ttl
	for _, setting := range l.schema.children["kinds"].each.names(nil) {
		kind, found := strings.CutSuffix(rest, "_"+strings.TrimPrefix(envName(setting), envPrefix))
		kind = strings.ReplaceAll(strings.ToLower(kind), "_", "-")
		if !found || kindName(kind) != nil {
			continue
		}
		if l.kinds[kind] {
			return // it is there already, by its file or another variable
		}
		if shortest == "" || len(kind) < len(shortest) {
			shortest = kind
		}
	}
	if shortest != "" {
		l.kinds[shortest] = true
		l.origins["kinds."+shortest] = origin{env: variable}
	}
}

func (l *loader) unknownVariable(variable string, names map[string]string) {
	at := origin{env: variable}
	dotted := map[string]string{} // the section's dot comes back, for what is near
	for known := range names {
		dotted[withSection(known)] = known
	}
	if right, ok := dotted[nearest(withSection(variable), slices.Sorted(maps.Keys(dotted)))]; ok {
		l.doubted[names[right]] = true
		l.report(at, "unknown setting, did you mean %s?", right)
		return
	}
	l.report(at, "unknown setting: unset it, or correct its name")
}

// withSection turns THINGPASS_S3_PATH_STYLE into s3.path_style.
func withSection(variable string) string {
	return strings.ToLower(strings.Replace(strings.TrimPrefix(variable, envPrefix), "_", ".", 1))
}

// fromEnv reads "[]", because an empty variable cannot say that a list is empty.
func fromEnv(value string) any {
	if value == "[]" {
		return []any{}
	}
	return value
}

// injected reports whether Kubernetes sets the variable by itself, in every
// container beside a service whose name begins with "thingpass".
func injected(variable string) bool {
	return regexp.MustCompile(`_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$`).
		MatchString("_" + strings.TrimPrefix(variable, envPrefix))
}
