// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

// Audit says where the record of decisions goes, and how much of it is kept.
type Audit struct {
	File    string    `mapstructure:"file"`     // path, or "-" for standard output
	MaxSize SizeLimit `mapstructure:"max_size"` // of the file; then it is put aside
	Keep    int       `mapstructure:"keep"`     // files that were put aside
	Sync    bool      `mapstructure:"sync"`     // wait for the disk with each line
}

// The bounds of an audit that is rotated. A file that is smaller than one
// request's lines would be put aside with each of them.
const (
	minAuditSize = 64 << 10 // bytes
	maxAuditKeep = 1000
)

func (l *loader) judgeAudit(a Audit) {
	l.require("audit.file", a.File, ": without an audit there is no grant")
	if a.MaxSize != 0 && a.MaxSize < minAuditSize {
		l.blame("audit.max_size", "audit.max_size is %d bytes: want at least 64KiB, or off", a.MaxSize)
	}
	if a.Keep < 1 || a.Keep > maxAuditKeep {
		l.blame("audit.keep", "audit.keep is %d: want 1 to %d; audit.max_size: off is for who rotates by other means", a.Keep, maxAuditKeep)
	}
}
