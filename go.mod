module rung

go 1.24.0

require (
	github.com/containerd/console v1.0.5
	github.com/opencontainers/runtime-spec v1.3.0
	github.com/seccomp/libseccomp-golang v0.11.1
	github.com/urfave/cli/v3 v3.14.0
	golang.org/x/sys v0.41.0
)

require github.com/hanwen/go-fuse/v2 v2.12.1

require (
	github.com/checkpoint-restore/go-criu/v8 v8.2.0
	github.com/cilium/ebpf v0.21.0
	github.com/docker/go-units v0.5.0
	github.com/moby/sys/mountinfo v0.7.3
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3
	google.golang.org/protobuf v1.36.11
)

require golang.org/x/text v0.14.0 // indirect
