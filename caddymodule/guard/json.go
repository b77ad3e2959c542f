package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxJSONDepth = 64

// strictJSON accepts a JSON text only if it has one reading: UTF-8, one value,
// no duplicate keys (compared by foldKey), bounded depth (RFC 8259, RFC 7493).
func strictJSON(body []byte) error {
	if !utf8.Valid(body) {
		return errors.New("not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := strictValue(dec, 0); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("trailing data")
	}
	return nil
}

// foldKey is the form in which keys are compared: without case, as the readers
// that fold it do, and others don't. encoding/json takes letters beyond ASCII
// for those that they fold to: the Kelvin sign for k, the long s for s. An i
// without its dot and an I with one are i where the language is Turkish.
func foldKey(key string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\u0130' || r == '\u0131':
			return 'i'
		case r < utf8.RuneSelf:
			return unicode.ToLower(r)
		}
		for next := unicode.SimpleFold(r); ; next = unicode.SimpleFold(next) {
			if next <= r { // once around: the smallest of those that are one
				return unicode.ToLower(next)
			}
			r = next
		}
	}, key)
}

func strictValue(dec *json.Decoder, depth int) error {
	if depth > maxJSONDepth {
		return errors.New("nested too deeply")
	}
	tok, err := dec.Token()
	if err != nil {
		return fmt.Errorf("reading a token: %w", err)
	}
	switch tok {
	case json.Delim('{'):
		seen := map[string]bool{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return fmt.Errorf("reading a key: %w", err)
			}
			folded := foldKey(key.(string)) // the decoder yields only strings as keys
			if seen[folded] {
				return errors.New("duplicate keys")
			}
			seen[folded] = true
			if err := strictValue(dec, depth+1); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for dec.More() {
			if err := strictValue(dec, depth+1); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = dec.Token() // the closing delimiter
	if err != nil {
		return fmt.Errorf("reading a closing bracket: %w", err)
	}
	return nil
}
