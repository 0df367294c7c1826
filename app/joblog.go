package app

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"kafka-master/infra/results"
	"kafka-master/messages"
)

func (c command) joblog() *cobra.Command {
	var dir string
	var generation int
	cmd := &cobra.Command{
		Use: "joblog FILE", Short: "Print who did which chunk of a file when, with the columns of GNU parallel's job log",
		Long: `Reads the manifests that the workers left beside the results of a file and prints one
row for each result that was written, in the order in which they ended. The columns are
those of the job log of GNU parallel: Send is the number of bytes of the input, Receive
that of the result, Host the worker, and Command the batch id. Neither a master nor a
state is needed.`,
		Example: "  kafka-master joblog ips.txt | awk '$7 != 0'",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || generation < 0 {
				return fmt.Errorf("%w: give one FILE, and a generation of 1 or more", errUsage)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.load(cmd)
			if err != nil {
				return err
			}
			if dir == "" {
				dir = s.ResultsDir
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				return fmt.Errorf("open the results: %w", err)
			}
			defer root.Close()
			path := strings.TrimPrefix(filepath.ToSlash(args[0]), "./")
			if generation == 0 {
				generation = newestGeneration(root, path)
			}
			out := bufio.NewWriter(c.stdout)
			err = results.WriteJoblog(root.FS(), messages.GenerationFolder(path, generation), out)
			return errors.Join(err, out.Flush())
		},
	}
	cmd.Flags().StringVar(&dir, "results", "", "folder of the results (default RESULTS_DIR)")
	cmd.Flags().IntVar(&generation, "generation", 0, "version of the file (default the newest with results)")
	return cmd
}

// newestGeneration returns the newest version of a file that has a folder, 1 without any.
func newestGeneration(root *os.Root, path string) int {
	newest := 1
	d, err := root.Open(".")
	if err != nil {
		return newest
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1) // those that could be read
	for _, name := range names {
		number, ok := strings.CutPrefix(name, messages.ResultFolder(path)+"@")
		if n, err := strconv.Atoi(number); ok && err == nil && n > newest && messages.GenerationFolder(path, n) == name {
			newest = n
		}
	}
	return newest
}
