package main

import (
	"bytes"
	"fmt"
	"html"
)

// plot draws the ratios as bars, with their range.
func plot(rows []row) []byte {
	const left, width, height, gap = 260, 460, 18, 8
	most := 1.0
	for _, r := range rows {
		most = max(most, r.most)
	}
	x := func(ratio float64) float64 { return left + ratio/most*width }
	var b bytes.Buffer
	total := len(rows)*(height+gap) + 50
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", left+width+90, total)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/><text x="10" y="18">chunks of 500 lines a second, as a ratio to asynq in the same repetition</text>`+"\n")
	for i, r := range rows {
		y := 32 + i*(height+gap)
		colour := "#3b6ea5"
		if r.cpu == "" {
			colour = "#9a9a9a"
		}
		middle := float64(y) + height/2.0
		fmt.Fprintf(&b, `<text x="%d" y="%.0f" text-anchor="end">%s</text>`+"\n", left-8, middle+4, html.EscapeString(r.system))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", left, y, x(r.ratio)-left, height, colour)
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#000"/>`+"\n", x(r.least), middle, x(r.most), middle)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.0f">%.2f  (%.0f/s)</text>`+"\n", x(r.most)+6, middle+4, r.ratio, r.median)
	}
	fmt.Fprintf(&b, `<line x1="%.1f" y1="26" x2="%.1f" y2="%d" stroke="#c33" stroke-dasharray="4 3"/></svg>`+"\n", x(1), x(1), total-14)
	return b.Bytes()
}
