package results

// FailedItem is a line of a list of failed items.
type FailedItem struct {
	Line  *int64 `json:"line"` // in the file, from 1; null when it cannot be told
	Item  string `json:"item"`
	Exit  *int   `json:"exit"` // exit status of the item's process, null without one
	Error string `json:"error"`
}
