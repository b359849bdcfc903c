package launch

import "bytes"

// Interpreter returns the program that the kernel executes in the place of one that begins with these bytes, and what it is to it:
// the interpreter of the first line of a script, or the loader of an ELF file of this machine's class and byte order (execve(2)). It
// returns "" if there is none, or the bytes do not have its name.
func Interpreter(head []byte) (path, kind string) {
	if line, script := bytes.CutPrefix(head, []byte("#!")); script {
		line, _, _ = bytes.Cut(line, []byte("\n"))
		blank := func(r rune) bool { return r == ' ' || r == '\t' } // for the kernel a carriage return is none
		if words := bytes.FieldsFunc(line, blank); len(words) > 0 {
			return string(words[0]), "interpreter"
		}
		return "", ""
	}
	if !bytes.HasPrefix(head, []byte("\x7fELF")) {
		return "", ""
	}
	_, segments := readELF(head)
	for _, s := range segments {
		size := uint64(len(head))
		if s.kind == interpreter && s.offset < size && s.size <= size-s.offset {
			name, _, _ := bytes.Cut(head[s.offset:s.offset+s.size], []byte{0})
			return string(name), "loader"
		}
	}
	return "", ""
}
