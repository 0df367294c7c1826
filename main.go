// Kafka Master cuts line files into chunks, hands each chunk to a free worker
// through Kafka, and proves at the end that every line was done.
package main

import (
	"os"

	"kafka-master/app"
)

func main() { os.Exit(app.Main()) }
