// An oracle for storage/evidence/cosignature.ts and storage/witness: Go's golang.org/x/mod/sumdb opens a note
// with a witness's cosignature (C2SP tlog-cosignature), and checks the proof of an add-checkpoint request (C2SP
// tlog-witness). `cosigned NOTE KEY` prints the time that the witness signed; `cosigned NOTE KEY REQUEST OLD_ROOT`
// checks the request's proof from the old root to the note's too.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
	time *uint64
}

func (w witness) Name() string    { return w.name }
func (w witness) KeyHash() uint32 { return w.hash }
func (w witness) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	*w.time = binary.BigEndian.Uint64(sig)
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", *w.time, msg)
	return ed25519.Verify(w.key, []byte(signed), sig[8:])
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	must(err, "read")
	parts := strings.SplitN(os.Args[2], "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	must(err, "key")
	if len(key) != 33 || key[0] != 0x04 {
		fail("not a key of cosignature/v1")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if hex.EncodeToString(sum[:4]) != parts[1] {
		fail("the hash is not the key's")
	}
	var time uint64
	by := witness{parts[0], binary.BigEndian.Uint32(sum[:4]), ed25519.PublicKey(key[1:]), &time}
	opened, err := note.Open(text, note.VerifierList(by))
	must(err, "open")
	if len(os.Args) == 5 {
		checkRequest(opened.Text)
	}
	fmt.Println(time)
}

func checkRequest(text string) {
	lines := strings.Split(text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err, "size")
	root, err := tlog.ParseHash(lines[2])
	must(err, "root")
	request, err := os.ReadFile(os.Args[3])
	must(err, "request")
	head, _, _ := bytes.Cut(request, []byte("\n\n"))
	sent := strings.Split(string(head), "\n")
	old, err := strconv.ParseInt(strings.TrimPrefix(sent[0], "old "), 10, 64)
	must(err, "old size")
	old_root, err := tlog.ParseHash(os.Args[4])
	must(err, "old root")
	var proof tlog.TreeProof
	for _, line := range sent[1:] {
		hash, err := tlog.ParseHash(line)
		must(err, "hash")
		proof = append(proof, hash)
	}
	must(tlog.CheckTree(proof, size, root, old, old_root), "proof")
}

func fail(what string) {
	fmt.Fprintln(os.Stderr, what)
	os.Exit(1)
}

func must(err error, what string) {
	if err != nil {
		fail(what + ": " + err.Error())
	}
}
