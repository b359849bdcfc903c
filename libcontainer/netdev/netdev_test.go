package netdev

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestMissing(t *testing.T) {
	if err := Missing(nil); err != nil {
		t.Error(err)
	}
	if err := Missing(map[string]specs.LinuxNetDevice{"lo": {}}); err != nil {
		t.Error(err)
	}
	err := Missing(map[string]specs.LinuxNetDevice{"lo": {}, "rung-b": {}, "rung-a": {}})
	if !errors.Is(err, syscall.ENODEV) || !strings.HasPrefix(err.Error(), "linux.netDevices[rung-a]: find the device: ") {
		t.Errorf("%v", err)
	}
}
