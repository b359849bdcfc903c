// Code generated from the types of specs-go by bundle/gen. DO NOT EDIT.

package bundle

import (
	"io/fs"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func decodeString(d *decoder, v *string) {
	if !d.null() {
		*v = string(d.text())
	}
}

func decodeBool(d *decoder, v *bool) {
	if !d.null() {
		*v = d.boolean()
	}
}

func decodeUint(d *decoder, v *uint) {
	if !d.null() {
		*v = uint(d.unsigned(64))
	}
}

func decodeBox(d *decoder, v *specs.Box) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "height":
			decodeUint(d, &v.Height)
		case "width":
			decodeUint(d, &v.Width)
		default:
			d.giveUp()
		}
	}
}

func decodePointerBox(d *decoder, v **specs.Box) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.Box)
	}
	decodeBox(d, *v)
}

func decodeUint32(d *decoder, v *uint32) {
	if !d.null() {
		*v = uint32(d.unsigned(32))
	}
}

func decodePointerUint32(d *decoder, v **uint32) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(uint32)
	}
	decodeUint32(d, *v)
}

func decodeListUint32(d *decoder, v *[]uint32) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]uint32, 0, 4)
	for first := true; d.element(first); first = false {
		var item uint32
		decodeUint32(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeUser(d *decoder, v *specs.User) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "uid":
			decodeUint32(d, &v.UID)
		case "gid":
			decodeUint32(d, &v.GID)
		case "umask":
			decodePointerUint32(d, &v.Umask)
		case "additionalGids":
			decodeListUint32(d, &v.AdditionalGids)
		default:
			d.giveUp()
		}
	}
}

func decodeListString(d *decoder, v *[]string) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]string, 0, 4)
	for first := true; d.element(first); first = false {
		var item string
		decodeString(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeLinuxCapabilities(d *decoder, v *specs.LinuxCapabilities) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "bounding":
			decodeListString(d, &v.Bounding)
		case "effective":
			decodeListString(d, &v.Effective)
		case "inheritable":
			decodeListString(d, &v.Inheritable)
		case "permitted":
			decodeListString(d, &v.Permitted)
		case "ambient":
			decodeListString(d, &v.Ambient)
		default:
			d.giveUp()
		}
	}
}

func decodePointerLinuxCapabilities(d *decoder, v **specs.LinuxCapabilities) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.LinuxCapabilities)
	}
	decodeLinuxCapabilities(d, *v)
}

func decodeUint64(d *decoder, v *uint64) {
	if !d.null() {
		*v = uint64(d.unsigned(64))
	}
}

func decodePOSIXRlimit(d *decoder, v *specs.POSIXRlimit) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "type":
			decodeString(d, &v.Type)
		case "hard":
			decodeUint64(d, &v.Hard)
		case "soft":
			decodeUint64(d, &v.Soft)
		default:
			d.giveUp()
		}
	}
}

func decodeListPOSIXRlimit(d *decoder, v *[]specs.POSIXRlimit) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.POSIXRlimit, 0, 4)
	for first := true; d.element(first); first = false {
		d.object()
		var item specs.POSIXRlimit
		decodePOSIXRlimit(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeInt(d *decoder, v *int) {
	if !d.null() {
		*v = int(d.integer(64))
	}
}

func decodePointerInt(d *decoder, v **int) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(int)
	}
	decodeInt(d, *v)
}

func decodeLinuxSchedulerPolicy(d *decoder, v *specs.LinuxSchedulerPolicy) {
	if !d.null() {
		*v = specs.LinuxSchedulerPolicy(d.text())
	}
}

func decodeInt32(d *decoder, v *int32) {
	if !d.null() {
		*v = int32(d.integer(32))
	}
}

func decodeLinuxSchedulerFlag(d *decoder, v *specs.LinuxSchedulerFlag) {
	if !d.null() {
		*v = specs.LinuxSchedulerFlag(d.text())
	}
}

func decodeListLinuxSchedulerFlag(d *decoder, v *[]specs.LinuxSchedulerFlag) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.LinuxSchedulerFlag, 0, 4)
	for first := true; d.element(first); first = false {
		var item specs.LinuxSchedulerFlag
		decodeLinuxSchedulerFlag(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeScheduler(d *decoder, v *specs.Scheduler) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "policy":
			decodeLinuxSchedulerPolicy(d, &v.Policy)
		case "nice":
			decodeInt32(d, &v.Nice)
		case "priority":
			decodeInt32(d, &v.Priority)
		case "flags":
			decodeListLinuxSchedulerFlag(d, &v.Flags)
		case "runtime":
			decodeUint64(d, &v.Runtime)
		case "deadline":
			decodeUint64(d, &v.Deadline)
		case "period":
			decodeUint64(d, &v.Period)
		default:
			d.giveUp()
		}
	}
}

func decodePointerScheduler(d *decoder, v **specs.Scheduler) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.Scheduler)
	}
	decodeScheduler(d, *v)
}

func decodeIOPriorityClass(d *decoder, v *specs.IOPriorityClass) {
	if !d.null() {
		*v = specs.IOPriorityClass(d.text())
	}
}

func decodeLinuxIOPriority(d *decoder, v *specs.LinuxIOPriority) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "class":
			decodeIOPriorityClass(d, &v.Class)
		case "priority":
			decodeInt(d, &v.Priority)
		default:
			d.giveUp()
		}
	}
}

func decodePointerLinuxIOPriority(d *decoder, v **specs.LinuxIOPriority) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.LinuxIOPriority)
	}
	decodeLinuxIOPriority(d, *v)
}

func decodeCPUAffinity(d *decoder, v *specs.CPUAffinity) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "initial":
			decodeString(d, &v.Initial)
		case "final":
			decodeString(d, &v.Final)
		default:
			d.giveUp()
		}
	}
}

func decodePointerCPUAffinity(d *decoder, v **specs.CPUAffinity) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.CPUAffinity)
	}
	decodeCPUAffinity(d, *v)
}

func decodeProcess(d *decoder, v *specs.Process) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "terminal":
			decodeBool(d, &v.Terminal)
		case "consoleSize":
			decodePointerBox(d, &v.ConsoleSize)
		case "user":
			decodeUser(d, &v.User)
		case "args":
			decodeListString(d, &v.Args)
		case "env":
			decodeListString(d, &v.Env)
		case "cwd":
			decodeString(d, &v.Cwd)
		case "capabilities":
			decodePointerLinuxCapabilities(d, &v.Capabilities)
		case "rlimits":
			decodeListPOSIXRlimit(d, &v.Rlimits)
		case "noNewPrivileges":
			decodeBool(d, &v.NoNewPrivileges)
		case "apparmorProfile":
			decodeString(d, &v.ApparmorProfile)
		case "oomScoreAdj":
			decodePointerInt(d, &v.OOMScoreAdj)
		case "scheduler":
			decodePointerScheduler(d, &v.Scheduler)
		case "selinuxLabel":
			decodeString(d, &v.SelinuxLabel)
		case "ioPriority":
			decodePointerLinuxIOPriority(d, &v.IOPriority)
		case "execCPUAffinity":
			decodePointerCPUAffinity(d, &v.ExecCPUAffinity)
		default:
			d.giveUp()
		}
	}
}

func decodePointerProcess(d *decoder, v **specs.Process) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.Process)
	}
	decodeProcess(d, *v)
}

func decodeRoot(d *decoder, v *specs.Root) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "path":
			decodeString(d, &v.Path)
		case "readonly":
			decodeBool(d, &v.Readonly)
		default:
			d.giveUp()
		}
	}
}

func decodePointerRoot(d *decoder, v **specs.Root) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.Root)
	}
	decodeRoot(d, *v)
}

func decodeLinuxIDMapping(d *decoder, v *specs.LinuxIDMapping) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "containerID":
			decodeUint32(d, &v.ContainerID)
		case "hostID":
			decodeUint32(d, &v.HostID)
		case "size":
			decodeUint32(d, &v.Size)
		default:
			d.giveUp()
		}
	}
}

func decodeListLinuxIDMapping(d *decoder, v *[]specs.LinuxIDMapping) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.LinuxIDMapping, 0, 4)
	for first := true; d.element(first); first = false {
		d.object()
		var item specs.LinuxIDMapping
		decodeLinuxIDMapping(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeMount(d *decoder, v *specs.Mount) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "destination":
			decodeString(d, &v.Destination)
		case "type":
			decodeString(d, &v.Type)
		case "source":
			decodeString(d, &v.Source)
		case "options":
			decodeListString(d, &v.Options)
		case "uidMappings":
			decodeListLinuxIDMapping(d, &v.UIDMappings)
		case "gidMappings":
			decodeListLinuxIDMapping(d, &v.GIDMappings)
		default:
			d.giveUp()
		}
	}
}

func decodeListMount(d *decoder, v *[]specs.Mount) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.Mount, 0, 4)
	for first := true; d.element(first); first = false {
		d.object()
		var item specs.Mount
		decodeMount(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeHook(d *decoder, v *specs.Hook) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "path":
			decodeString(d, &v.Path)
		case "args":
			decodeListString(d, &v.Args)
		case "env":
			decodeListString(d, &v.Env)
		case "timeout":
			decodePointerInt(d, &v.Timeout)
		default:
			d.giveUp()
		}
	}
}

func decodeListHook(d *decoder, v *[]specs.Hook) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.Hook, 0, 4)
	for first := true; d.element(first); first = false {
		d.object()
		var item specs.Hook
		decodeHook(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeHooks(d *decoder, v *specs.Hooks) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "prestart":
			decodeListHook(d, &v.Prestart)
		case "createRuntime":
			decodeListHook(d, &v.CreateRuntime)
		case "createContainer":
			decodeListHook(d, &v.CreateContainer)
		case "startContainer":
			decodeListHook(d, &v.StartContainer)
		case "poststart":
			decodeListHook(d, &v.Poststart)
		case "poststop":
			decodeListHook(d, &v.Poststop)
		default:
			d.giveUp()
		}
	}
}

func decodePointerHooks(d *decoder, v **specs.Hooks) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.Hooks)
	}
	decodeHooks(d, *v)
}

func decodeMapStringString(d *decoder, v *map[string]string) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = make(map[string]string)
	}
	for first := true; d.member(first); first = false {
		key := d.key()
		var item string
		decodeString(d, &item)
		(*v)[string(key)] = item
	}
}

func decodeInt64(d *decoder, v *int64) {
	if !d.null() {
		*v = int64(d.integer(64))
	}
}

func decodePointerInt64(d *decoder, v **int64) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(int64)
	}
	decodeInt64(d, *v)
}

func decodeLinuxDeviceCgroup(d *decoder, v *specs.LinuxDeviceCgroup) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "allow":
			decodeBool(d, &v.Allow)
		case "type":
			decodeString(d, &v.Type)
		case "major":
			decodePointerInt64(d, &v.Major)
		case "minor":
			decodePointerInt64(d, &v.Minor)
		case "access":
			decodeString(d, &v.Access)
		default:
			d.giveUp()
		}
	}
}

func decodeListLinuxDeviceCgroup(d *decoder, v *[]specs.LinuxDeviceCgroup) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.LinuxDeviceCgroup, 0, 4)
	for first := true; d.element(first); first = false {
		d.object()
		var item specs.LinuxDeviceCgroup
		decodeLinuxDeviceCgroup(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodePointerUint64(d *decoder, v **uint64) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(uint64)
	}
	decodeUint64(d, *v)
}

func decodePointerBool(d *decoder, v **bool) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(bool)
	}
	decodeBool(d, *v)
}

func decodeLinuxMemory(d *decoder, v *specs.LinuxMemory) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "limit":
			decodePointerInt64(d, &v.Limit)
		case "reservation":
			decodePointerInt64(d, &v.Reservation)
		case "swap":
			decodePointerInt64(d, &v.Swap)
		case "kernel":
			decodePointerInt64(d, &v.Kernel)
		case "kernelTCP":
			decodePointerInt64(d, &v.KernelTCP)
		case "swappiness":
			decodePointerUint64(d, &v.Swappiness)
		case "disableOOMKiller":
			decodePointerBool(d, &v.DisableOOMKiller)
		case "useHierarchy":
			decodePointerBool(d, &v.UseHierarchy)
		case "checkBeforeUpdate":
			decodePointerBool(d, &v.CheckBeforeUpdate)
		default:
			d.giveUp()
		}
	}
}

func decodePointerLinuxMemory(d *decoder, v **specs.LinuxMemory) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.LinuxMemory)
	}
	decodeLinuxMemory(d, *v)
}

func decodeLinuxCPU(d *decoder, v *specs.LinuxCPU) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "shares":
			decodePointerUint64(d, &v.Shares)
		case "quota":
			decodePointerInt64(d, &v.Quota)
		case "burst":
			decodePointerUint64(d, &v.Burst)
		case "period":
			decodePointerUint64(d, &v.Period)
		case "realtimeRuntime":
			decodePointerInt64(d, &v.RealtimeRuntime)
		case "realtimePeriod":
			decodePointerUint64(d, &v.RealtimePeriod)
		case "cpus":
			decodeString(d, &v.Cpus)
		case "mems":
			decodeString(d, &v.Mems)
		case "idle":
			decodePointerInt64(d, &v.Idle)
		default:
			d.giveUp()
		}
	}
}

func decodePointerLinuxCPU(d *decoder, v **specs.LinuxCPU) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.LinuxCPU)
	}
	decodeLinuxCPU(d, *v)
}

func decodeLinuxPids(d *decoder, v *specs.LinuxPids) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "limit":
			decodePointerInt64(d, &v.Limit)
		default:
			d.giveUp()
		}
	}
}

func decodePointerLinuxPids(d *decoder, v **specs.LinuxPids) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.LinuxPids)
	}
	decodeLinuxPids(d, *v)
}

func decodeUint16(d *decoder, v *uint16) {
	if !d.null() {
		*v = uint16(d.unsigned(16))
	}
}

func decodePointerUint16(d *decoder, v **uint16) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(uint16)
	}
	decodeUint16(d, *v)
}

func decodeLinuxWeightDevice(d *decoder, v *specs.LinuxWeightDevice) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "major":
			decodeInt64(d, &v.Major)
		case "minor":
			decodeInt64(d, &v.Minor)
		case "weight":
			decodePointerUint16(d, &v.Weight)
		case "leafWeight":
			decodePointerUint16(d, &v.LeafWeight)
		default:
			d.giveUp()
		}
	}
}

func decodeListLinuxWeightDevice(d *decoder, v *[]specs.LinuxWeightDevice) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.LinuxWeightDevice, 0, 4)
	for first := true; d.element(first); first = false {
		d.object()
		var item specs.LinuxWeightDevice
		decodeLinuxWeightDevice(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeLinuxThrottleDevice(d *decoder, v *specs.LinuxThrottleDevice) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "major":
			decodeInt64(d, &v.Major)
		case "minor":
			decodeInt64(d, &v.Minor)
		case "rate":
			decodeUint64(d, &v.Rate)
		default:
			d.giveUp()
		}
	}
}

func decodeListLinuxThrottleDevice(d *decoder, v *[]specs.LinuxThrottleDevice) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.LinuxThrottleDevice, 0, 4)
	for first := true; d.element(first); first = false {
		d.object()
		var item specs.LinuxThrottleDevice
		decodeLinuxThrottleDevice(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeLinuxBlockIO(d *decoder, v *specs.LinuxBlockIO) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "weight":
			decodePointerUint16(d, &v.Weight)
		case "leafWeight":
			decodePointerUint16(d, &v.LeafWeight)
		case "weightDevice":
			decodeListLinuxWeightDevice(d, &v.WeightDevice)
		case "throttleReadBpsDevice":
			decodeListLinuxThrottleDevice(d, &v.ThrottleReadBpsDevice)
		case "throttleWriteBpsDevice":
			decodeListLinuxThrottleDevice(d, &v.ThrottleWriteBpsDevice)
		case "throttleReadIOPSDevice":
			decodeListLinuxThrottleDevice(d, &v.ThrottleReadIOPSDevice)
		case "throttleWriteIOPSDevice":
			decodeListLinuxThrottleDevice(d, &v.ThrottleWriteIOPSDevice)
		default:
			d.giveUp()
		}
	}
}

func decodePointerLinuxBlockIO(d *decoder, v **specs.LinuxBlockIO) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.LinuxBlockIO)
	}
	decodeLinuxBlockIO(d, *v)
}

func decodeLinuxHugepageLimit(d *decoder, v *specs.LinuxHugepageLimit) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "pageSize":
			decodeString(d, &v.Pagesize)
		case "limit":
			decodeUint64(d, &v.Limit)
		default:
			d.giveUp()
		}
	}
}

func decodeListLinuxHugepageLimit(d *decoder, v *[]specs.LinuxHugepageLimit) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.LinuxHugepageLimit, 0, 4)
	for first := true; d.element(first); first = false {
		d.object()
		var item specs.LinuxHugepageLimit
		decodeLinuxHugepageLimit(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeLinuxInterfacePriority(d *decoder, v *specs.LinuxInterfacePriority) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "name":
			decodeString(d, &v.Name)
		case "priority":
			decodeUint32(d, &v.Priority)
		default:
			d.giveUp()
		}
	}
}

func decodeListLinuxInterfacePriority(d *decoder, v *[]specs.LinuxInterfacePriority) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.LinuxInterfacePriority, 0, 4)
	for first := true; d.element(first); first = false {
		d.object()
		var item specs.LinuxInterfacePriority
		decodeLinuxInterfacePriority(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeLinuxNetwork(d *decoder, v *specs.LinuxNetwork) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "classID":
			decodePointerUint32(d, &v.ClassID)
		case "priorities":
			decodeListLinuxInterfacePriority(d, &v.Priorities)
		default:
			d.giveUp()
		}
	}
}

func decodePointerLinuxNetwork(d *decoder, v **specs.LinuxNetwork) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.LinuxNetwork)
	}
	decodeLinuxNetwork(d, *v)
}

func decodeLinuxRdma(d *decoder, v *specs.LinuxRdma) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "hcaHandles":
			decodePointerUint32(d, &v.HcaHandles)
		case "hcaObjects":
			decodePointerUint32(d, &v.HcaObjects)
		default:
			d.giveUp()
		}
	}
}

func decodeMapStringLinuxRdma(d *decoder, v *map[string]specs.LinuxRdma) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = make(map[string]specs.LinuxRdma)
	}
	for first := true; d.member(first); first = false {
		key := d.key()
		var item specs.LinuxRdma
		decodeLinuxRdma(d, &item)
		(*v)[string(key)] = item
	}
}

func decodeLinuxResources(d *decoder, v *specs.LinuxResources) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "devices":
			decodeListLinuxDeviceCgroup(d, &v.Devices)
		case "memory":
			decodePointerLinuxMemory(d, &v.Memory)
		case "cpu":
			decodePointerLinuxCPU(d, &v.CPU)
		case "pids":
			decodePointerLinuxPids(d, &v.Pids)
		case "blockIO":
			decodePointerLinuxBlockIO(d, &v.BlockIO)
		case "hugepageLimits":
			decodeListLinuxHugepageLimit(d, &v.HugepageLimits)
		case "network":
			decodePointerLinuxNetwork(d, &v.Network)
		case "rdma":
			decodeMapStringLinuxRdma(d, &v.Rdma)
		case "unified":
			decodeMapStringString(d, &v.Unified)
		default:
			d.giveUp()
		}
	}
}

func decodePointerLinuxResources(d *decoder, v **specs.LinuxResources) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.LinuxResources)
	}
	decodeLinuxResources(d, *v)
}

func decodeLinuxNamespaceType(d *decoder, v *specs.LinuxNamespaceType) {
	if !d.null() {
		*v = specs.LinuxNamespaceType(d.text())
	}
}

func decodeLinuxNamespace(d *decoder, v *specs.LinuxNamespace) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "type":
			decodeLinuxNamespaceType(d, &v.Type)
		case "path":
			decodeString(d, &v.Path)
		default:
			d.giveUp()
		}
	}
}

func decodeListLinuxNamespace(d *decoder, v *[]specs.LinuxNamespace) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.LinuxNamespace, 0, 4)
	for first := true; d.element(first); first = false {
		d.object()
		var item specs.LinuxNamespace
		decodeLinuxNamespace(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeFileMode(d *decoder, v *fs.FileMode) {
	if !d.null() {
		*v = fs.FileMode(d.unsigned(32))
	}
}

func decodePointerFileMode(d *decoder, v **fs.FileMode) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(fs.FileMode)
	}
	decodeFileMode(d, *v)
}

func decodeLinuxDevice(d *decoder, v *specs.LinuxDevice) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "path":
			decodeString(d, &v.Path)
		case "type":
			decodeString(d, &v.Type)
		case "major":
			decodeInt64(d, &v.Major)
		case "minor":
			decodeInt64(d, &v.Minor)
		case "fileMode":
			decodePointerFileMode(d, &v.FileMode)
		case "uid":
			decodePointerUint32(d, &v.UID)
		case "gid":
			decodePointerUint32(d, &v.GID)
		default:
			d.giveUp()
		}
	}
}

func decodeListLinuxDevice(d *decoder, v *[]specs.LinuxDevice) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.LinuxDevice, 0, 4)
	for first := true; d.element(first); first = false {
		d.object()
		var item specs.LinuxDevice
		decodeLinuxDevice(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeLinuxNetDevice(d *decoder, v *specs.LinuxNetDevice) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "name":
			decodeString(d, &v.Name)
		default:
			d.giveUp()
		}
	}
}

func decodeMapStringLinuxNetDevice(d *decoder, v *map[string]specs.LinuxNetDevice) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = make(map[string]specs.LinuxNetDevice)
	}
	for first := true; d.member(first); first = false {
		key := d.key()
		var item specs.LinuxNetDevice
		decodeLinuxNetDevice(d, &item)
		(*v)[string(key)] = item
	}
}

func decodeLinuxSeccompAction(d *decoder, v *specs.LinuxSeccompAction) {
	if !d.null() {
		*v = specs.LinuxSeccompAction(d.text())
	}
}

func decodePointerUint(d *decoder, v **uint) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(uint)
	}
	decodeUint(d, *v)
}

func decodeArch(d *decoder, v *specs.Arch) {
	if !d.null() {
		*v = specs.Arch(d.text())
	}
}

func decodeListArch(d *decoder, v *[]specs.Arch) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.Arch, 0, 4)
	for first := true; d.element(first); first = false {
		var item specs.Arch
		decodeArch(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeLinuxSeccompFlag(d *decoder, v *specs.LinuxSeccompFlag) {
	if !d.null() {
		*v = specs.LinuxSeccompFlag(d.text())
	}
}

func decodeListLinuxSeccompFlag(d *decoder, v *[]specs.LinuxSeccompFlag) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.LinuxSeccompFlag, 0, 4)
	for first := true; d.element(first); first = false {
		var item specs.LinuxSeccompFlag
		decodeLinuxSeccompFlag(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeLinuxSeccompOperator(d *decoder, v *specs.LinuxSeccompOperator) {
	if !d.null() {
		*v = specs.LinuxSeccompOperator(d.text())
	}
}

func decodeLinuxSeccompArg(d *decoder, v *specs.LinuxSeccompArg) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "index":
			decodeUint(d, &v.Index)
		case "value":
			decodeUint64(d, &v.Value)
		case "valueTwo":
			decodeUint64(d, &v.ValueTwo)
		case "op":
			decodeLinuxSeccompOperator(d, &v.Op)
		default:
			d.giveUp()
		}
	}
}

func decodeListLinuxSeccompArg(d *decoder, v *[]specs.LinuxSeccompArg) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.LinuxSeccompArg, 0, 4)
	for first := true; d.element(first); first = false {
		d.object()
		var item specs.LinuxSeccompArg
		decodeLinuxSeccompArg(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeLinuxSyscall(d *decoder, v *specs.LinuxSyscall) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "names":
			decodeListString(d, &v.Names)
		case "action":
			decodeLinuxSeccompAction(d, &v.Action)
		case "errnoRet":
			decodePointerUint(d, &v.ErrnoRet)
		case "args":
			decodeListLinuxSeccompArg(d, &v.Args)
		default:
			d.giveUp()
		}
	}
}

func decodeListLinuxSyscall(d *decoder, v *[]specs.LinuxSyscall) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.LinuxSyscall, 0, 4)
	for first := true; d.element(first); first = false {
		d.object()
		var item specs.LinuxSyscall
		decodeLinuxSyscall(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeLinuxSeccomp(d *decoder, v *specs.LinuxSeccomp) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "defaultAction":
			decodeLinuxSeccompAction(d, &v.DefaultAction)
		case "defaultErrnoRet":
			decodePointerUint(d, &v.DefaultErrnoRet)
		case "architectures":
			decodeListArch(d, &v.Architectures)
		case "flags":
			decodeListLinuxSeccompFlag(d, &v.Flags)
		case "listenerPath":
			decodeString(d, &v.ListenerPath)
		case "listenerMetadata":
			decodeString(d, &v.ListenerMetadata)
		case "syscalls":
			decodeListLinuxSyscall(d, &v.Syscalls)
		default:
			d.giveUp()
		}
	}
}

func decodePointerLinuxSeccomp(d *decoder, v **specs.LinuxSeccomp) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.LinuxSeccomp)
	}
	decodeLinuxSeccomp(d, *v)
}

func decodeLinuxIntelRdt(d *decoder, v *specs.LinuxIntelRdt) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "closID":
			decodeString(d, &v.ClosID)
		case "schemata":
			decodeListString(d, &v.Schemata)
		case "l3CacheSchema":
			decodeString(d, &v.L3CacheSchema)
		case "memBwSchema":
			decodeString(d, &v.MemBwSchema)
		case "enableMonitoring":
			decodeBool(d, &v.EnableMonitoring)
		default:
			d.giveUp()
		}
	}
}

func decodePointerLinuxIntelRdt(d *decoder, v **specs.LinuxIntelRdt) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.LinuxIntelRdt)
	}
	decodeLinuxIntelRdt(d, *v)
}

func decodeMemoryPolicyModeType(d *decoder, v *specs.MemoryPolicyModeType) {
	if !d.null() {
		*v = specs.MemoryPolicyModeType(d.text())
	}
}

func decodeMemoryPolicyFlagType(d *decoder, v *specs.MemoryPolicyFlagType) {
	if !d.null() {
		*v = specs.MemoryPolicyFlagType(d.text())
	}
}

func decodeListMemoryPolicyFlagType(d *decoder, v *[]specs.MemoryPolicyFlagType) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.MemoryPolicyFlagType, 0, 4)
	for first := true; d.element(first); first = false {
		var item specs.MemoryPolicyFlagType
		decodeMemoryPolicyFlagType(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeLinuxMemoryPolicy(d *decoder, v *specs.LinuxMemoryPolicy) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "mode":
			decodeMemoryPolicyModeType(d, &v.Mode)
		case "nodes":
			decodeString(d, &v.Nodes)
		case "flags":
			decodeListMemoryPolicyFlagType(d, &v.Flags)
		default:
			d.giveUp()
		}
	}
}

func decodePointerLinuxMemoryPolicy(d *decoder, v **specs.LinuxMemoryPolicy) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.LinuxMemoryPolicy)
	}
	decodeLinuxMemoryPolicy(d, *v)
}

func decodeLinuxPersonalityDomain(d *decoder, v *specs.LinuxPersonalityDomain) {
	if !d.null() {
		*v = specs.LinuxPersonalityDomain(d.text())
	}
}

func decodeLinuxPersonalityFlag(d *decoder, v *specs.LinuxPersonalityFlag) {
	if !d.null() {
		*v = specs.LinuxPersonalityFlag(d.text())
	}
}

func decodeListLinuxPersonalityFlag(d *decoder, v *[]specs.LinuxPersonalityFlag) {
	if d.null() {
		*v = nil
		return
	}
	if *v != nil {
		d.giveUp()
		return
	}
	list := make([]specs.LinuxPersonalityFlag, 0, 4)
	for first := true; d.element(first); first = false {
		var item specs.LinuxPersonalityFlag
		decodeLinuxPersonalityFlag(d, &item)
		list = append(grown(list), item)
	}
	*v = list
}

func decodeLinuxPersonality(d *decoder, v *specs.LinuxPersonality) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "domain":
			decodeLinuxPersonalityDomain(d, &v.Domain)
		case "flags":
			decodeListLinuxPersonalityFlag(d, &v.Flags)
		default:
			d.giveUp()
		}
	}
}

func decodePointerLinuxPersonality(d *decoder, v **specs.LinuxPersonality) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.LinuxPersonality)
	}
	decodeLinuxPersonality(d, *v)
}

func decodeLinuxTimeOffset(d *decoder, v *specs.LinuxTimeOffset) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "secs":
			decodeInt64(d, &v.Secs)
		case "nanosecs":
			decodeUint32(d, &v.Nanosecs)
		default:
			d.giveUp()
		}
	}
}

func decodeMapStringLinuxTimeOffset(d *decoder, v *map[string]specs.LinuxTimeOffset) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = make(map[string]specs.LinuxTimeOffset)
	}
	for first := true; d.member(first); first = false {
		key := d.key()
		var item specs.LinuxTimeOffset
		decodeLinuxTimeOffset(d, &item)
		(*v)[string(key)] = item
	}
}

func decodeLinux(d *decoder, v *specs.Linux) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "uidMappings":
			decodeListLinuxIDMapping(d, &v.UIDMappings)
		case "gidMappings":
			decodeListLinuxIDMapping(d, &v.GIDMappings)
		case "sysctl":
			decodeMapStringString(d, &v.Sysctl)
		case "resources":
			decodePointerLinuxResources(d, &v.Resources)
		case "cgroupsPath":
			decodeString(d, &v.CgroupsPath)
		case "namespaces":
			decodeListLinuxNamespace(d, &v.Namespaces)
		case "devices":
			decodeListLinuxDevice(d, &v.Devices)
		case "netDevices":
			decodeMapStringLinuxNetDevice(d, &v.NetDevices)
		case "seccomp":
			decodePointerLinuxSeccomp(d, &v.Seccomp)
		case "rootfsPropagation":
			decodeString(d, &v.RootfsPropagation)
		case "maskedPaths":
			decodeListString(d, &v.MaskedPaths)
		case "readonlyPaths":
			decodeListString(d, &v.ReadonlyPaths)
		case "mountLabel":
			decodeString(d, &v.MountLabel)
		case "intelRdt":
			decodePointerLinuxIntelRdt(d, &v.IntelRdt)
		case "memoryPolicy":
			decodePointerLinuxMemoryPolicy(d, &v.MemoryPolicy)
		case "personality":
			decodePointerLinuxPersonality(d, &v.Personality)
		case "timeOffsets":
			decodeMapStringLinuxTimeOffset(d, &v.TimeOffsets)
		default:
			d.giveUp()
		}
	}
}

func decodePointerLinux(d *decoder, v **specs.Linux) {
	if d.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(specs.Linux)
	}
	decodeLinux(d, *v)
}

func decodeSpec(d *decoder, v *specs.Spec) {
	if d.null() {
		return
	}
	for first := true; d.member(first); first = false {
		switch d.key() {
		case "ociVersion":
			decodeString(d, &v.Version)
		case "process":
			decodePointerProcess(d, &v.Process)
		case "root":
			decodePointerRoot(d, &v.Root)
		case "hostname":
			decodeString(d, &v.Hostname)
		case "domainname":
			decodeString(d, &v.Domainname)
		case "mounts":
			decodeListMount(d, &v.Mounts)
		case "hooks":
			decodePointerHooks(d, &v.Hooks)
		case "annotations":
			decodeMapStringString(d, &v.Annotations)
		case "linux":
			decodePointerLinux(d, &v.Linux)
		default:
			d.giveUp()
		}
	}
}
