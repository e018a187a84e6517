// An oracle for storage/evidence: Go's golang.org/x/mod/sumdb reads what we wrote, and writes what we must
// be able to read. `sumdb check DIR` exits 1 with a line on stderr when anything is not as it must be;
// `sumdb make DIR` writes a log of its own in the same layout.
package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

type proofs struct {
	Inclusion []struct {
		Index, Size int64
		Leaf, Root  string
		Proof       []string
	}
	Consistency []struct {
		OldSize, Size int64
		OldRoot, Root string
		Proof         []string
	}
}

func main() {
	if len(os.Args) != 3 {
		fail("usage: sumdb check|make DIR")
	}
	dir := os.Args[2]
	switch os.Args[1] {
	case "check":
		check(dir)
	case "make":
		makeLog(dir)
	default:
		fail("unknown verb")
	}
}

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

func must(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

func read(dir, path string) []byte {
	data, err := os.ReadFile(filepath.Join(dir, path))
	must(err, "read")
	return data
}

func write(dir, path string, data []byte) {
	name := filepath.Join(dir, path)
	must(os.MkdirAll(filepath.Dir(name), 0o755), "mkdir")
	must(os.WriteFile(name, data, 0o644), "write")
}

func parseHash(text string) tlog.Hash {
	data, err := hex.DecodeString(text)
	if err != nil || len(data) != tlog.HashSize {
		fail("not a hash: %q", text)
	}
	var hash tlog.Hash
	copy(hash[:], data)
	return hash
}

func parseHashes(texts []string) []tlog.Hash {
	hashes := make([]tlog.Hash, len(texts))
	for i, text := range texts {
		hashes[i] = parseHash(text)
	}
	return hashes
}

// C2SP tlog-tiles has no height in its paths, and calls the data level "entries".
func c2spPath(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tile.H))
	return "tile/" + strings.Replace(path, "data/", "entries/", 1)
}

type tileDir struct{ dir string }

func (t tileDir) Height() int { return height }
func (t tileDir) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		bytes, err := os.ReadFile(filepath.Join(t.dir, c2spPath(tile)))
		if err != nil {
			return nil, err
		}
		data[i] = bytes
	}
	return data, nil
}
func (t tileDir) SaveTiles([]tlog.Tile, [][]byte) {}

func check(dir string) {
	verifier, err := note.NewVerifier(strings.TrimSpace(string(read(dir, "key"))))
	must(err, "verifier key")
	opened, err := note.Open(read(dir, "checkpoint"), note.VerifierList(verifier))
	must(err, "checkpoint")
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		fail("checkpoint text: %q", opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err, "size")
	root, err := base64.StdEncoding.DecodeString(lines[2])
	must(err, "root")
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)

	reader := tlog.TileHashReader(tree, tileDir{dir})
	entries := readBundles(dir, size)
	for i, entry := range entries {
		hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(i))})
		must(err, "tiles")
		if hashes[0] != tlog.RecordHash(entry) {
			fail("entry %d is not the leaf of its tile", i)
		}
	}
	var all proofs
	must(json.Unmarshal(read(dir, "proofs.json"), &all), "proofs")
	for _, p := range all.Inclusion {
		must(tlog.CheckRecord(parseHashes(p.Proof), p.Size, parseHash(p.Root), p.Index, parseHash(p.Leaf)),
			fmt.Sprintf("inclusion of %d in %d", p.Index, p.Size))
	}
	for _, p := range all.Consistency {
		must(tlog.CheckTree(parseHashes(p.Proof), p.Size, parseHash(p.Root), p.OldSize, parseHash(p.OldRoot)),
			fmt.Sprintf("consistency of %d with %d", p.OldSize, p.Size))
	}
	fmt.Printf("%d entries, %d inclusion proofs, %d consistency proofs\n",
		len(entries), len(all.Inclusion), len(all.Consistency))
}

func readBundles(dir string, size int64) [][]byte {
	var entries [][]byte
	for n := int64(0); n*256 < size; n++ {
		width := 256
		if size-n*256 < 256 {
			width = int(size - n*256)
		}
		data := read(dir, c2spPath(tlog.Tile{H: height, L: -1, N: n, W: width}))
		for i := 0; i < width; i++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				fail("bundle %d is too short", n)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			entries = append(entries, data[2:end])
			data = data[end:]
		}
		if len(data) != 0 {
			fail("bundle %d is too long", n)
		}
	}
	return entries
}

type storage []tlog.Hash

func (s storage) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = s[index]
	}
	return hashes, nil
}

func makeLog(dir string) {
	const size = 600
	skey, vkey, err := note.GenerateKey(rand.Reader, "go.example/log")
	must(err, "key")
	signer, err := note.NewSigner(skey)
	must(err, "signer")
	var stored storage
	var roots []tlog.Hash
	for n := int64(0); n < size; n++ {
		hashes, err := tlog.StoredHashes(n, entry(n), stored)
		must(err, "store")
		stored = append(stored, hashes...)
		root, err := tlog.TreeHash(n+1, stored)
		must(err, "root")
		roots = append(roots, root)
	}
	text := fmt.Sprintf("go.example/log\n%d\n%s\n", size, roots[size-1])
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(err, "sign")
	write(dir, "key", []byte(vkey+"\n"))
	write(dir, "checkpoint", signed)
	for _, tile := range tlog.NewTiles(height, 0, size) {
		data, err := tlog.ReadTileData(tile, stored)
		must(err, "tile")
		write(dir, c2spPath(tile), data)
	}
	for n := int64(0); n*256 < size; n++ {
		var data []byte
		width := 0
		for i := n * 256; i < size && width < 256; i++ {
			data = append(data, byte(len(entry(i))>>8), byte(len(entry(i))))
			data = append(data, entry(i)...)
			width++
		}
		write(dir, c2spPath(tlog.Tile{H: height, L: -1, N: n, W: width}), data)
	}
	var all struct {
		Inclusion, Consistency []map[string]interface{}
	}
	for _, n := range []int64{0, 1, 255, 256, 511, 512, 598, 599} {
		p, err := tlog.ProveRecord(size, n, stored)
		must(err, "prove")
		all.Inclusion = append(all.Inclusion, map[string]interface{}{
			"Index": n, "Size": size, "Leaf": hex.EncodeToString(stored[tlog.StoredHashIndex(0, n)][:]),
			"Root": hex.EncodeToString(roots[size-1][:]), "Proof": hexes(p)})
	}
	for _, n := range []int64{1, 2, 255, 256, 257, 512, 599, 600} {
		p, err := tlog.ProveTree(size, n, stored)
		must(err, "prove")
		all.Consistency = append(all.Consistency, map[string]interface{}{
			"OldSize": n, "Size": size, "OldRoot": hex.EncodeToString(roots[n-1][:]),
			"Root": hex.EncodeToString(roots[size-1][:]), "Proof": hexes(p)})
	}
	data, err := json.Marshal(all)
	must(err, "proofs")
	write(dir, "proofs.json", data)
}

func entry(n int64) []byte { return []byte(strings.Repeat(fmt.Sprintf("entry %d ", n), int(n%40))) }

func hexes(hashes []tlog.Hash) []string {
	texts := make([]string, len(hashes))
	for i, hash := range hashes {
		texts[i] = hex.EncodeToString(hash[:])
	}
	return texts
}
