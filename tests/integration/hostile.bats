#!/usr/bin/env bats
# Hostile images: rung reads a bounded part of an image, and opens a file only after a check of its type.

load helpers

# Makes an /etc/passwd with a command, and runs a container that prints HOME. Without HOME in the environment rung reads the file.
home_with() { # COMMAND THAT MAKES $ROOTFS/etc/passwd...
	rm -rf "$ROOTFS/etc/passwd"
	"$@"
	config '.process.env = ["PATH=/bin"]'
	inside 'echo "HOME=$HOME"'
}

fifo_passwd() { mkfifo "$ROOTFS/etc/passwd"; }
link_passwd() { ln -s "$1" "$ROOTFS/etc/passwd"; }
device_passwd() { mknod "$ROOTFS/etc/passwd" c 10 237; }

# bats test_tags=user
@test "CVE-2026-135844: a passwd of 100 MB costs no more than the 4 MiB that are read" {
	own_rootfs
	config '.process.env = ["PATH=/bin"]'
	head -c 100000000 /dev/zero | tr '\0' '\n' >"$ROOTFS/etc/passwd"
	echo 'root:x:0:0::/behind:/bin/sh' >>"$ROOTFS/etc/passwd"
	inside 'echo "HOME=$HOME"'
	says 'HOME=/'
	process sleep 1000
	start_container
	exec_in sh -c 'echo "HOME=$HOME"'
	says 'HOME=/'
	# Counts what rung reads: the host pays for it, and the container waits for it.
	needs_command strace
	run strace -f -e trace=read,pread64,mmap -o "$BATS_TEST_TMPDIR/trace" "$RUNG" --root "$STATE" exec "$ID" true
	[ "$status" -eq 0 ] || skip 'needs the right to trace'
	[ "$(awk '/read/ && $NF ~ /^[0-9]+$/ { n += $NF } END { print n + 0 }' "$BATS_TEST_TMPDIR/trace")" -lt 6000000 ]
}

# bats test_tags=user
@test "a passwd that is a FIFO, a link to nothing, to a directory or to what waits: not opened, no hang" {
	own_rootfs
	local kind
	home_with fifo_passwd
	says 'HOME=/'
	for kind in /nothing /etc /proc/kmsg /proc/self/fd/0 /dev/console /dev/tty /proc/sysrq-trigger; do
		home_with link_passwd $kind
		says 'HOME=/'
	done
	home_with link_passwd ../../../../etc/group # the link stays inside the root, and that file lists no user
	says 'HOME=/'
}

# bats test_tags=user
@test "a passwd whose line of the user has a NUL byte for a home directory" {
	own_rootfs
	config '.process.env = ["PATH=/bin"]'
	printf 'root:x:0:0::/ho\0me:/bin/sh\n' >"$ROOTFS/etc/passwd"
	inside 'echo "HOME=$HOME"'
	says 'HOME=/'
}

@test "a passwd that is a device node of the host is not opened" {
	needs_capability CAP_MKNOD
	needs_command strace
	own_rootfs
	home_with device_passwd
	says 'HOME=/'
	process true
	config '.process.env = ["PATH=/bin"]'
	run strace -f -e trace=open,openat,openat2 -o "$BATS_TEST_TMPDIR/trace" "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 0 ] || skip 'needs the right to trace'
	grep -q 'etc/passwd.*O_PATH' "$BATS_TEST_TMPDIR/trace"
	run awk '/etc\/passwd/ && !/O_PATH/' "$BATS_TEST_TMPDIR/trace"
	says ''
}
