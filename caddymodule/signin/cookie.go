package signin

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// secretSize is the entropy of cookies, states and nonces, in bytes.
const secretSize = 32

// key is the SHA-256 of a secret: what is stored, cached and logged of it.
type key [sha256.Size]byte

// newSecret makes a random value for a cookie or parameter.
func newSecret() (string, key) {
	b := make([]byte, secretSize)
	_, _ = rand.Read(b) // never fails, it ends the process instead
	s := base64.RawURLEncoding.EncodeToString(b)
	return s, hashSecret(s)
}

func hashSecret(s string) key { return sha256.Sum256([]byte(s)) }

// isSecret says whether s could be a value of newSecret.
func isSecret(s string) bool {
	if len(s) != (secretSize*8+5)/6 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// cookies knows the names and attributes of our own cookies.
type cookies struct {
	session, flow string
	secure        bool
}

func newCookies(https bool) cookies {
	if https {
		return cookies{session: "__Host-postern", flow: "__Host-postern-flow", secure: true}
	}
	return cookies{session: "postern", flow: "postern-flow"}
}

// find reads a cookie from the raw header: n is how often it is there, whatever
// its value, and value is the one that came last if it could be ours.
func find(h http.Header, name string) (value string, n int) {
	for _, line := range h["Cookie"] {
		for line != "" {
			var part string
			part, line, _ = strings.Cut(line, ";")
			k, v, _ := strings.Cut(strings.Trim(part, " \t"), "=")
			if strings.Trim(k, " \t") != name {
				continue
			}
			n++
			value = ""
			if isSecret(v) {
				value = v
			}
		}
	}
	return value, n
}

func (c cookies) set(w http.ResponseWriter, name, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(age / time.Second),
		Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (c cookies) clear(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Path: "/", MaxAge: -1,
		Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
