package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"tasks/pkg/task"
)

var errNoEnv = errors.New("its environment is missing")

// stored is a record as it is written: its environment is a key of the bucket
// envs.
type stored struct {
	task.Record
	EnvKey string `json:"env_key,omitempty"` // hex; absent: not given
}

// envKey is what the environment with this block is stored under.
func envKey(block string) []byte {
	sum := sha256.Sum256([]byte(block))
	return sum[:]
}

// An environment is what is put under a key of the bucket envs.
type environment struct {
	key   []byte
	block string
}

func newEnvironment(env task.Env) environment {
	return environment{envKey(env.Block()), env.Block()}
}

// encode writes r without its environment.
func encode(r task.Record, envKey []byte) ([]byte, error) {
	r.Spec.Env = task.Env{}
	b, err := json.Marshal(stored{r, hex.EncodeToString(envKey)})
	if err != nil {
		return nil, err
	}
	if b, err = writeUnknown(&r, b); err != nil {
		return nil, err
	}
	return seal(b), nil
}

// decode reads the record of name. The second result is its key in envs, or "".
func decode(name string, sealed []byte, envs map[string]task.Env) (task.Record, string, error) {
	b, err := unseal(sealed)
	if err != nil {
		return task.Record{}, "", fmt.Errorf("record %q: %w", name, err)
	}
	s, unknown, err := decodeJSON[stored](b)
	if err != nil {
		return task.Record{}, "", fmt.Errorf("record %q: %w", name, err)
	}
	if s.Spec.Name != name {
		return task.Record{}, "", fmt.Errorf("record %q is the record of %q", name, s.Spec.Name)
	}
	if unknown {
		known, err := json.Marshal(s) // with the environment that no record has here: it is not unknown
		if err == nil {
			err = readUnknown(&s.Record, b, known)
		}
		if err != nil {
			return task.Record{}, "", fmt.Errorf("record %q: %w", name, err)
		}
	}
	s.Spec.Env = task.Env{}
	if s.EnvKey == "" {
		return s.Record, "", nil
	}
	key, err := hex.DecodeString(s.EnvKey)
	env, ok := envs[string(key)]
	if err != nil || !ok {
		return task.Record{}, "", fmt.Errorf("record %q: %w", name, errNoEnv)
	}
	s.Spec.Env = env
	return s.Record, string(key), nil
}

// seal puts a checksum before b: bbolt has none over its data.
func seal(b []byte) []byte {
	sum := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(b)), sum), b...)
}

// unseal is the b that seal was given.
func unseal(sealed []byte) ([]byte, error) {
	if len(sealed) < 4 {
		return nil, errors.New("it is too short")
	}
	b := sealed[4:]
	if crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) != binary.BigEndian.Uint32(sealed) {
		return nil, errors.New("its checksum is wrong")
	}
	return b, nil
}

// encodeGroup writes what is set of g.
func encodeGroup(g task.Group) ([]byte, error) {
	g.Running, g.Queued, g.Waiting = 0, 0, 0
	b, err := json.Marshal(g)
	if err != nil {
		return nil, err
	}
	return seal(with(b, g.Unknown)), nil
}

func decodeGroup(name string, sealed []byte) (task.Group, error) {
	b, err := unseal(sealed)
	if err != nil {
		return task.Group{}, fmt.Errorf("group %q: %w", name, err)
	}
	g, unknown, err := decodeJSON[task.Group](b)
	if err == nil && g.Name != name {
		err = fmt.Errorf("it is the record of %q", g.Name)
	}
	if err == nil && unknown {
		var known []byte
		known, err = json.Marshal(g)
		g.Unknown = beside(b, known)
	}
	if err != nil {
		return task.Group{}, fmt.Errorf("group %q: %w", name, err)
	}
	return g, nil
}

func encodeRemoved(r task.Removed) ([]byte, error) {
	b, err := json.Marshal(r)
	return seal(b), err
}

func decodeRemoved(name string, sealed []byte) (task.Removed, error) {
	b, err := unseal(sealed)
	var r task.Removed
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		return task.Removed{}, fmt.Errorf("removed name %q: %w", name, err)
	}
	return r, nil
}
