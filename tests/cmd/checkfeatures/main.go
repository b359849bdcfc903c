// checkfeatures reads a features document from stdin and fails unless it fits the runtime
// specification's model: the document has no member that the model lacks, loses none on the way
// through the model, and has all members that a runtime must give.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/opencontainers/runtime-spec/specs-go/features"
)

func main() {
	document, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = check(document)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "checkfeatures:", err)
		os.Exit(1)
	}
}

func check(document []byte) error {
	var model features.Features
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&model); err != nil {
		return err
	}
	if dec.More() {
		return errors.New("more than one document")
	}
	if err := sameAfterRoundTrip(document, &model); err != nil {
		return err
	}
	return required(&model)
}

// sameAfterRoundTrip finds members that the model drops, such as a null or an empty list.
func sameAfterRoundTrip(document []byte, model *features.Features) error {
	again, err := json.Marshal(model)
	if err != nil {
		return err
	}
	var before, after any
	if err := json.Unmarshal(document, &before); err != nil {
		return err
	}
	if err := json.Unmarshal(again, &after); err != nil {
		return err
	}
	if !reflect.DeepEqual(before, after) {
		return fmt.Errorf("not the same after a round trip:\n%s\n%s", document, again)
	}
	return nil
}

// required checks the members that features.md and schema/features-schema.json require.
func required(f *features.Features) error {
	switch {
	case f.OCIVersionMin == "":
		return errors.New("ociVersionMin is missing")
	case f.OCIVersionMax == "":
		return errors.New("ociVersionMax is missing")
	case f.Linux == nil:
		return errors.New("linux is missing")
	}
	lists := map[string][]string{
		"hooks": f.Hooks, "mountOptions": f.MountOptions,
		"linux.namespaces": f.Linux.Namespaces, "linux.capabilities": f.Linux.Capabilities,
	}
	if s := f.Linux.Seccomp; s != nil {
		lists["linux.seccomp.actions"] = s.Actions
		lists["linux.seccomp.operators"] = s.Operators
		lists["linux.seccomp.archs"] = s.Archs
		lists["linux.seccomp.knownFlags"] = s.KnownFlags
		lists["linux.seccomp.supportedFlags"] = s.SupportedFlags
	}
	for name, list := range lists {
		if err := filled(list); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func filled(list []string) error {
	if len(list) == 0 {
		return errors.New("is empty")
	}
	seen := make(map[string]bool, len(list))
	for _, s := range list {
		if s == "" || seen[s] {
			return fmt.Errorf("%q is empty or twice there", s)
		}
		seen[s] = true
	}
	return nil
}
