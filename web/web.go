// Package web holds the page: plain HTML, CSS and ES modules, as browsers read them.
package web

import (
	"embed"
	"io/fs"
)

//go:embed index.html style.css icon.svg js vendor/preact.js vendor/uPlot.js vendor/uPlot.css vendor/LICENSES.txt
var files embed.FS

// Files returns the files of the page; index.html is its start.
func Files() fs.FS { return files }
