#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq, or by the shell in the container
# linux.maskedPaths and linux.readonlyPaths.

load helpers

# bats test_tags=user
@test "a masked directory is empty and read-only, a masked file is empty" {
	own_rootfs
	mkdir "$ROOTFS/secret" && echo key >"$ROOTFS/secret/key"
	echo key >"$ROOTFS/etc/key"
	config '.linux.maskedPaths += ["/secret", "/etc/key"]'
	inside 'ls -A /secret; cat /etc/key; touch /secret/new 2>&1; echo data >/etc/key; cat /etc/key; stat -c "%t:%T" /etc/key'
	[[ ${lines[0]} == *'Read-only file system' ]]
	[ "${lines[1]}" = 1:3 ]
	[ "${#lines[@]}" -eq 2 ]
	[ "$(cat "$ROOTFS/etc/key")" = key ]
}

# bats test_tags=user
@test "a masked path that does not exist is left out, and not made" {
	own_rootfs
	config '.linux.maskedPaths += ["/not/there"] | .linux.readonlyPaths += ["/not/there/either"]'
	inside '[ ! -e /not ] && echo "there is none"'
	says 'there is none'
	[ ! -e "$ROOTFS/not" ]
}

# Only a missing path may be left unmasked. A path that cannot be resolved would stay visible.
# bats test_tags=user
@test "a masked path whose look-up is refused is an error" {
	own_rootfs
	ln -s /proc/self/root/etc/passwd "$ROOTFS/etc/magic"
	config '.linux.maskedPaths = ["/etc/magic"]'
	refused 'linux.maskedPaths[0]' /etc/magic
}

# bats test_tags=user
@test "the masks of the starter configuration" {
	inside 'cat /proc/keys /proc/timer_list; for d in /proc/acpi /proc/scsi /sys/firmware; do [ ! -d $d ] || ls -A $d; done'
	says ''
}

# bats test_tags=user
@test "a read-only path can be read, with all below it not written" {
	own_rootfs
	mkdir -p "$ROOTFS/data/deep" && echo text >"$ROOTFS/data/deep/file"
	config '.linux.readonlyPaths += ["/data"]'
	inside 'cat /data/deep/file; echo x 2>/dev/null >/data/deep/file || echo refused; touch /data/new 2>/dev/null || echo refused; touch /etc/new'
	says $'text\nrefused\nrefused'
}

# bats test_tags=user
@test "a read-only file" {
	own_rootfs
	echo text >"$ROOTFS/etc/file"
	config '.linux.readonlyPaths += ["/etc/file"]'
	inside 'cat /etc/file; echo x 2>/dev/null >/etc/file || echo refused'
	says $'text\nrefused'
}

# bats test_tags=user
@test "/proc/sys is read-only in the starter configuration" {
	inside '(echo x >/proc/sys/kernel/domainname) 2>&1 || true'
	[[ $output == *'Read-only file system' || $output == *'Permission denied' ]]
}

# bats test_tags=user
@test "a mask below a mount of the bundle hides what is mounted" {
	mkdir "$BUNDLE/data" && echo key >"$BUNDLE/data/key"
	add_mount "{\"destination\": \"/tmp\", \"type\": \"bind\", \"source\": \"$BUNDLE/data\", \"options\": [\"rbind\"]}"
	config '.linux.maskedPaths += ["/tmp/key"]'
	inside 'cat /tmp/key; ls /tmp'
	says key
}

# kubernetes#138512: an additional mask must be cheap, and 300 must fit.
@test "300 masked paths" {
	needs_root
	own_rootfs
	local i
	for i in {1..300}; do mkdir "$ROOTFS/tmp/$i" && touch "$ROOTFS/tmp/$i/x"; done
	config '.linux.maskedPaths += [range(1; 301) | "/tmp/\(.)"]'
	inside 'ls /tmp/*/x 2>/dev/null | wc -l; cut -d" " -f5 /proc/self/mountinfo | grep -c "^/tmp/"'
	says $'0\n300'
}

@test "masks need a mount namespace" {
	needs_root
	config 'del(.linux.namespaces[] | select(.type == "mount")) | .mounts = []'
	refused linux.maskedPaths
}

@test "the root itself: it can be made read-only, and not be masked" {
	needs_root
	own_rootfs
	inside 'touch /written'
	config '.linux.readonlyPaths += ["/"]'
	inside 'touch /new 2>&1 || true'
	mentions 'Read-only file system'
	config '.linux.maskedPaths += ["/./"]'
	refused 'linux.maskedPaths[' 'the root itself cannot be masked'
}
