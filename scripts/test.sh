#!/usr/bin/env bash
# Runs the tests and counts them. Every part prints its failures. The end lists the skipped tests with reasons and the
# failed ones, and the last line is the sum, "N passed, N failed" or "N passed, N failed, N skipped".
#
#   test.sh [unit] [nsenter] [integration] [compat] [faults] [engines] [vm] [vm-engines] [arch] [cross] [lint] [other-debian]
#
# Default: all parts but vm-engines and arch. RUNG_TEST_RESULTS=FILE writes a line for each test to FILE, tab-separated: pass,
# fail or skip; part; name; reason.
#
# The integration tests run twice. Root runs all tests but those tagged user-only. A plain user with subordinate ids runs the
# tests tagged user or user-only (`# bats test_tags=user`). The tests find rung in $RUNG, the programs of tests/cmd in
# $RUNG_TEST_COMMANDS and the tree in $RUNG_SOURCE.
#
# The part engines runs the tests tagged smoke. ENGINE_CASES=all runs all of them (`make test-engines`), and any other value
# the tests whose names match it as a regular expression. The results are in build/engines/results.tsv.
#
# The part vm runs the tests tagged vm in the machine of tests/vm: Debian 13, pure cgroup v2, as root and as a user with
# systemd's user manager. VM_CASES changes what it runs:
#   suite (`make test-vm`)              the whole suite there, the SELinux tests, and the tests of cgroups on Debian 12 with v1
#   selinux (`make test-vm-selinux`)    the SELinux tests only
#   all (`make test-vm-all`)            all of these, also on Debian 12 with every cgroup layout, and the engines
# The part vm-engines runs the engines under systemd in that machine (`make test-vm-engines`). Its results are in
# build/engines/vm-*.tsv.
#
# The part other-debian builds rung and runs the parts unit and nsenter in a new Debian 13, or in a new Debian 12 on a machine
# with Debian 13 (scripts/debian-root.sh).
#
# The part arch builds all other architectures and runs them under qemu-user. For those in ARCH_MACHINES (default: arm64 and
# riscv64) it also runs the C tests, the Go tests and a suite of containers in emulated machines. The part cross builds three
# architectures and runs them under qemu-user.
set -uo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

cd "$repo" || exit 1
export CGO_ENABLED=1
tags=${TAGS:-netgo,osusergo}
# Tests make device nodes and check the flags of mounts, so /tmp will not do if it is a tmpfs with nodev, as on Debian 13.
tmp=/tmp
if [ "$(stat -f -c %T /tmp)" = tmpfs ] || [[ ,$(findmnt -n -o OPTIONS -T /tmp), = *,nodev,* ]]; then tmp=/var/tmp; fi
umask 022 # so that processes with other ids can read the files of tests
work=$(mktemp -d "$tmp/rung-test.XXXXXX")
results=$work/results # in the form of RUNG_TEST_RESULTS
user=rung-test made_user=
: >"$results"

clean() {
	jobs -rp | xargs -r kill
	[ -z "$made_user" ] || as_root userdel $user >/dev/null 2>&1
	rm -rf --one-file-system "$work" 2>/dev/null || as_root rm -rf --one-file-system "$work"
}
trap clean EXIT

as_root() {
	"$repo/scripts/as-root.sh" "$@"
}

heading() {
	printf '\n== %s\n' "$*"
}

record() { # STATUS PART NAME [REASON]
	printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-}" >>"$results"
}

# ---- the two report formats of tests ------------------------------------------------------------------------------

# go test -json prints an event a line. A package that fails without a failing test (it does not build, or panics) counts
# as one failure. A line that is not JSON is a message of the go command itself.
count_go() { # PART FILE
	local part=$1 file=$2
	jq -rR --arg part "$part" 'fromjson? | select(.Test and (.Action == "pass" or .Action == "fail"))
		| [.Action, $part, "\(.Package) \(.Test)", ""] | @tsv' "$file" >>"$results"
	jq -rnR --arg part "$part" '[inputs | fromjson?] as $events
		| $events[] | select(.Test and .Action == "skip") | . as $test
		| [$events[] | select(.Package == $test.Package and .Test == $test.Test and .Action == "output")
			| .Output | select(test("^ *[a-z_0-9A-Z]+\\.go:[0-9]+: ")) | sub("^ *[^ ]+ "; "") | rtrimstr("\n")] as $why
		| ["skip", $part, "\($test.Package) \($test.Test)", ($why | last // "no reason given")] | @tsv' "$file" >>"$results"
	jq -rnR --arg part "$part" '[inputs | fromjson?] as $events
		| [$events[] | select(.Test and .Action == "fail") | .Package] as $known
		| $events[] | select((.Test | not) and .Action == "fail" and (.Package | IN($known[]) | not))
		| ["fail", $part, .Package, ""] | @tsv' "$file" >>"$results"
	show_go_failures "$file"
}

# Prints the output of each failed test, and all output of a package that failed without a failing test.
show_go_failures() {
	jq -rjnR '[inputs | fromjson?] as $events
		| [$events[] | select(.Test and .Action == "fail") | [.Package, .Test]] as $tests
		| [$events[] | select((.Test | not) and .Action == "fail" and (.Package | IN($tests[][0]) | not)) | .Package] as $packages
		| $events[]
		| select(.Action == "build-output" or (.Action == "output"
			and (([.Package, .Test] | IN($tests[])) or (.Package | IN($packages[])))))
		| .Output' "$1"
	grep -v '^{' "$1" || true
}

# TAP has a line "ok" or "not ok" for each test, and comment lines after a failed one. If the plan promises more tests than
# were reported, that is a failure too.
count_tap() { # PART FILE
	local part=$1
	awk -v part="$part" -v OFS='\t' '
		/^1\.\.[0-9]+/ { planned += substr($1, 4) }
		/^(not )?ok / {
			seen++
			status = /^ok/ ? "pass" : "fail"
			reason = ""
			line = $0
			sub(/^(not )?ok [0-9]+ *(- )?/, "", line)
			if (match(line, / # skip.*/)) {
				status = "skip"
				reason = substr(line, RSTART + 7)
				sub(/^ */, "", reason)
				line = substr(line, 1, RSTART - 1)
				if (reason == "") reason = "no reason given"
			}
			print status, part, line, reason
		}
		END { if (planned > seen) print "fail", part, planned - seen " tests did not report", "" }
	' "$2" >>"$results"
	awk '/^not ok / { print; show = 1; next } /^ok / { show = 0 } /^#/ && show' "$2"
}

# ---- the parts ------------------------------------------------------------------------------------------------------

run_unit() {
	heading 'go test'
	scripts/go test -json -tags "$tags" ./... >"$work/unit" 2>&1
	local status=$?
	count_go unit "$work/unit"
	check_status unit $status
}

run_nsenter() {
	heading 'C stage, with the sanitizers'
	[ -f nsenter/test/Makefile ] || {
		record fail nsenter 'nsenter/test/Makefile is missing'
		return
	}
	make --no-print-directory -C nsenter/test >"$work/nsenter" 2>&1
	local status=$?
	count_tap nsenter "$work/nsenter"
	grep -qE '^(not )?ok ' "$work/nsenter" ||
		record "$([ $status = 0 ] && echo pass || echo fail)" nsenter 'make -C nsenter/test'
	[ $status = 0 ] || grep -vE '^(ok|not ok|#)' "$work/nsenter"
	check_status nsenter $status
}

run_integration() {
	compgen -G 'tests/integration/*.bats' >/dev/null || {
		record fail integration 'no tests/integration/*.bats'
		return
	}
	make --no-print-directory static test-commands || {
		record fail integration 'the build'
		return
	}
	own_tools
	export RUNG=$repo/rung RUNG_TEST_COMMANDS=$repo/build/tests RUNG_SOURCE=$repo
	heading 'bats, as root'
	# env sets TMPDIR, because the loader removes it from the environment of sudo.
	as_root env TMPDIR="$tmp" scripts/bats-files.sh --filter-tags '!user-only' tests/integration/*.bats >"$work/root" </dev/null
	check_bats root $?
	run_as_user
}

# Makes directories and tools in build before root does: the owner of the tree could not remove files of root.
own_tools() {
	mkdir -p build/tools build/engines
	scripts/unstable.sh criu >/dev/null
}

# Runs the tests with a copy of the files that they need: a plain user may not be able to read the tree itself.
run_as_user() {
	local home=$work/user
	grep -lE 'test_tags=.*\buser' tests/integration/*.bats >/dev/null || {
		record fail user 'no test is tagged user'
		return
	}
	heading 'bats, as a plain user'
	chmod 0711 "$work"
	mkdir -p "$home/tree"
	cp -a rung VERSION tests testdata scripts docs man go.mod "$home/tree/"
	[ ! -d build/tests ] || cp -a build/tests "$home/tree/commands"
	if ! id -u $user >/dev/null 2>&1; then
		made_user=yes
		as_root useradd --uid "$plain_uid" --no-create-home --home-dir "$home" --shell /bin/bash $user
	fi
	mkdir -m 0700 "$home/run"
	as_root chown -R $user: "$home"
	# shellcheck disable=SC2016 # expanded by the inner shell
	as_root setpriv --reuid $user --regid $user --init-groups env -i PATH="$PATH" HOME="$home" USER=$user LANG=C.UTF-8 TMPDIR="$tmp" \
		XDG_RUNTIME_DIR="$home/run" RUNG="$home/tree/rung" RUNG_TEST_COMMANDS="$home/tree/commands" \
		RUNG_SOURCE="$home/tree" bash -c 'cd "$RUNG_SOURCE" &&
			exec scripts/bats-files.sh --filter-tags user --filter-tags user-only tests/integration/*.bats' \
		>"$work/plain" </dev/null
	check_bats plain $?
}

# Runs the same command lines with rung and with Debian's runc, then with the newest runc that Go's module proxy has.
run_compat() {
	local newest
	heading 'beside runc'
	make --no-print-directory static || {
		record fail compat 'the build'
		return
	}
	RUNG=$repo/rung as_root timeout -k 30 1500 tests/compat/compare.sh >"$work/compat" 2>"$work/compat.err" </dev/null
	check_bats compat $?
	newest=$(scripts/peers.sh runc 2>"$work/peers.err") || {
		cat "$work/peers.err"
		record skip compat 'the newest runc' "needs the newest runc: $(tail -n 1 "$work/peers.err")"
		return
	}
	heading 'beside the newest runc'
	RUNC=$newest RUNG=$repo/rung as_root timeout -k 30 1500 tests/compat/compare.sh >"$work/newest" 2>"$work/newest.err" </dev/null
	check_bats newest $?
}

check_bats() { # NAME STATUS
	if [ "$2" = 77 ]; then # the machine lacks what the part needs
		record skip "$1" "$1" "$(sed -n 's/^[a-z.]*: //p' "$work/$1.err" | tail -n 1)"
		return
	fi
	count_tap "$1" "$work/$1"
	[ ! -e "$work/$1.err" ] || cat "$work/$1.err"
	check_status "$1" "$2"
}

# Runs a fixed sample of the injections of make faults.
run_faults() {
	heading 'faults: a sample'
	make --no-print-directory static || {
		record fail faults 'the build'
		return
	}
	own_tools
	RUNG=$repo/rung as_root timeout -k 30 1500 scripts/faults.sh sample >"$work/faults" 2>"$work/faults.err" </dev/null
	check_bats faults $?
}

engine_tools() {
	scripts/engine-tools.sh crictl nerdctl buildkitd buildctl && scripts/unstable.sh docker-compose >/dev/null
}

run_engines() {
	local which=(--filter-tags smoke) seconds=1500
	case ${ENGINE_CASES:-smoke} in
	smoke) ;;
	all) which=() seconds=7200 ;;
	*) which=(--filter "$ENGINE_CASES") ;;
	esac
	if ! { make --no-print-directory static test-commands && scripts/install-deps.sh engines && engine_tools; }; then
		record fail engines 'the build, or the engines'
		return
	fi
	own_tools
	[ ${#which[@]} != 0 ] || rm -f build/engines/results.tsv
	export RUNG=$repo/rung RUNG_TEST_COMMANDS=$repo/build/tests RUNG_SOURCE=$repo RUNG_ENGINES_RESULTS=$repo/build/engines/results.tsv
	heading 'bats, under the engines'
	as_root timeout -k 30 "$seconds" bats --formatter tap "${which[@]}" tests/engines >"$work/engines" 2>"$work/engines.err" </dev/null
	check_bats engines $?
}

# If there is no virtual machine (vm.sh's status 77), the tests are skipped: QEMU may be missing, or may not boot under another
# hypervisor.
run_vm() {
	local files vms=() system=13
	make --no-print-directory static test-commands || {
		record fail vm 'the build'
		return
	}
	case ${VM_CASES:-chosen} in
	chosen)
		local vm_seconds=2400 # all of CI has 90 minutes
		has_vm vm --system "$system" || return
		# grep for the files here: in the machine bats takes a minute to look for tags in all files.
		mapfile -t files < <(tagged vm)
		in_vm v2 root --filter-tags '!user-only,vm' "${files[@]}"
		in_vm v2 user --filter-tags user-only,vm --filter-tags user,vm "${files[@]}"
		mapfile -t files < <(tagged smp)
		cpus=2 in_vm v2 root --filter-tags smp "${files[@]}"
		;;
	suite)
		has_vm vm --system "$system" || return
		in_parts v2 root
		in_vm v2 user
		on_two_cpus v2
		over_broker
		with_selinux
		# v1 is tested on Debian 12: the kernel of 13 has neither memory nor cpuset on v1, and the next systemd has no v1. Only
		# test-vm-all runs the rest, so that this run takes less than half an hour.
		system=12
		has_vm vm --system 12 --cpus 1 --cgroup v1 &&
			in_vm v1 root tests/integration/{cgroups,delegation,delete,events,exec-cgroup,kill,pause,systemd,update}.bats
		;;
	selinux) with_selinux ;;
	all)
		for system in 13 12; do
			all_of_system
		done
		;;
	*) die "VM_CASES=$VM_CASES: not chosen, suite, selinux or all" ;;
	esac
	check_vms
}

tagged() { # TAG
	grep -lE "_tags=.*\b$1\b" tests/integration/*.bats
}

# Runs on every layout on which the system has all controllers. Debian 13 has only v2.
all_of_system() {
	local layout layouts=(v2)
	has_vm vm --system "$system" || return
	[ "$system" = 13 ] || layouts+=(v1 hybrid)
	for layout in "${layouts[@]}"; do
		in_parts "$layout" root
		in_vm "$layout" user
		on_two_cpus "$layout"
	done
	over_broker
	with_selinux
	append='apparmor=0' in_vm v2 root tests/integration/apparmor.bats
	# Here freezer and memory are on v2, and all other controllers on v1.
	[ "$system" = 13 ] ||
		append='cgroup_no_v1=freezer,memory' in_vm hybrid root tests/integration/{cgroups,kill,pause,delete}.bats
	start_vm_engines
}

# Runs the whole suite in four machines, so that no processor is idle while another one runs the slow half.
in_parts() { # LAYOUT root|user
	local i files=(tests/integration/*.bats) count=4 lists=()
	for ((i = 0; i < ${#files[@]}; i++)); do
		lists[i % count]+=" ${files[i]}"
	done
	# shellcheck disable=SC2086 # no name has a space
	for ((i = 0; i < count; i++)); do
		share=$((i + 1)) in_vm "$@" ${lists[i]}
	done
}

on_two_cpus() { # LAYOUT
	local files
	mapfile -t files < <(tagged smp)
	cpus=2 in_vm "$1" root --filter-tags smp "${files[@]}"
	cpus=2 in_vm "$1" user --filter-tags user,smp "${files[@]}"
}

over_broker() {
	append=vm.bus=broker in_vm v2 root tests/integration/systemd.bats
	append=vm.bus=broker in_vm v2 user tests/integration/systemd.bats
}

with_selinux() {
	local enforcing
	has_vm vm --system "$system" --cpus 1 --lsm selinux --append enforcing=1 || return
	for enforcing in 1 0; do
		lsm=selinux append=enforcing=$enforcing in_vm v2 root tests/integration/selinux.bats
	done
}

run_vm_engines() {
	local vms=() system=13
	start_vm_engines
	check_vms
}

start_vm_engines() {
	local vm_options=(--image engines --memory 2048) who found=$repo/build/engines
	if ! { make --no-print-directory static test-commands && scripts/engine-tools.sh crictl; }; then
		record fail vm-engines 'the build, or crictl'
		return
	fi
	has_vm vm-engines --system "$system" --cpus 1 "${vm_options[@]}" || return
	mkdir -p "$found"
	for who in root user; do
		: >"$found/vm-$system-$who.tsv"
		chmod 0666 "$found/vm-$system-$who.tsv" # the user in the machine has a uid that nobody has here
	done
	vm_options+=(--share "$found:/results:rw")
	local dir=tests/engines/vm
	local of_root=("$dir"/{containerd,cri,docker,podman}-systemd.bats) of_user=("$dir/podman-user.bats")
	if [ "$system" != 12 ]; then # Podman 4.3 has neither Quadlet nor most of these options
		of_root+=("$dir"/{buildah,podman-options,quadlet}.bats)
		of_user+=("$dir"/{buildah,podman-options-user,quadlet,podman-many}.bats)
	fi
	in_vm v2 root "${of_root[@]}"
	# Each container has a key, and the kernel lets a user have 200 keys.
	append=sysctl.kernel.keys.maxkeys=2000 in_vm v2 user "${of_user[@]}"
}

has_vm() { # PART [OPTION OF vm.sh]...
	local said=$work/$1-build status
	if ! scripts/install-deps.sh vm; then
		record skip "$1" 'the machine of tests/vm' 'needs mmdebstrap'
		return 1
	fi
	as_root tests/vm/vm.sh build "${@:2}" 2>&1 | tee "$said" >&2
	status=$?
	case $status in
	0) return 0 ;;
	77) record skip "$1" 'the machine of tests/vm' "$(sed -n 's/^vm\.sh: //p' "$said" | tail -n 1)" ;;
	*) record fail "$1" "tests/vm/vm.sh build ended with status $status" ;;
	esac
	return 1
}

# Starts a machine in the background. At most one machine a processor runs at a time, each with one CPU: an emulated machine
# is fastest so.
in_vm() { # LAYOUT root|user [OPTION OF BATS]... [FILE]...
	local name="vm $system ${lsm:+$lsm }${vm_options[*]:+engines }$1 $2${append:+ $append}${cpus:+ $cpus CPUs}${share:+ part $share}" layout=$1 who=$2 as=()
	shift
	[ "$who" = root ] || as=(--user rootless)
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
		wait -n
	done
	vms+=("$name")
	(
		started=$SECONDS
		scripts/as-root.sh tests/vm/vm.sh run --system "$system" --lsm "${lsm:-apparmor}" --cgroup "$layout" "${as[@]}" --append "${append:-}" --cpus "${cpus:-1}" --timeout "${vm_seconds:-14400}" --share "$repo:/tree" "${vm_options[@]}" \
			--env "RUNG_ENGINES_RESULTS=${vm_options[*]:+/results/vm-$system-$who.tsv}" -- \
			tests/vm/guest/suite "$@" >"$work/$name" 2>"$work/$name.err" </dev/null &
		vm=$!
		# setsid, because sudo does not pass on signals of its own process group.
		trap 'as_root setsid kill "$vm"; exit 143' TERM
		wait "$vm"
		echo "$? $((SECONDS - started))" >"$work/$name.end"
	) &
}

check_vms() {
	local name status seconds
	wait
	for name in "${vms[@]}"; do
		read -r status seconds <"$work/$name.end"
		heading "bats, in the machine: $name ($seconds s)"
		check_bats "$name" "$status"
	done
}

run_arch() {
	local arch vms=()
	run_programs arm64 riscv64 ppc64le s390x armhf i386
	for arch in ${ARCH_MACHINES:-arm64 riscv64}; do
		start_machine "$arch"
	done
	check_vms
}

# Builds and runs two architectures that people use and one with 32 bits, so that no commit breaks them. The part arch has the
# others.
run_cross() {
	run_programs arm64 riscv64 i386
}

run_programs() { # ARCH...
	local arch
	if ! scripts/install-deps.sh arch; then
		record skip "$part" 'other architectures' 'needs qemu-user-static'
		return
	fi
	for arch; do
		heading "$arch, under QEMU's emulation of a program"
		tests/arch/arch.sh user "$arch" >"$work/$arch" 2>"$work/$arch.err" </dev/null
		check_bats "$arch" $?
	done
}

# Starts a machine in the background. The builds still run one after the other, because they share a lock.
start_machine() { # ARCH
	local name="$1 machine" started=$SECONDS
	vms+=("$name")
	(
		tests/arch/arch.sh machine "$1" >"$work/$name" 2>"$work/$name.err" </dev/null
		echo "$? $((SECONDS - started))" >"$work/$name.end"
	) &
}

run_lint() {
	heading lint
	scripts/lint.sh >"$work/lint" 2>"$work/lint.err"
	local status=$?
	count_tap lint "$work/lint"
	cat "$work/lint.err"
	check_status lint $status
}

# The compiler, the C library, Go and all tools are newer or older there. If the system cannot be made (status 77), the part is
# skipped.
run_other_debian() {
	local suite=trixie part=debian13 there=$work/other-debian status
	if grep -qsx 'VERSION_CODENAME=trixie' /etc/os-release; then suite=bookworm part=debian12; fi
	heading "the build, go test and the C stage in Debian ${part#debian}"
	mkdir "$there"
	if ! scripts/install-deps.sh debian; then
		record skip $part "Debian's $suite" 'needs mmdebstrap'
		return
	fi
	scripts/debian-root.sh --with unit --keep-go --share "$there" $suite \
		sh -c 'make static && RUNG_TEST_RESULTS=/share/results scripts/test.sh unit nsenter' >"$there/output" 2>&1 </dev/null
	status=$?
	if [ $status = 77 ]; then
		record skip $part "Debian's $suite" "$(sed -n 's/^debian-root\.sh: //p' "$there/output" | tail -n 1)"
		return
	fi
	[ $status = 0 ] || sed "s/^/$part: /" "$there/output"
	[ ! -e "$there/results" ] || awk -v FS='\t' -v OFS='\t' -v part="$part/" '{ $2 = part $2 } 1' "$there/results" >>"$results"
	if [ $status != 0 ] && ! grep -q "^fail	$part/" "$results"; then
		record fail $part "the build in Debian's $suite ended with status $status"
	fi
}

# Records a failure if a runner failed without a failing test, or ran no test.
check_status() { # PART STATUS
	if [ "$2" != 0 ] && ! grep -q "^fail	$1	" "$results"; then
		record fail "$1" "the runner ended with status $2"
	elif ! grep -q "	$1	" "$results"; then
		record fail "$1" 'no test ran'
	fi
}

# ---- the end --------------------------------------------------------------------------------------------------------

of_status() {
	grep "^$1	" "$results"
}

summary() {
	local passed failed skipped
	[ -z "${RUNG_TEST_RESULTS:-}" ] || cp "$results" "$RUNG_TEST_RESULTS"
	passed=$(of_status pass | wc -l) failed=$(of_status fail | wc -l) skipped=$(of_status skip | wc -l)
	if [ "$skipped" -gt 0 ]; then
		heading 'skipped, and why'
		of_status skip | awk -F '\t' '{ printf "%s: %s: %s\n", $2, $3, $4 }'
	fi
	heading 'by part'
	awk -F '\t' '{ n[$2]++; s[$2 " " $1]++ } END { for (p in n) printf "%s: %d passed, %d failed, %d skipped\n", p,
		s[p " pass"], s[p " fail"], s[p " skip"] }' "$results" | sort
	# At the very end, because a service often shows nothing else of a log.
	if [ "$failed" -gt 0 ]; then
		heading failed
		of_status fail | awk -F '\t' '{ printf "%s: %s\n", $2, $3 }'
	fi
	echo
	if [ "$skipped" -gt 0 ]; then
		echo "$passed passed, $failed failed, $skipped skipped"
	else
		echo "$passed passed, $failed failed"
	fi
	[ "$failed" = 0 ]
}

parts=("$@")
[ $# -gt 0 ] || parts=(unit nsenter integration compat faults engines vm lint cross other-debian)
needs=()
for part in "${parts[@]}"; do
	case $part in
	unit | nsenter | arch | cross) needs+=(unit) ;;
	lint) needs+=(build lint) ;;
	other-debian) ;; # checks its needs itself, and is skipped on a machine without a network
	integration | compat | faults | engines | vm | vm-engines) needs+=(test) ;;
	*) die "unknown part: $part" ;;
	esac
done
[ ${#needs[@]} = 0 ] || scripts/install-deps.sh "${needs[@]}" || exit 1
for part in "${parts[@]}"; do
	"run_${part//-/_}"
done
summary
