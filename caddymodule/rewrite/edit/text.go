package edit

import "unsafe"

// Text gives src as a string, without a copy: bodies are large, and each is
// read once. Nobody may write to src while the string or a part of it is in use.
// A leaf uses it until it returns; what is kept for longer, as a [Report] and a
// judge keep what they were told, is to be copied by who keeps it.
func Text(src []byte) string {
	return unsafe.String(unsafe.SliceData(src), len(src)) //nolint:gosec // within the bounds said
}
