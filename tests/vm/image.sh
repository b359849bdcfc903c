# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of vm.sh
# Makes the machine's root file system: Debian by mmdebstrap, as an ext4 image in the cache.

declare -A suites=([12]=bookworm [13]=trixie)
# All systems use bats of Debian 12: bats 1.11 takes three times longer to read a file, and reads it again for each test.
packages=(
	systemd systemd-sysv dbus dbus-broker dbus-user-session libpam-systemd kmod apparmor bats/bookworm busybox-static ca-certificates criu
	iproute2 iptables libcap2-bin procps strace uidmap util-linux
)
# Added with --image engines, for tests/engines/vm.
engine_packages=(
	aardvark-dns buildah catatonit conmon containerd containernetworking-plugins crun docker.io fuse-overlayfs netavark nftables passt
	podman runc skopeo slirp4netns socat tini umoci
)
selinux_packages=(runc secilc) # with --lsm selinux
guest_user=rootless # uid 1000, subordinate ids from 100000
disk_size=8G        # sparse

# build_image sets $image, and makes the image if the cache has none with these packages and files.
build_image() {
	local root=$work/root suite=${suites[$system]} sources files=("$here/image.sh" "$here"/guest/{agent,pump} "$unstable")
	[ "$system" = 12 ] || engine_packages+=(docker-cli) # on Debian 12 docker.io contains it
	[ "$packages_for" != engines ] || packages+=("${engine_packages[@]}")
	[ "$lsm" != selinux ] || packages+=("${selinux_packages[@]}") files+=("$here/guest/policy.cil")
	image=$cache/root-$(hash_of "$suite" "${packages[*]}" "$(cat "${files[@]}")").ext4
	[ ! -f "$image" ] || return 0
	need mmdebstrap mke2fs
	[ "$(id -u)" = 0 ] || die 'to build the image needs root (to run it does not)'
	sources=$(suite_source bookworm && if [ "$suite" != bookworm ]; then suite_source "$suite"; fi) || lacks "an apt source of Debian's packages"
	note "building ${image##*/}"
	"$unstable" jq "$cache/tools/jq" >/dev/null || packages+=(jq)
	mmdebstrap --quiet --mode=root --variant=minbase --include="$(IFS=, && echo "${packages[*]}")" \
		--aptopt='APT::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook="chroot \"\$1\" useradd -m -s /bin/bash -u 1000 $guest_user" \
		--customize-hook="chroot \"\$1\" usermod -v 100000-165535 -w 100000-165535 $guest_user" \
		"$suite" "$root" "$sources" >&2 || without_image
	configure_root "$root"
	[ "$packages_for" != engines ] || add_group "$root"
	[ ! -d "$cache/tools/jq" ] || add_jq "$root"
	[ "$lsm" != selinux ] || add_policy "$root"
	make_ext4 "$root" "$work/root.ext4" "$disk_size"
	mv "$work/root.ext4" "$image"
	rm -rf "$root"
}

# Finds out why mmdebstrap failed: the mirror cannot be reached, or another reason.
without_image() {
	local mirror
	mirror=$(debian_mirror) || die 'mmdebstrap failed'
	/usr/lib/apt/apt-helper download-file "${mirror%/}/dists/$suite/InRelease" "$work/InRelease" >&2 ||
		lacks "a mirror with Debian's $suite that can be reached"
	die 'mmdebstrap failed'
}

# Makes an image without journal and checksums, because all writes of a run are discarded.
make_ext4() { # DIR FILE SIZE
	mke2fs -q -F -t ext4 -d "$1" -m 0 -O ^has_journal,^metadata_csum,^resize_inode \
		-E lazy_itable_init=0,root_owner=0:0 "$2" "$3" >&2 || die 'mke2fs failed'
}

configure_root() { # DIR
	local root=$1 generator
	echo vm >"$root/etc/hostname"
	printf '127.0.0.1 localhost vm\n::1 localhost\n' >"$root/etc/hosts"
	echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
	: >"$root/etc/fstab"
	: >"$root/etc/resolv.conf"
	mkdir -p "$root"/usr/lib/modules "$root"/usr/local/lib/vm \
		"$root"/etc/systemd/{journald.conf.d,system-generators,system/{user@,dbus-broker}.service.d}
	install -m 0755 "$here/guest/agent" "$here/guest/pump" "$root/usr/local/lib/vm/"

	# The machine starts only the units of vm.target, because each unit and each generator takes time under emulation. The archive
	# keeps the other units for containers that boot systemd.
	(cd "$root" && tar -cf usr/local/lib/vm/wants.tar etc/systemd/system/*.wants lib/systemd/system/*.wants)
	rm -rf "$root"/{etc,lib}/systemd/system/*.{wants,requires}
	for generator in "$root"/lib/systemd/system-generators/*; do
		ln -s /dev/null "$root/etc/systemd/system-generators/${generator##*/}"
	done
	rm -f "$root"/etc/systemd/{system,user}/dbus.service # dbus-daemon, unless the kernel's command line asks for dbus-broker
	ln -sf /lib/systemd/system/vm.target "$root/etc/systemd/system/default.target"
	printf '[Journal]\nStorage=volatile\n' >"$root/etc/systemd/journald.conf.d/vm.conf"
	# Users get every controller, as on machines that are set up for rootless containers.
	printf '[Service]\nDelegate=yes\n' >"$root/etc/systemd/system/user@.service.d/delegate.conf"
	# dbus-broker starts before / is writable, and a private /tmp or /dev would need a new directory.
	printf '[Service]\nPrivateTmp=no\nPrivateDevices=no\n' >"$root/etc/systemd/system/dbus-broker.service.d/vm.conf"
	write_units "$root/lib/systemd/system"
}

# Gives the user a supplementary group that his subordinate ids do not cover, and a directory that only its members can enter, for
# keep-groups.
add_group() { # DIR
	chroot "$1" groupadd -g 4000 shared
	chroot "$1" usermod -a -G shared "$guest_user"
	install -d -m 0770 -g 4000 "$1/srv/shared"
	echo of the group >"$1/srv/shared/file"
}

add_jq() { # DIR
	cp -a "$cache/tools/jq" "$1/opt/"
	sed "s|$cache/tools/jq|/opt/jq|g" "$cache/tools/jq/bin/jq" >"$1/opt/jq/bin/jq"
	ln -s /opt/jq/bin/jq "$1/usr/bin/jq"
}

# Adds the policy, which systemd loads. No file on the disk has a label; the policy has a label for such files.
add_policy() { # DIR
	local dir=etc/selinux/rung
	mkdir -p "$1/$dir"/{policy,contexts/files}
	printf 'SELINUX=permissive\nSELINUXTYPE=rung\n' >"$1/etc/selinux/config"
	echo '<busconfig><selinux></selinux></busconfig>' >"$1/$dir/contexts/dbus_contexts"
	cp "$here/guest/policy.cil" "$1/$dir/"
	chroot "$1" secilc -M true -U allow -c 33 -o /$dir/policy/policy.33 -f /$dir/contexts/files/file_contexts /$dir/policy.cil ||
		die 'secilc failed'
}

write_units() { # DIR
	cat >"$1/vm.target" <<-'UNIT'
		[Unit]
		Description=Machine for one command
		Requires=dbus.socket systemd-journald.socket systemd-journald-dev-log.socket
		Wants=dbus.service vm-agent.service
		AllowIsolate=yes
	UNIT
	cat >"$1/vm-agent.service" <<-'UNIT'
		[Unit]
		Description=The command from the host
		Requires=dbus.socket
		After=dbus.socket dbus.service
		[Service]
		ExecStart=/usr/local/lib/vm/agent
		StandardOutput=tty
		StandardError=tty
		TTYPath=/dev/console
		Delegate=yes
		KillMode=process
		LimitNOFILE=1048576
	UNIT
}
