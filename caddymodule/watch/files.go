package watch

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

const (
	maxFiles   = 2000
	maxFolders = 1000
	// smallFile is the size up to which a file is read at each look. A larger
	// one is read when its size, its time or its inode changes.
	smallFile = 4 << 20
)

// digest is that of bytes; the zero value, that of none that could be read.
type digest [sha256.Size]byte

// reader reads files through their globs.
type reader struct {
	globs   []string
	also    func() []string
	extra   []string // what also said
	matched digest   // of what the globs match, when it was asked
	asked   bool
	seen    map[string]seenFile
}

type seenFile struct {
	info fs.FileInfo
	at   time.Time
	sum  digest
}

// digest is that of all files' names and bytes. A file that can't be read
// counts as one that says so.
func (r *reader) digest() digest {
	seen := make(map[string]seenFile, len(r.seen))
	own := r.sum(r.globs, seen)
	if r.also != nil && (!r.asked || own != r.matched) {
		r.extra, r.matched, r.asked = r.also(), own, true
	}
	rest := r.sum(r.extra, seen)
	r.seen = seen
	return sha256.Sum256(append(own[:], rest[:]...))
}

func (r *reader) sum(globs []string, seen map[string]seenFile) digest {
	h := sha256.New()
	for _, name := range expand(globs) {
		f := r.read(name)
		seen[name] = f
		_ = binary.Write(h, binary.BigEndian, uint64(len(name))) // hashes take all
		_, _ = io.WriteString(h, name)
		_, _ = h.Write(f.sum[:])
	}
	return digest(h.Sum(nil))
}

// read gives a file's digest, from memory if it is large and has not changed.
func (r *reader) read(name string) seenFile {
	f, err := os.Open(name)
	if err != nil {
		return seenFile{}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return seenFile{}
	}
	old, ok := r.seen[name]
	if ok && info.Size() > smallFile && old.info != nil && os.SameFile(old.info, info) && old.info.Size() == info.Size() &&
		old.info.ModTime().Equal(info.ModTime()) && old.at.Sub(info.ModTime()) > 2*time.Second { // within the clock's grain a second write shows no other time
		return old
	}
	at := time.Now()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, 4<<30)); err != nil {
		return seenFile{}
	}
	return seenFile{info: info, at: at, sum: digest(h.Sum(nil))}
}

// expand lists the files that globs match, sorted. A glob without a star names
// its file, whether there is one or not, or a folder, and so what is in it.
func expand(globs []string) []string {
	found := map[string]bool{}
	for _, g := range globs {
		g, glob := asGlob(g)
		if !glob {
			found[g] = true
			continue
		}
		names, _ := doublestar.FilepathGlob(g, doublestar.WithFilesOnly()) // a bad pattern matches nothing, and loading says so
		for _, name := range names {
			if len(found) == maxFiles {
				break
			}
			found[name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// asGlob tells globs from names, and makes a folder's name a glob.
func asGlob(g string) (string, bool) {
	if info, err := os.Stat(g); err == nil {
		if info.IsDir() {
			return filepath.Join(g, "*"), true
		}
		return g, false
	}
	return g, strings.ContainsAny(g, `*?[{\`)
}

// folders gives the folders in which a change can matter: those of the files
// that there are and of the symbolic links on the way to them, and those in
// which new ones may begin to match.
func (r *reader) folders() map[string]fs.FileInfo {
	dirs := map[string]fs.FileInfo{}
	add := func(dir string) {
		if len(dirs) < maxFolders && dirs[dir] == nil {
			if dir, info := existing(dir); info != nil {
				dirs[dir] = info
			}
		}
	}
	for name := range r.seen {
		add(filepath.Dir(name))
		links(name, add)
	}
	for _, g := range slices.Concat(r.globs, r.extra) {
		g, glob := asGlob(g)
		if !glob {
			continue
		}
		base, pattern := doublestar.SplitPattern(filepath.ToSlash(g))
		add(filepath.FromSlash(base))
		for i := range pattern {
			if pattern[i] != '/' {
				continue
			}
			inner, _ := doublestar.FilepathGlob(filepath.Join(base, pattern[:i])) // as in expand
			for _, dir := range inner {
				if info, err := os.Stat(dir); err == nil && info.IsDir() {
					add(dir)
				}
			}
		}
	}
	return dirs
}

// existing gives the folder, or the nearest above it that is there.
func existing(dir string) (string, fs.FileInfo) {
	dir = filepath.Clean(dir)
	for {
		info, err := os.Stat(dir)
		if err == nil && info.IsDir() {
			return dir, info
		}
		up := filepath.Dir(dir)
		if up == dir {
			return dir, nil
		}
		dir = up
	}
}

// links calls add with the folder of each symbolic link on the way to a file:
// whoever swaps one changes what the name leads to.
func links(name string, add func(string)) {
	name, err := filepath.Abs(name)
	if err != nil {
		return
	}
	const most = 20 // of links, which may form a circle
	for range most {
		at := linkOf(name)
		if at == "" {
			return
		}
		add(filepath.Dir(at))
		to, err := os.Readlink(at)
		if err != nil {
			return
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(at), to)
		}
		name = filepath.Join(to, strings.TrimPrefix(name, at))
		add(filepath.Dir(name))
	}
}

// linkOf gives the first part of a path that is a symbolic link.
func linkOf(name string) string {
	for i := 1; i <= len(name); i++ {
		if i < len(name) && name[i] != filepath.Separator {
			continue
		}
		if info, err := os.Lstat(name[:i]); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return name[:i]
		}
	}
	return ""
}
