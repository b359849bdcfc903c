package criu

import (
	"context"
	"fmt"
	"strings"

	"rung/internal/sys"
)

// MinVersion is the oldest CRIU that has all options that rung uses: 3.16 (2021).
const MinVersion = 31600

// Version asks the CRIU at path for its version. 31701 means 3.17.1.
func Version(ctx context.Context, path string) (int, error) {
	answer, err := ask(ctx, path, version)
	if err != nil {
		return 0, fmt.Errorf("CRIU version check failed: %w", err)
	}
	return versionNumber(answer)
}

func versionNumber(answer map[int]value) (int, error) {
	v, err := fields(answer[respNumber].bytes)
	number := int(v[1].number*10000 + v[2].number*100 + v[4].number)
	if len(v[3].bytes) > 0 { // a build from git: it counts as the next minor version
		number = int(v[1].number*10000 + v[2].number*100 + 100)
	}
	return number, err
}

// CheckVersion returns an error if the CRIU at path is older than MinVersion.
func CheckVersion(ctx context.Context, path string) error {
	have, err := Version(ctx, path)
	if err == nil && have < MinVersion {
		err = fmt.Errorf("CRIU version %d must be %d or higher", have, MinVersion)
	}
	return err
}

// Feature is a feature of CRIU that depends on the kernel: the number of a field of criu_features.
type Feature int

// The features that rung can need.
const (
	MemTrack  Feature = 1
	LazyPages Feature = 2
)

// String returns runc's name of the feature.
func (f Feature) String() string {
	if f == MemTrack {
		return "MemTrack"
	}
	return "LazyPages"
}

// CheckFeatures returns an error that names the wanted features that CRIU or the kernel lacks.
func CheckFeatures(ctx context.Context, path string, wanted ...Feature) error {
	if len(wanted) == 0 {
		return nil
	}
	answer, err := ask(ctx, path, featureCheck, wanted...)
	if err != nil {
		return fmt.Errorf("CRIU feature check failed: %w", err)
	}
	missing, err := missingFeatures(answer, wanted)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("criu is missing features: [%s]", strings.Join(missing, " "))
	}
	return nil
}

func missingFeatures(answer map[int]value, wanted []Feature) (missing []string, err error) {
	have, err := fields(answer[respFeatures].bytes)
	for _, f := range wanted {
		if have[int(f)].number == 0 {
			missing = append(missing, f.String())
		}
	}
	return missing, err
}

// question returns a request without options.
func question(kind Kind, features ...Feature) (m message) {
	m.number(reqType, int64(kind))
	var list message
	for _, f := range features {
		list.flag(int(f), true)
	}
	if len(list) > 0 {
		m.bytes(reqFeatures, list)
	}
	return m
}

// ask spawns a CRIU, sends one request and returns the answer.
func ask(ctx context.Context, path string, kind Kind, features ...Feature) (map[int]value, error) {
	p, err := Start(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.Finish() }()
	if err := sys.SendMessage(p.socket, question(kind, features...)); err != nil {
		return nil, err
	}
	answered, answer, _, err := p.receive()
	if err == nil && answered != kind {
		err = fmt.Errorf("criu answers %s to %s", answered, kind)
	}
	return answer, err
}
