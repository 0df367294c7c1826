package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"kafka-master/infra/logstore"
	"kafka-master/infra/settings"
	"kafka-master/messages"
)

// errNoFile is the error of a path that no books are about.
var errNoFile = errors.New("no master has a record of this file")

// readBooks returns the books of those versions of files that are wanted, oldest first. They
// are those of the master at the address api; without an address, those of the master of
// this machine, or of the store that the settings name when none answers. Of the file that
// is passed to want, only the id, the path, the generation and the state are set.
func (c command) readBooks(ctx context.Context, s settings.Settings, api string, want func(messages.File) bool) ([]messages.Books, error) {
	client, err := newAPIClient(api, s)
	if err != nil {
		return nil, err
	}
	books, err := booksOfMaster(ctx, client, want)
	if api != "" || !errors.Is(err, errUnreachable) {
		return books, err
	}
	snap, storeErr := readStore(ctx, s)
	if storeErr != nil {
		return nil, fmt.Errorf("%w; and the state that the settings name: %w", err, storeErr)
	}
	return slices.DeleteFunc(messages.BooksOf(snap), func(b messages.Books) bool { return !want(b.File) }), nil
}

// readStore reads the state without a lease and without changing it.
func readStore(ctx context.Context, s settings.Settings) (messages.Snapshot, error) {
	if !s.RedisURL.IsSet() {
		return logstore.Read(stateFolder(s))
	}
	store, err := openRedis(s, slog.New(slog.DiscardHandler))
	if err != nil {
		return messages.Snapshot{}, err
	}
	defer store.Close()
	return store.Read(ctx)
}

// stateFolder returns the folder of the embedded state.
func stateFolder(s settings.Settings) string { return filepath.Join(s.DataDir, "state") }

// listedFile is a file in the list of the API.
type listedFile struct {
	ID         messages.FileID `json:"id"`
	Path       string          `json:"path"`
	Generation int             `json:"generation"`
	State      string          `json:"state"`
}

func booksOfMaster(ctx context.Context, client *apiClient, want func(messages.File) bool) ([]messages.Books, error) {
	var list []messages.Books
	cursor := ""
	for {
		var page struct {
			Files []listedFile `json:"files"`
			Next  string       `json:"next"`
		}
		if err := client.get(ctx, "/api/v1/files?limit="+strconv.Itoa(maxPage)+"&cursor="+url.QueryEscape(cursor), &page); err != nil {
			return nil, err
		}
		for _, f := range page.Files { // newest first
			if !want(f.file()) {
				continue
			}
			var b messages.Books
			if err := client.get(ctx, fmt.Sprintf("/api/v1/files/%d/books", f.ID), &b); err != nil {
				return nil, err
			}
			list = append(list, b)
		}
		if page.Next == "" {
			slices.Reverse(list)
			return list, nil
		}
		cursor = page.Next
	}
}

func (f listedFile) file() messages.File {
	out := messages.File{ID: f.ID, Info: messages.FileInfo{Path: f.Path}, Generation: f.Generation}
	for s := messages.FileSettling; s <= messages.LastFileState; s++ {
		if s.String() == f.State {
			out.State = s
		}
	}
	return out
}

// named returns what readBooks wants: all versions of the file with this path, or of every
// file without one. A generation other than 0 selects one version of each.
func named(path string, generation int) func(messages.File) bool {
	return func(f messages.File) bool {
		return (path == "" || f.Info.Path == path) && (generation == 0 || max(f.Generation, 1) == generation)
	}
}

// booksOf returns the books of one version of a file: of the newest one if generation is 0.
func (c command) booksOf(ctx context.Context, s settings.Settings, api, path string, generation int) (messages.Books, error) {
	path = strings.TrimPrefix(filepath.ToSlash(path), "./")
	books, err := c.readBooks(ctx, s, api, named(path, generation))
	if err != nil {
		return messages.Books{}, err
	}
	if len(books) == 0 {
		return messages.Books{}, fmt.Errorf("%w: %q; give its path below the input folder, as the console shows it", errNoFile, path)
	}
	return books[len(books)-1], nil
}
