# shellcheck shell=bash
# Lists what a build needs, how to find it, and which packages have it. The functions look for what the build uses (a command,
# a header, a library that links) and never for a package, because package names differ between distributions.

# Name | function that looks for it | packages of Debian | of Fedora | of Alpine | of Arch. "-" means that there is none.
# shellcheck disable=SC2034 # used by scripts/install-deps.sh
needs_of_build=(
	'a C compiler|has_compiler|gcc|gcc|gcc|gcc'
	'headers of the C library and of Linux 5.9|has_headers|libc6-dev|glibc-devel kernel-headers|musl-dev linux-headers|glibc linux-api-headers'
	'pkg-config|has_pkg_config|pkg-config|pkgconf-pkg-config|pkgconf|pkgconf'
	'headers of libseccomp|has_seccomp|libseccomp-dev|libseccomp-devel|libseccomp-dev|libseccomp'
	'Go|has_go|golang-go|golang|go|go'
	'certificates, to fetch Go modules with|has_modules|ca-certificates|ca-certificates|ca-certificates|ca-certificates'
)
# shellcheck disable=SC2034
needs_of_static=(
	'a static C library|has_static_libc|libc6-dev musl-tools|glibc-static|musl-dev|glibc'
	'a static libseccomp|has_static_seccomp|libseccomp-dev|libseccomp-static|libseccomp-static|-'
)
# shellcheck disable=SC2034
needs_of_run=(
	'a static busybox|has_busybox|busybox-static|busybox|busybox-static|busybox'
	'jq|has_jq|jq|jq|jq|jq'
	'perl|has_perl|perl-base|perl|perl|perl'
)

has_command() {
	command -v "$1" >/dev/null
}

has_pkg_config() { has_command pkg-config; }
has_jq() { has_command jq; }
has_perl() { has_command perl; }

has_compiler() {
	local cc
	read -ra cc <<<"$(compiler)"
	has_command "${cc[0]}"
}

# Any version is enough: scripts/go fetches a newer one if needed.
has_go() {
	has_command go || [ -x /usr/local/go/bin/go ]
}

has_headers() {
	compiles 'int main(void) { return 0; }' -fsyntax-only
}

has_seccomp() {
	has_pkg_config && pkg-config --exists libseccomp && compiles "$seccomp_program" -fsyntax-only
}

has_static_libc() {
	compiles 'int main(void) { return 0; }' -static
}

has_static_seccomp() {
	compiles "$seccomp_program" -static "$(seccomp_archive 2>/dev/null)"
}

# shellcheck disable=SC2154 # $repo is that of scripts/lib.sh
# A source tarball contains the modules, and earlier builds have fetched them. Otherwise https needs certificates.
has_modules() {
	local file
	[ ! -d "$repo/vendor" ] || return 0
	for file in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem \
		/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /etc/ssl/cert.pem; do
		[ ! -s "$file" ] || return 0
	done
	has_go && (cd "$repo" && GOPROXY=off GOTOOLCHAIN=local scripts/go list -deps . >/dev/null 2>&1)
}

has_busybox() {
	static_busybox >/dev/null
}

# Prints the compiler that scripts/build.sh uses for the machine's own architecture.
compiler() {
	if [ -z "${CC:-}" ] && [ "${RUNG_LIBC:-musl}" = musl ] && has_command musl-gcc; then
		echo musl-gcc
	else
		echo "${CC:-gcc}"
	fi
}

# A distribution's libseccomp may need a function of glibc. rung has its own for musl: libcontainer/seccomp/musl.go.
seccomp_program='#include <seccomp.h>
#ifndef __GLIBC__
int __fprintf_chk(void *file, int flag, const char *format) { return !file + flag + !format; }
#endif
int main(void) { return seccomp_init(SCMP_ACT_KILL) == 0; }'

compiles() { # PROGRAM [FLAG OR LIBRARY]...
	local cc flags=() dir status
	read -ra cc <<<"$(compiler)"
	has_command "${cc[0]}" || return
	# As in scripts/build.sh, the headers of the kernel and of libseccomp come after those of musl.
	[ "${cc[0]}" != musl-gcc ] || flags=(-idirafter /usr/include -idirafter "/usr/include/$(gcc -print-multiarch)")
	dir=$(mktemp -d)
	# shellcheck disable=SC2046 # flags
	printf '#include <linux/close_range.h>\n#include <linux/mount.h>\n#include <linux/openat2.h>\n%s\n' "$1" |
		"${cc[@]}" "${flags[@]}" $(pkg-config --cflags libseccomp 2>/dev/null) -x c - -x none "${@:2}" -o "$dir/program" >/dev/null 2>&1
	status=$?
	rm -r "$dir"
	return $status
}

# Prints the path of libseccomp.a in the compiler's library directories.
seccomp_archive() {
	local cc
	read -ra cc <<<"${CC:-gcc}"
	"${cc[@]}" -print-file-name=libseccomp.a
}
