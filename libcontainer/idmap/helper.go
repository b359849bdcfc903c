package idmap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/waits"
)

// runHelper runs newuidmap or newgidmap, which writes the map.
func runHelper(ctx context.Context, k kind, pid int, mappings []specs.LinuxIDMapping) error {
	path, err := exec.LookPath(k.helper)
	if err != nil {
		return fmt.Errorf("mapping more than the own id without privilege needs %s: %w", k.helper, err)
	}
	args := []string{strconv.Itoa(pid)}
	for _, m := range mappings {
		for _, v := range []uint32{m.ContainerID, m.HostID, m.Size} {
			args = append(args, strconv.FormatUint(uint64(v), 10))
		}
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.WaitDelay = waits.CleanUp // for the output of children of its own
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return waits.Ended(ctx, path)
	}
	said := strings.Join(strings.Fields(string(bytes.TrimSpace(out))), " ")
	err = fmt.Errorf("%s: %w: %s", k.helper, err, said)
	if reason := missing(k, mappings); reason != nil {
		return fmt.Errorf("%w (%w)", reason, err)
	}
	return err
}

// missing explains a failure of a helper: it names the first range that the file
// does not grant. It runs only after a failure, because grants may also come from
// elsewhere (nsswitch.conf, "subid").
func missing(k kind, mappings []specs.LinuxIDMapping) error {
	uid := uint32(os.Getuid())
	names := []string{strconv.FormatUint(uint64(uid), 10)}
	if u, err := user.LookupId(names[0]); err == nil {
		names = append(names, u.Username)
	}
	who := names[len(names)-1]
	ranges, err := ReadRanges(k.subIDs, names...)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, m := range mappings {
		if m.Size == 1 && m.HostID == k.own || Granted(ranges, m.HostID, m.Size) {
			continue
		}
		return fmt.Errorf("%s grants user %s no range that holds %d-%d", k.subIDs, who, m.HostID, uint64(m.HostID)+uint64(m.Size)-1)
	}
	return nil
}
