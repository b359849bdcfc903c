# shellcheck shell=bash
# shellcheck disable=SC2154 # variables of vm.sh
# Makes the machine's kernel from Debian's: uncompressed, with a small initramfs and an image of its modules, in the cache.

kernel_package=linux-image-amd64 # the cloud kernel has no 9p
# The modules that the initramfs loads. The kernel loads others through modprobe when it needs them.
boot_modules=(virtio_pci virtio_blk crc32c_generic ext4 virtio_console 9pnet_virtio 9p overlay)

# build_kernel sets $kernel to the directory with vmlinux, initrd and modules.ext4, and makes it if it is missing.
build_kernel() {
	local dir=$work/kernel image release
	kernel=$cache/kernel-$(hash_of "${suites[$system]}" "$(cat "$here/kernel.sh" "$here/guest/init")")
	[ ! -d "$kernel" ] || return 0
	need busybox cpio depmod modprobe dpkg-deb mke2fs xz
	note "building ${kernel##*/}"
	mkdir -p "$dir"/{set,deb,initrd/{bin,dev,proc,sys,root,mod}}
	"$here/../../scripts/packages.sh" "${suites[$system]}" amd64 "$dir/deb" "$kernel_package" >&2 ||
		lacks "a mirror with $kernel_package of Debian's ${suites[$system]} that can be reached"
	image=$(echo "$dir"/deb/boot/vmlinuz-*)
	release=${image##*/vmlinuz-}
	make_modules "$dir" "$release"
	make_initrd "$dir" "$release"

	# Unpacking the kernel here saves seconds at each emulated boot.
	if ! unpack_kernel "$image" >"$dir/set/vmlinux" || ! probe tcg "$dir/set" 120; then
		note "kernel $release is booted compressed"
		cp "$image" "$dir/set/vmlinux"
		probe tcg "$dir/set" 240 || lacks "a machine that QEMU can boot: kernel $release does not"
	fi
	mv "$dir/set" "$kernel"
	rm -rf "$dir"
}

# Makes the image with all modules except drivers of hardware that this machine cannot have.
make_modules() { # DIR RELEASE
	local from=$1/deb/lib/modules/$2 to=$1/lib/modules/$2
	[ -d "$from" ] || from=$1/deb/usr/lib/modules/$2
	mkdir -p "$to"
	tar -C "$from" -c --exclude=./{build,source} \
		--exclude=./kernel/{sound,drivers/{ata,gpu,hwmon,iio,infiniband,input,isdn,media,mfd,scsi,staging,usb}} \
		--exclude=./kernel/drivers/net/{ethernet,phy,usb,wireless} . | tar -C "$to" -x
	depmod -b "$1" "$2"
	make_ext4 "$1/lib/modules" "$1/set/modules.ext4" "$(($(du -sm "$to" | cut -f1) * 5 / 4 + 16))M"
}

make_initrd() { # DIR RELEASE
	local module path initrd=$1/initrd
	for module in "${boot_modules[@]}"; do
		modprobe -d "$1" -S "$2" --show-depends "$module" || die "kernel $2 has no module $module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$work/modules"
	while read -r path; do
		module=${path##*/}
		case $path in
		*.xz) xz -dc "$path" >"$initrd/mod/${module%.xz}" ;;
		*) cp "$path" "$initrd/mod/" ;;
		esac
		echo "${module%.xz}" >>"$initrd/mod/order"
	done <"$work/modules"
	cp "$(command -v busybox)" "$initrd/bin/busybox"
	install -m 0755 "$here/guest/init" "$initrd/init"
	(cd "$initrd" && find . | cpio -o -H newc --quiet -R 0:0) >"$1/set/initrd"
}

# Prints the uncompressed payload of a bzImage (x86 boot protocol 2.08, Documentation/arch/x86/boot.rst).
unpack_kernel() { # FILE
	local start length
	start=$((($(number_at "$1" 497 1) + 1) * 512 + $(number_at "$1" 584 4)))
	length=$(($(number_at "$1" 588 4) - 4))
	case $(od -An -t x1 -j $start -N 4 "$1" | tr -d ' ') in
	fd377a58) slice "$1" $start $length | xz -dc ;;
	28b52ffd) slice "$1" $start $length | zstd -qdc ;;
	1f8b*) slice "$1" $start $length | gzip -dc ;;
	*) return 1 ;;
	esac
}

number_at() { # FILE OFFSET SIZE
	od -An -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '
}

slice() { # FILE OFFSET SIZE
	dd if="$1" bs=1M iflag=skip_bytes,count_bytes,fullblock skip="$2" count="$3" status=none
}
