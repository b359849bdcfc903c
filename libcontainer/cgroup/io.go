package cgroup

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

const ioField = "linux.resources.blockIO."

// throttle is one of the four lists of rates, with its v1 file and its v2 key in io.max.
type throttle struct {
	field, v1, v2 string
	devices       []specs.LinuxThrottleDevice
}

func throttles(r *specs.LinuxBlockIO) [4]throttle {
	return [4]throttle{
		{"throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps", r.ThrottleReadBpsDevice},
		{"throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps", r.ThrottleWriteBpsDevice},
		{"throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops", r.ThrottleReadIOPSDevice},
		{"throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops", r.ThrottleWriteIOPSDevice},
	}
}

// asksForIO reports whether linux.resources.blockIO has anything to be set: engines send it empty.
func asksForIO(r *specs.LinuxBlockIO) bool {
	if r == nil {
		return false
	}
	lists := throttles(r)
	n := len(r.WeightDevice)
	for i := range lists {
		n += len(lists[i].devices)
	}
	return n > 0 || deref(r.Weight) != 0 || deref(r.LeafWeight) != 0
}

func (m *Manager) setBlockIO(r *specs.LinuxBlockIO) error {
	if !asksForIO(r) {
		return nil
	}
	lists := throttles(r)
	t, err := m.locate("blkio", ioField[:len(ioField)-1])
	if err != nil {
		return err
	}
	if err := t.ioWeights(r); err != nil {
		return err
	}
	for i := range lists {
		if err := t.throttle(&lists[i]); err != nil {
			return err
		}
	}
	return nil
}

func devNum(d specs.LinuxBlockIODevice) string {
	return strconv.FormatInt(d.Major, 10) + ":" + strconv.FormatInt(d.Minor, 10)
}

func item(field string, i int) string {
	return field + "[" + strconv.Itoa(i) + "]"
}

// throttle sets rates in bytes or operations per second. A rate of 0 removes the limit; v2 writes it as "max".
func (t target) throttle(l *throttle) error {
	for i, d := range l.devices {
		file, val := l.v1, devNum(d.LinuxBlockIODevice)+" "+strconv.FormatUint(d.Rate, 10)
		if t.v2 {
			rate := "max"
			if d.Rate != 0 {
				rate = strconv.FormatUint(d.Rate, 10)
			}
			file, val = "io.max", devNum(d.LinuxBlockIODevice)+" "+l.v2+"="+rate
		}
		if err := t.write(item(ioField+l.field, i), file, val); err != nil {
			return err
		}
	}
	return nil
}

func (t target) ioWeights(r *specs.LinuxBlockIO) error {
	if t.v2 && deref(r.LeafWeight) != 0 {
		return onlyV1(ioField + "leafWeight")
	}
	if w := deref(r.Weight); w != 0 {
		if err := t.weight(ioField+"weight", "", w); err != nil {
			return err
		}
	}
	if w := deref(r.LeafWeight); w != 0 {
		if err := t.writeUint(ioField+"leafWeight", "blkio.leaf_weight", uint64(w)); err != nil {
			return err
		}
	}
	for i, d := range r.WeightDevice {
		if err := t.weightDevice(item(ioField+"weightDevice", i), d); err != nil {
			return err
		}
	}
	return nil
}

func (t target) weightDevice(field string, d specs.LinuxWeightDevice) error {
	dev := devNum(d.LinuxBlockIODevice)
	if w := deref(d.Weight); w != 0 {
		if err := t.weight(field+".weight", dev+" ", w); err != nil {
			return err
		}
	}
	w := deref(d.LeafWeight)
	if w == 0 {
		return nil
	}
	if t.v2 {
		return onlyV1(field + ".leafWeight")
	}
	return t.write(field+".leafWeight", "blkio.leaf_weight_device", dev+" "+strconv.FormatUint(uint64(w), 10))
}

// weight writes a weight to the file of the first I/O policy that exists: CFQ's or BFQ's on v1, BFQ's or iocost's on
// v2. CFQ is gone since Linux 5.0, but other schedulers use its file name. If dev is "MAJOR:MINOR ", the weight is for
// that device only.
func (t target) weight(field, dev string, w uint16) error {
	first, second := "blkio.weight", "blkio.bfq.weight"
	if dev != "" {
		first, second = "blkio.weight_device", "blkio.bfq.weight_device"
	}
	val := uint64(w)
	next := val
	if t.v2 {
		first, second = "io.bfq.weight", "io.weight"
		next = ioWeight(w)
	}
	err := t.write(field, first, dev+strconv.FormatUint(val, 10))
	if !errors.Is(err, syscall.ENOENT) {
		return err
	}
	err = t.write(field, second, dev+strconv.FormatUint(next, 10))
	if errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("%w (no I/O scheduler with weights is loaded: BFQ or iocost)", err)
	}
	return err
}

// ioWeight maps blkio's 10..1000 linearly to io.weight's 1..10000.
func ioWeight(w uint16) uint64 {
	if w < 10 {
		return min(uint64(w), 1)
	}
	return 1 + (uint64(w)-10)*9999/990
}
