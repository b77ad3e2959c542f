package caddymodule

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
)

// What a hostile provider answers in place of something that can be read.

func redirectAway(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "http://"+r.Host+"/elsewhere", http.StatusTemporaryRedirect)
}

// bombed is 256 MiB of blanks before an object, in 256 KiB.
var bombed = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for range 256 {
		_, _ = z.Write(blank)
	}
	_, _ = z.Write([]byte(`{"keys":[]}`))
	_ = z.Close()
	return b.Bytes()
})

func bomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(bombed())
}

func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for chunk := []byte(strings.Repeat(`{"x":[`, 1<<12)); ; {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func cutOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"access_token":"a`))
	panic(http.ErrAbortHandler)
}
