package store

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// keySize is the length of every key in the store, in bytes.
const keySize = 32

// Key returns the secret of that name, 32 random bytes, making it at first
// use. All users of one database get the same bytes.
func (s *Store) Key(ctx context.Context, name string, now time.Time) ([]byte, error) {
	s.keyMu.Lock()
	defer s.keyMu.Unlock()
	if k, ok := s.keys[name]; ok {
		return bytes.Clone(k), nil
	}
	fresh := make([]byte, keySize)
	if _, err := rand.Read(fresh); err != nil {
		return nil, fmt.Errorf("store: making key: %w", err)
	}
	var key []byte
	err := s.update(ctx, "key", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO keys (name, secret, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			name, fresh, now.UnixMilli())
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT secret FROM keys WHERE name = ?`, name).Scan(&key)
	})
	if err != nil {
		return nil, err
	}
	if len(key) != keySize {
		return nil, s.fail("key", fmt.Errorf("key %q has %d bytes, not %d", name, len(key), keySize))
	}
	s.keys[name] = key
	return bytes.Clone(key), nil
}

func (s *Store) openSeal(ctx context.Context, now time.Time) (cipher.AEAD, error) {
	key, err := s.Key(ctx, "seal", now)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealed encrypts a token for one column of one row, so that it opens nowhere
// else; an empty one is NULL.
func (s *Store) sealed(token, column string, id []byte) []byte {
	if token == "" {
		return nil
	}
	return s.seal.Seal(nil, nil, []byte(token), sealPlace(column, id))
}

func (s *Store) unsealed(b []byte, column string, id []byte) (string, error) {
	if len(b) == 0 {
		return "", nil
	}
	p, err := s.seal.Open(nil, nil, b, sealPlace(column, id))
	if err != nil {
		return "", errors.New("a sealed token does not open")
	}
	return string(p), nil
}

func sealPlace(column string, id []byte) []byte {
	return append([]byte(column+"\x00"), id...)
}
