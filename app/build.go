package app

import "runtime/debug"

// version is set by the linker for released binaries.
var version = ""

// buildInfo is the version of this program.
type buildInfo struct{ version, revision string }

func build() buildInfo {
	b := buildInfo{version: version, revision: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if ok {
		if b.version == "" {
			b.version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.revision = s.Value
			}
		}
	}
	if b.version == "" {
		b.version = "(devel)"
	}
	return b
}
