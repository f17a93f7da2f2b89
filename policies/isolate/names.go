// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package isolate

import (
	"slices"
	"strings"

	"thingpass/policies"
)

// longest is how long a thing's name may be (AWS IoT's API, ThingName).
const longest = 128

// LookAlikes are names that are easily taken for each other, for parts of each
// other, or for something that is no name at all.
func LookAlikes(c Claim) []string {
	long := strings.Repeat("a", longest-1)
	names := []string{
		"cam1", "cam10", "cam11", "cam1-", "cam1_", "cam1:", "cam1:0", "cam1-0", "cam", "am1", "1", "xcam1", "cam1cam1", "CAM1", "Cam1",
		"a", "aa", "-", "_", ":", long, long + "a", long + "b",
	}
	for _, list := range [][]string{c.Levels, c.Services} {
		for _, name := range list {
			names = append(names, strings.TrimRight(name, "*"))
		}
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !policies.IsThingName(n) })
	slices.Sort(names)
	return slices.Compact(names)
}
