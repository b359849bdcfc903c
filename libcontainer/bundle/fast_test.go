package bundle

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// sameAsStandard checks that the decoder's result is that of encoding/json if it is done, and returns
// whether it is.
func sameAsStandard(t *testing.T, raw []byte) (done bool) {
	t.Helper()
	d := decoder{raw: string(raw)}
	var fast, standard specs.Spec
	decodeSpec(&d, &fast)
	if !d.done() {
		return false
	}
	if err := json.Unmarshal(raw, &standard); err != nil {
		t.Fatalf("the fast decoder takes what encoding/json refuses: %v\n%s", err, raw)
	}
	if !reflect.DeepEqual(fast, standard) {
		t.Fatalf("the decoders differ:\nfast     %+v\nstandard %+v\n%s", fast, standard, raw)
	}
	return true
}

func TestFastDecoderTakesWhatEnginesWrite(t *testing.T) {
	configs, err := filepath.Glob("../../testdata/engines/*/config.json")
	if err != nil || len(configs) == 0 {
		t.Fatalf("no engine bundles: %v", err)
	}
	for _, path := range configs {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !sameAsStandard(t, raw) {
			t.Errorf("%s: the fast decoder gave up", path)
		}
	}
}

func TestFastDecoderGivesUp(t *testing.T) {
	for _, raw := range []string{
		``, `{`, `{}x`, `[]`, `{"ociVersion":1}`, `{"OCIVersion":"1"}`, `{"unknown":1}`, `{"process":{"args":["a",]}}`,
		`{"process":{"args":["a"],"args":["b"]}}`, `{"process":{"user":{"uid":-1}}}`, `{"process":{"user":{"uid":1.0}}}`,
		`{"process":{"user":{"uid":01}}}`, `{"hostname":"` + "\x01" + `"}`, `{"hostname":"` + "\xff" + `"}`, `{"hostname":"\q"}`,
		`{"process":{"terminal":tru}}`, `{,}`, `{"process":{"user":{"uid":4294967296}}}`,
	} {
		d := decoder{raw: raw}
		var s specs.Spec
		if decodeSpec(&d, &s); d.done() {
			t.Errorf("the fast decoder takes %q", raw)
		}
	}
}

func TestFastDecoderEscapes(t *testing.T) {
	if !sameAsStandard(t, []byte(`{"hostname":"a\"\\\u00e9\n","annotations":{"a\tb":"é"},"process":null,"mounts":null}`)) {
		t.Error("the fast decoder gave up")
	}
}

func FuzzDecode(f *testing.F) {
	for _, rootless := range []bool{false, true} {
		raw, err := json.Marshal(Default(rootless))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"process":{"user":{"uid":1,"umask":18}},"linux":{"sysctl":{"a":"b"},"devices":[{"path":"/dev/x","fileMode":438}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) { sameAsStandard(t, raw) })
}
