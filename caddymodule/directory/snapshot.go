package directory

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/postern-gateway/postern/rules"
)

// ErrSnapshot is wrapped by every error about what a snapshot says, as opposed
// to errors of reading it.
var ErrSnapshot = errors.New("not a directory snapshot")

// The bounds of a snapshot.
const (
	maxSnapshot = 4 << 30   // bytes in all
	maxRecord   = 32 << 20  // bytes of one record
	maxRecords  = 8_000_000 // records in all
)

// schema says which members an object has; nil members are scalars and lists
// of scalars.
type schema map[string]schema

// anyMembers marks an object whose member names are free.
var anyMembers = schema{"*": nil}

var snapshotSchema = map[string]schema{
	"users": {
		"username": nil, "key": nil, "account_id": nil, "email": nil, "display_name": nil, "active": nil,
		"avatar_ids": nil, "identities": nil, "groups": nil, "attributes": anyMembers,
	},
	"groups": {"name": nil, "source": nil, "groups": nil},
	"spaces": {
		"key": nil, "id": nil, "name": nil, "type": nil, "status": nil, "owner": nil, "aliases": nil, "home": nil,
	},
	"content": {
		"id": nil, "type": nil, "space": nil, "title": nil, "parent": nil, "labels": nil, "status": nil, "date": nil,
		"restricted_to": {"users": nil, "groups": nil, "unknown": nil}, "includes": nil, "used_by": nil, "redirect": nil, "attributes": anyMembers,
	},
	"aliases": {"id": nil, "of": nil, "kind": nil},
}

// ReadSnapshot reads the JSON form of a directory. Unknown and repeated
// members, wrong types, text after the end and invalid UTF-8 are errors that
// say where; what is absent is absent.
func ReadSnapshot(r io.Reader) (rules.Directory, error) {
	limited := &io.LimitedReader{R: r, N: maxSnapshot + 1}
	dec := json.NewDecoder(limited)
	var d rules.Directory
	if err := readAll(dec, &d); err != nil {
		if limited.N <= 0 {
			return rules.Directory{}, fmt.Errorf("%w: over %d bytes", ErrSnapshot, int64(maxSnapshot))
		}
		return rules.Directory{}, err
	}
	return d, nil
}

func readAll(dec *json.Decoder, d *rules.Directory) error {
	if err := delim(dec, '{'); err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	seen := map[string]bool{}
	records := 0
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return syntax(dec, err)
		}
		name, _ := t.(string)
		sch, ok := snapshotSchema[name]
		switch {
		case !ok:
			return fmt.Errorf("%w: unknown member %q", ErrSnapshot, name)
		case seen[name]:
			return fmt.Errorf("%w: member %q is there twice", ErrSnapshot, name)
		}
		seen[name] = true
		if err := readList(dec, name, sch, d, &records); err != nil {
			return err
		}
	}
	if err := delim(dec, '}'); err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: text after the end", ErrSnapshot)
	}
	return nil
}

func syntax(dec *json.Decoder, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: byte %d: %w", ErrSnapshot, dec.InputOffset(), err)
}

func delim(dec *json.Decoder, want json.Delim) error {
	t, err := dec.Token()
	if err != nil {
		return syntax(dec, err)
	}
	if t != want {
		return fmt.Errorf("byte %d: %v where %v was expected", dec.InputOffset(), t, want)
	}
	return nil
}

// readList reads one of the lists, record by record.
func readList(dec *json.Decoder, name string, sch schema, d *rules.Directory, records *int) error {
	t, err := dec.Token()
	if err != nil {
		return syntax(dec, err)
	}
	if t == nil {
		return nil // null: an absent list
	}
	if t != json.Delim('[') {
		return fmt.Errorf("%w: %s is no list", ErrSnapshot, name)
	}
	var raw json.RawMessage
	for i := 0; dec.More(); i++ {
		if *records++; *records > maxRecords {
			return fmt.Errorf("%w: more than %d records", ErrSnapshot, maxRecords)
		}
		raw = raw[:0]
		if err := dec.Decode(&raw); err != nil {
			return syntax(dec, err)
		}
		if err := checkRecord(raw, sch); err != nil {
			return fmt.Errorf("%w: %s[%d]: %w", ErrSnapshot, name, i, err)
		}
		if err := keep(name, raw, d); err != nil {
			return fmt.Errorf("%w: %s[%d]: %w", ErrSnapshot, name, i, err)
		}
	}
	if err := delim(dec, ']'); err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	return nil
}

// keep decodes a record that was checked, into its list.
func keep(name string, raw []byte, d *rules.Directory) error {
	switch name {
	case "users":
		return appendTo(&d.Users, raw)
	case "groups":
		return appendTo(&d.Groups, raw)
	case "spaces":
		return appendTo(&d.Spaces, raw)
	case "content":
		return appendTo(&d.Content, raw)
	default:
		return appendTo(&d.Aliases, raw)
	}
}

func appendTo[T any](list *[]T, raw []byte) error {
	var rec T
	if err := json.Unmarshal(raw, &rec); err != nil {
		var te *json.UnmarshalTypeError
		if errors.As(err, &te) {
			return fmt.Errorf("%s is a %s where a %s was expected", te.Field, te.Value, te.Type)
		}
		return err
	}
	*list = append(*list, rec)
	return nil
}

// checkRecord checks the member names of one record.
func checkRecord(raw []byte, sch schema) error {
	switch {
	case len(raw) > maxRecord:
		return fmt.Errorf("over %d bytes", maxRecord)
	case !utf8.Valid(raw):
		return errors.New("invalid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	t, err := dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return errors.New("no object")
	}
	return checkObject(dec, sch, "")
}

// checkObject checks the members of an object whose brace was read. Values of
// scalar members may be lists, but hold no objects.
func checkObject(dec *json.Decoder, sch schema, path string) error {
	seen := map[string]bool{}
	_, free := sch["*"]
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		sub, ok := sch[name]
		switch {
		case !ok && !free:
			return fmt.Errorf("unknown member %q", path+name)
		case seen[name]:
			return fmt.Errorf("member %q is there twice", path+name)
		}
		seen[name] = true
		if err := checkValue(dec, sub, path+name); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

func checkValue(dec *json.Decoder, sub schema, path string) error {
	depth := 0
	for {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'):
			if sub == nil || depth > 0 {
				return fmt.Errorf("%s is or holds an object", path)
			}
			return checkObject(dec, sub, path+".")
		case json.Delim('['):
			depth++
		case json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// WriteSnapshot writes the JSON form of a directory, one record a line, so
// that snapshots can be compared with line tools.
func WriteSnapshot(w io.Writer, d rules.Directory) error {
	b := bufio.NewWriterSize(w, 1<<16)
	first := true
	b.WriteByte('{')
	err := errors.Join(
		writeList(b, "users", d.Users, &first),
		writeList(b, "groups", d.Groups, &first),
		writeList(b, "spaces", d.Spaces, &first),
		writeList(b, "content", d.Content, &first),
		writeList(b, "aliases", d.Aliases, &first),
	)
	if err != nil {
		return fmt.Errorf("writing a snapshot: %w", err)
	}
	b.WriteString("\n}\n")
	if err := b.Flush(); err != nil {
		return fmt.Errorf("writing a snapshot: %w", err)
	}
	return nil
}

// writeList writes into a buffer, whose error sticks until Flush.
func writeList[T any](b *bufio.Writer, name string, list []T, first *bool) error {
	if len(list) == 0 {
		return nil
	}
	if !*first {
		b.WriteByte(',')
	}
	*first = false
	b.WriteString("\n\"" + name + "\": [")
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	for i := range list {
		buf.Reset()
		if err := enc.Encode(&list[i]); err != nil {
			return err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n  ")
		b.Write(bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
	}
	b.WriteString("\n]")
	return nil
}

// FactsOf makes facts of a snapshot's JSON, for policy tests. It is a
// rules.FactsBuilder.
func FactsOf(snapshot []byte, profile *rules.Profile) (rules.Facts, error) {
	d, err := ReadSnapshot(bytes.NewReader(snapshot))
	if err != nil {
		return nil, fmt.Errorf("reading the directory: %w", err)
	}
	g, err := NewGeneration(d, OptionsFor(profile))
	if err != nil {
		return nil, err
	}
	return g, nil
}
