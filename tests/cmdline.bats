#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# vfio-claim cmdline and grub.d/90-vfio-claim.cfg.

# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
setup() {
	load lib/machine.bash
	load lib/kernel.bash
	bats_require_minimum_version 1.5.0
	ROOT=$BATS_TEST_TMPDIR/tree
	mkdir -p "$ROOT/etc"
	CONF=$ROOT/etc/vfio-claim.conf
	KEPT=$ROOT/var/lib/vfio-claim/arguments
}

# conf < CONFIG: an x86 tree whose kernels are not asked, unless the text says otherwise.
conf() {
	cat >"$CONF"
}

cmdline() {
	run --separate-stderr "$TOOL" cmdline --root "$ROOT" "$@"
	echo "status $status; output: $output; stderr: $stderr"
}

# word NAME: the value of NAME= in the output, empty where there is none.
word() {
	tr ' ' '\n' <<<"$output" | sed -n "s/^$1=//p"
}

# recorded TABLE: a machine's tree with that kernel; `cmdline --with-hardware` looks at it.
recorded() {
	machine "$1"
	CONF=$ROOT/etc/vfio-claim.conf
	KEPT=$ROOT/var/lib/vfio-claim/arguments
	kernel_tree
}

FAMILY=nvidia,nvidia_drm,nvidia_modeset,nvidia_uvm

@test "cmdline: one line, always in the same order" {
	conf <<-'END'
		[host]
		cpu = any
		blacklist = nouveau, snd-hda-intel
		unsafe_interrupts = yes
		ignore_msrs = yes
		framebuffer = off
		extra_args = hugepagesz=1G hugepages=64
		[claim p2000]
		match = 10de:1c30
		match = 10de:10f1:10de:11b3
	END
	cmdline
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$output" = "intel_iommu=on iommu=pt rd.driver.pre=vfio-pci vfio-pci.ids=10de:1c30,10de:10f1:10de:11b3 modprobe.blacklist=nouveau,snd_hda_intel rd.driver.blacklist=nouveau,snd_hda_intel vfio_iommu_type1.allow_unsafe_interrupts=1 kvm.ignore_msrs=1 initcall_blacklist=sysfb_init video=efifb:off hugepagesz=1G hugepages=64" ]
}

@test "cmdline: the same bytes twice, and no file of the tree is changed" {
	recorded twin-gpus
	conf <<<$'[claim a]\nmatch = 10de:1c30'
	local before format
	before=$(tree_state)
	for format in plain grub bls bootc json; do
		"$TOOL" cmdline --root "$ROOT" --format "$format" >"$BATS_TEST_TMPDIR/1" 2>&1
		"$TOOL" cmdline --root "$ROOT" --format "$format" >"$BATS_TEST_TMPDIR/2" 2>&1
		[ -s "$BATS_TEST_TMPDIR/1" ]
		cmp "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2"
	done
	[ "$before" = "$(tree_state)" ]
}

@test "cmdline --format grub: a line for a shell that appends" {
	conf <<<$'[host]\ncpu = amd\nblacklist = none\n[claim a]\nmatch = 01:00.0'
	cmdline --format grub
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == 'GRUB_CMDLINE_LINUX_DEFAULT="'*'"' ]]
	[ "$(sh -euc "GRUB_CMDLINE_LINUX_DEFAULT='quiet splash'; $output; echo \"\$GRUB_CMDLINE_LINUX_DEFAULT\"")" = \
		"quiet splash iommu=pt rd.driver.pre=vfio-pci" ]
	[ "$(sh -euc "$output; echo \"\$GRUB_CMDLINE_LINUX_DEFAULT\"")" = \
		"iommu=pt rd.driver.pre=vfio-pci" ]
}

@test "cmdline --format bls: an options line" {
	conf <<<$'[host]\ncpu = amd\nblacklist = none\n[claim a]\nmatch = 01:00.0'
	cmdline --format bls
	[ "$status" -eq 0 ]
	[ "$output" = "options iommu=pt rd.driver.pre=vfio-pci" ]
}

@test "cmdline --format bootc: TOML with the architecture, notes as comments" {
	conf <<<$'[host]\ncpu = amd\n[claim a]\nmatch = 10de:1c30'
	cmdline --format bootc
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[[ ${lines[0]} == "# no kernel is installed here"* ]]
	python3 - "$output" <<-'END'
		import sys
		try:
		    import tomllib
		    d = tomllib.loads(sys.argv[1])
		except ImportError:  # before Python 3.11
		    sys.exit(0)
		assert d["kargs"][:3] == ["iommu=pt", "rd.driver.pre=vfio-pci", "vfio-pci.ids=10de:1c30"], d
		assert d["match-architectures"] == ["x86_64"], d
	END
	conf <<<$'[host]\ncpu = arm\nblacklist = none\n[claim a]\nmatch = 01:00.0'
	cmdline --format bootc
	[ "$output" = 'kargs = ["iommu.passthrough=1", "rd.driver.pre=vfio-pci"]
match-architectures = ["aarch64"]' ]
	conf <<<$'[host]\nblacklist = none\n[claim a]\nmatch = 01:00.0'
	cmdline --format bootc
	[[ $output != *match-architectures* ]]
}

@test "cmdline --format json: a stable object, also as --json" {
	conf <<<$'[host]\ncpu = amd\n[claim a]\nmatch = 10de:1c30'
	cmdline --format json
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(jq -c 'keys_unsorted' <<<"$output")" = '["schema","arguments","notes","line"]' ]
	[ "$(jq -c .schema <<<"$output")" = 1 ]
	[ "$(jq -c '.arguments[:3]' <<<"$output")" = \
		'["iommu=pt","rd.driver.pre=vfio-pci","vfio-pci.ids=10de:1c30"]' ]
	[ "$(jq -r '.arguments | join(" ")' <<<"$output")" = "$(jq -r .line <<<"$output")" ]
	[ "$(jq '.notes | length' <<<"$output")" -eq 1 ]
	[ "$output" = "$("$TOOL" cmdline --root "$ROOT" --json)" ]
}

@test "cmdline: notes on stderr in the formats of lines" {
	local format

	conf <<<$'[host]\ncpu = amd\nblacklist = none\n[claim a]\nmatch = 10de:1c30'
	for format in plain grub bls; do
		cmdline --format "$format" --base "vfio-pci.ids=8086:1234"
		[ "$status" -eq 0 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == "note: the IDs of the vfio-pci.ids= "* ]]
		[[ $output == *"vfio-pci.ids=8086:1234,10de:1c30"* ]]
	done
}

@test "cmdline: usage" {
	conf <<<''
	local words

	for words in "--format" "--format grubb" "--json --format grub" "--format=" "--base"; do
		# shellcheck disable=SC2086 # words
		cmdline $words
		[ "$status" -eq 2 ]
		[ -z "$output" ]
	done
	cmdline --format grubb
	[[ $stderr == *"did you mean 'grub'?"* ]]
	run "$TOOL" check --root "$ROOT" --or-last
	[ "$status" -eq 2 ]
}

@test "cmdline: no configuration prints nothing" {
	local format

	for format in plain grub bls bootc; do
		cmdline --format "$format" --or-last
		[ "$status" -eq 0 ]
		[ -z "$output" ]
		[ -z "$stderr" ]
	done
	[ ! -e "$KEPT" ]
	cmdline --format json
	[ "$(jq -c . <<<"$output")" = '{"schema":1,"arguments":[],"notes":[],"line":""}' ]
}

@test "cmdline: an empty configuration adds nothing, one without claims what [host] says" {
	local format

	conf <<<''
	for format in plain grub bls; do
		cmdline --format "$format"
		[ "$status" -eq 0 ]
		[ -z "$stderr" ]
		[ "$("$TOOL" cmdline --root "$ROOT" --format "$format" | wc -c)" -eq 0 ]
	done
	cmdline --format bootc
	[ "$output" = "kargs = []" ]
	conf <<<$'[host]\ncpu = intel\nextra_args = hugepages=64'
	cmdline
	[ "$output" = "intel_iommu=on iommu=pt hugepages=64" ]
}

@test "cmdline: an invalid configuration, exit 3 and no output" {
	conf <<<$'[claim a]\nmatch = 10de:1c3'
	cmdline
	[ "$status" -eq 3 ]
	[ -z "$output" ]
	[[ $stderr == "$CONF:2: error: "* ]]
}

@test "cmdline --config: this file alone" {
	conf <<<'nonsense'
	printf '[host]\ncpu = amd\nextra_args = mine\n' >"$BATS_TEST_TMPDIR/mine"
	cmdline --config "$BATS_TEST_TMPDIR/mine"
	[ "$status" -eq 0 ]
	[ "$output" = "iommu=pt mine" ]
}

@test "cmdline --base: what stands there is left out" {
	conf <<<$'[host]\ncpu = intel\nblacklist = none\nextra_args = a=1\n[claim a]\nmatch = 01:00.0'
	cmdline --base "quiet intel-iommu=on a=1"
	[ "$output" = "iommu=pt rd.driver.pre=vfio-pci" ]
	cmdline --base "$("$TOOL" cmdline --root "$ROOT")"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "cmdline: more than 1023 bytes of IDs, the claims table does the work" {
	local i

	{
		printf '[host]\nblacklist = none\ncpu = amd\n[claim a]\n'
		for i in $(seq 102); do printf 'match = 10de:%04x\n' "$i"; done
	} >"$CONF"
	cmdline
	[ "$status" -eq 0 ]
	[ "$(word vfio-pci.ids | tr -d '\n' | wc -c)" -eq 1019 ]
	[ -z "$stderr" ]
	printf 'match = 10de:ffff\n' >>"$CONF"
	cmdline
	[ "$status" -eq 0 ]
	[ "$output" = "iommu=pt rd.driver.pre=vfio-pci" ]
	[[ $stderr == "note: vfio-pci.ids= is left out: it would have 1029 bytes"*"claims table"* ]]
}

@test "cmdline: longer than the kernel's command line, exit 1" {
	local base

	conf <<<$'[host]\ncpu = amd\nblacklist = none\n[claim a]\nmatch = 01:00.0'
	# 31 bytes of ours and a blank: 2015 fit.
	base=$(printf 'x%.0s' $(seq 2015))
	cmdline --base "$base"
	[ "$status" -eq 0 ]
	[ "${#output}" -eq 31 ]
	cmdline --base "x$base"
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[[ $stderr == *"would have 2048 bytes, 31 of them ours, and the kernel reads 2047"* ]]
}

# What an attacker, or a careless template, may write into each value.
@test "cmdline: hostile values never reach the output" {
	local key value format long

	long=$(printf 'A%.0s' $(seq 4096))
	for value in 'a"b' "a'b" 'a$(reboot)' 'a`reboot`' 'a;reboot' 'a&reboot' 'a|reboot' \
		'a\b' 'a{b}' 'a<b>' 'a!b' 'a*b' 'a?b' '$HOME' $'a\tb"' $'a\rb' $'a\x01b' $'a\xffb' \
		$'a\nGRUB_DISABLE_RECOVERY=true' $'a\nreboot' "$long" 'a[b]' 'a^b'; do
		for format in plain grub bls bootc json; do
			printf '[host]\nextra_args = %s\n[claim a]\nmatch = 10de:1c30\n' "$value" >"$CONF"
			cmdline --format "$format"
			[ "$status" -eq 3 ]
			[ -z "$output" ]
		done
		for key in blacklist cpu iommu framebuffer; do
			printf '[host]\n%s = %s\n[claim a]\nmatch = 10de:1c30\n' "$key" "$value" >"$CONF"
			cmdline --format grub
			[ "$status" -eq 3 ]
			[ -z "$output" ]
		done
		for key in match driver except; do
			printf '[claim a]\nmatch = 10de:1c30\n%s = %s\n' "$key" "$value" >"$CONF"
			cmdline --format grub
			[ "$status" -eq 3 ]
			[ -z "$output" ]
		done
	done
}

@test "cmdline --base: nothing hostile of vfio-pci.ids= is taken over" {
	local value

	conf <<<$'[host]\ncpu = amd\nblacklist = none\n[claim a]\nmatch = 10de:1c30'
	for value in '"8086:1234"' '8086:1234"' '8086:$(reboot)' '8086:`reboot`' '8086:1;reboot' \
		'8086:\1' "8086:'1" '8086:1|2' '"8086:1 2"' $'8086:1\x01'; do
		cmdline --format grub --base "vfio-pci.ids=$value"
		[ "$status" -eq 0 ]
		[[ $output == *'iommu=pt rd.driver.pre=vfio-pci"' ]]
		[[ $stderr == "note: vfio-pci.ids= is left out: "*"not understood"* ]]
	done
	# A newline ends a word of the kernel's command line.
	cmdline --format grub --base $'vfio-pci.ids=8086:1\nreboot'
	[[ $output == *'vfio-pci.ids=8086:1,10de:1c30"' ]]
	[ "${#lines[@]}" -eq 1 ]
}

@test "cmdline --or-last: keeps the arguments, and gives them with an invalid configuration" {
	conf <<<$'[host]\ncpu = amd\nblacklist = none\nextra_args = a=1\n[claim a]\nmatch = 10de:1c30'
	cmdline --or-last --base "quiet a=1"
	[ "$status" -eq 0 ]
	[ "$output" = "iommu=pt rd.driver.pre=vfio-pci vfio-pci.ids=10de:1c30" ]
	# Whole, since what others have may change.
	[ "$(cat "$KEPT")" = "iommu=pt rd.driver.pre=vfio-pci vfio-pci.ids=10de:1c30 a=1" ]
	[ "$(stat -c %a "$KEPT")" = 644 ]

	conf <<<$'[claim a]\nmatch = 10de:1c3'
	cmdline --or-last --base "quiet"
	[ "$status" -eq 0 ]
	[ "$output" = "iommu=pt rd.driver.pre=vfio-pci vfio-pci.ids=10de:1c30 a=1" ]
	[[ ${stderr_lines[0]} == "$CONF:2: error: "* ]]
	[[ $stderr == *"the arguments of the last valid configuration are used"* ]]
	cmdline --or-last --base "iommu=pt vfio-pci.ids=1:2"
	[ "$output" = "rd.driver.pre=vfio-pci vfio-pci.ids=1:2,10de:1c30 a=1" ]
	# Without --or-last it stays an error.
	cmdline
	[ "$status" -eq 3 ]
	[ -z "$output" ]
}

@test "cmdline --or-last: writes only what is different, and only with success" {
	conf <<<$'[host]\ncpu = amd\nextra_args = a=1'
	cmdline --or-last
	local inode
	inode=$(stat -c '%i %y' "$KEPT")
	cmdline --or-last
	[ "$inode" = "$(stat -c '%i %y' "$KEPT")" ]
	conf <<<'nonsense'
	cmdline --or-last
	[ "$inode" = "$(stat -c '%i %y' "$KEPT")" ]
	conf <<<$'[host]\ncpu = amd\nextra_args = a=2'
	cmdline --or-last
	[ "$(cat "$KEPT")" = "iommu=pt a=2" ]
	# Without --or-last nothing is kept.
	conf <<<$'[host]\ncpu = amd\nextra_args = a=3'
	cmdline
	[ "$(cat "$KEPT")" = "iommu=pt a=2" ]
}

@test "cmdline --or-last: an invalid configuration and nothing kept, or nothing good" {
	local kept

	conf <<<'nonsense'
	cmdline --or-last
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[[ $stderr == *"no arguments of a valid configuration to use instead"* ]]
	mkdir -p "${KEPT%/*}"
	for kept in 'a"b' 'a$(reboot)' 'a`b`' 'a\b' 'a;b'; do
		printf '%s\n' "$kept" >"$KEPT"
		cmdline --or-last --format grub
		[ "$status" -eq 0 ]
		[ -z "$output" ]
	done
	# Only the first line is ever read.
	printf 'a=1\nb=2\n' >"$KEPT"
	cmdline --or-last
	[ "$output" = a=1 ]
	: >"$KEPT"
	cmdline --or-last
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "cmdline --or-last: what cannot be kept is a warning" {
	conf <<<$'[host]\ncpu = amd\nextra_args = a=1'
	: >"$ROOT/var"
	cmdline --or-last
	[ "$status" -eq 0 ]
	[ "$output" = "iommu=pt a=1" ]
	[[ $stderr == *"warning: /var/lib/vfio-claim/arguments: "* ]]
}

@test "cmdline --or-last: too long now, the last good arguments where they fit" {
	conf <<<$'[host]\ncpu = amd\nextra_args = a=1'
	cmdline --or-last
	printf '[host]\ncpu = amd\nextra_args = %s\n' "$(printf 'x%.0s' $(seq 2040))" >"$CONF"
	cmdline --or-last --base quiet
	[ "$status" -eq 0 ]
	[ "$output" = "iommu=pt a=1" ]
	[[ $stderr == *"the kernel reads 2047"* ]]
	cmdline --or-last --base "$(printf 'x%.0s' $(seq 2040))"
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ "$(cat "$KEPT")" = "iommu=pt a=1" ]
}

@test "cmdline: a tree without /sys, /proc and kernels" {
	conf <<<$'[claim a]\nmatch = 10de:1c30\nmatch = 1002:67df'
	cmdline
	[ "$status" -eq 0 ]
	[ "$output" = "rd.driver.pre=vfio-pci vfio-pci.ids=10de:1c30,1002:67df modprobe.blacklist=$FAMILY rd.driver.blacklist=$FAMILY" ]
	[[ $stderr == *"no kernel is installed here"* ]]
	[[ $stderr == *"the target is neither known as x86 nor as arm64"* ]]
}

@test "cmdline: the architecture by the target's programs, its kernel's name or cpu" {
	local machine="\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0"

	conf <<<$'[host]\nblacklist = none\n[claim a]\nmatch = 01:00.0'
	mkdir -p "$ROOT/usr/bin"
	printf "$machine\x3e\0" >"$ROOT/usr/bin/env"
	cmdline
	[ "$output" = "intel_iommu=on iommu=pt rd.driver.pre=vfio-pci" ]
	printf "$machine\xb7\0" >"$ROOT/usr/bin/env"
	cmdline
	[ "$output" = "iommu.passthrough=1 rd.driver.pre=vfio-pci" ]
	printf "$machine\x16\0" >"$ROOT/usr/bin/env"
	cmdline
	[ "$output" = "rd.driver.pre=vfio-pci" ]
	# A merged /usr, its link absolute as some have it: the tree's /usr is meant.
	rm "$ROOT/usr/bin/env"
	ln -s /usr/bin "$ROOT/bin"
	printf "$machine\xb7\0" >"$ROOT/usr/bin/dash"
	ln -s /bin/dash "$ROOT/usr/bin/sh"
	cmdline
	[ "$output" = "iommu.passthrough=1 rd.driver.pre=vfio-pci" ]
	rm "$ROOT/usr/bin/sh" "$ROOT/usr/bin/dash"
	mkdir -p "$ROOT/lib/modules/6.12.1+deb13-arm64"
	: >"$ROOT/lib/modules/6.12.1+deb13-arm64/modules.dep"
	cmdline
	[ "$output" = "iommu.passthrough=1 rd.driver.pre=vfio-pci" ]
	rm -r "${ROOT:?}/lib"
	conf <<<$'[host]\ncpu = intel\nblacklist = none\n[claim a]\nmatch = 01:00.0'
	cmdline
	[ "$output" = "intel_iommu=on iommu=pt rd.driver.pre=vfio-pci" ]
}

@test "cmdline: the CPU of a recorded machine, and never that of a tree" {
	local vendor wanted

	recorded arm64-cloud
	conf <<<$'[host]\nblacklist = none\n[claim a]\nmatch = 01:00.0'
	mkdir -p "$ROOT/usr/bin"
	printf "\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0" >"$ROOT/usr/bin/env"
	for vendor in GenuineIntel AuthenticAMD HygonGenuine CentaurHauls AuthenticAMDx AuthenticAM ''; do
		case "$vendor" in
		*AMD | Hygon*) wanted="iommu=pt rd.driver.pre=vfio-pci" ;;
		*) wanted="intel_iommu=on iommu=pt rd.driver.pre=vfio-pci" ;;
		esac
		printf 'processor\t: 0\nvendor_id\t: %s\ncpu family\t: 6\n' "$vendor" >"$ROOT/proc/cpuinfo"
		cmdline --with-hardware
		[ "$output" = "$wanted" ]
		cmdline
		[ "$output" = "intel_iommu=on iommu=pt rd.driver.pre=vfio-pci" ]
	done
	rm "$ROOT/proc/cpuinfo"
	cmdline --with-hardware
	[ "$output" = "intel_iommu=on iommu=pt rd.driver.pre=vfio-pci" ]
}

@test "cmdline: blacklist = auto of a machine, the card and its audio claimed" {
	recorded twin-gpus
	conf <<<$'[claim a]\nmatch = 10de:1c30'
	cmdline --with-hardware
	[ "$status" -eq 0 ]
	[ "$(word modprobe.blacklist)" = "nouveau,$FAMILY,nvidiafb" ]
	[ "$(word rd.driver.blacklist)" = "nouveau,$FAMILY,nvidiafb" ]
	[ "$(word vfio-pci.ids)" = 10de:1c30 ]
}

@test "cmdline: an identical card left to the host keeps its driver and its ID" {
	local claim

	recorded twin-gpus
	for claim in 'match = 02:00.0 10de:1c30' 'match = 10de:1c30 nth=2' \
		$'match = 10de:1c30\nexcept = 01:00.0' 'match = 10de:1c30:103c:11b3'; do
		conf <<<"[claim a]
$claim"
		cmdline --with-hardware
		[ "$status" -eq 0 ]
		[ -z "$(word modprobe.blacklist)" ]
		[[ $(word vfio-pci.ids) != 10de:1c30 ]]
	done
	# The last one names the board maker's card only.
	[ "$(word vfio-pci.ids)" = 10de:1c30:103c:11b3 ]
	# Its audio function's ID is the other card's too.
	conf <<<$'[claim a]\nmatch = 02:00.0\n[claim b]\nmatch = 10de:10f1\nexcept = 01:00.1'
	cmdline --with-hardware
	[ -z "$(word vfio-pci.ids)" ]
	# By ID alone, but another claim's driver gets the first one.
	conf <<<$'[claim a]\nmatch = 01:00.0\ndriver = pci-stub\n[claim b]\nmatch = 10de:1c30'
	cmdline --with-hardware
	[ -z "$(word vfio-pci.ids)" ]
	[[ $stderr == *"leaves out 10de:1c30 of claim b"* ]]
}

@test "cmdline: a refused device is not in vfio-pci.ids=" {
	recorded twin-gpus
	conf <<<$'[claim a]\nmatch = 144d:a80a\nmatch = 10de:1c30'
	cmdline --with-hardware
	[ "$(word vfio-pci.ids)" = 10de:1c30 ]
	[[ $stderr == *"leaves out 144d:a80a of claim a: a device of this machine"* ]]
}

@test "cmdline: an unclaimed display of the machine keeps its driver" {
	# The Matrox stays, an invented second card of it is claimed: mgag200 is needed.
	recorded server-dell-matrox
	conf <<<$'[claim a]\nmatch = 07:03.0'
	cmdline --with-hardware
	[ "$(word modprobe.blacklist)" = mgag200 ]
	conf <<<$'[claim a]\nmatch = 00:1a.7'
	cmdline --with-hardware
	[ -z "$(word modprobe.blacklist)" ]

	# A laptop's own display beside a claimed NVIDIA card.
	sed '$a 0000:05:00.0 10de:1c30 10de:11b3 030000 - 15 -1 0 - - 0000:00:06.0' \
		"$TESTS/machines/laptop-alderlake.txt" >"$BATS_TEST_TMPDIR/table"
	rm -rf "$ROOT"
	"$TESTS/machines/make-tree" "$BATS_TEST_TMPDIR/table" "$ROOT"
	kernel_tree
	conf <<<$'[claim a]\nmatch = class=03 10de:*'
	cmdline --with-hardware
	[ "$(word modprobe.blacklist)" = "nouveau,$FAMILY,nvidiafb" ]
	conf <<<$'[claim a]\nmatch = 00:02.0'
	cmdline --with-hardware
	[ "$(word modprobe.blacklist)" = i915 ]
	conf <<<$'[claim a]\nmatch = class=03'
	cmdline --with-hardware
	[ "$(word modprobe.blacklist)" = "i915,nouveau,$FAMILY,nvidiafb" ]
}

@test "cmdline: a driver that an unclaimed device has bound is kept, whatever its alias" {
	recorded vm-nvidia-p100
	conf <<<$'[claim a]\nmatch = 04:00.0\nmatch = 06:00.0'
	cmdline --with-hardware
	# virtio_pci serves the whole machine, and is no GPU driver.
	[ "$(word modprobe.blacklist)" = "nouveau,$FAMILY,nvidiafb" ]
	# The same machine with the display driven by nouveau through an ID given by hand.
	sed '/0000:04:00.0/s/virtio-pci/nouveau/' "$TESTS/machines/vm-nvidia-p100.txt" \
		>"$BATS_TEST_TMPDIR/table"
	rm -rf "$ROOT"
	"$TESTS/machines/make-tree" "$BATS_TEST_TMPDIR/table" "$ROOT"
	kernel_tree
	conf <<<$'[claim a]\nmatch = 06:00.0'
	cmdline --with-hardware
	[ "$(word modprobe.blacklist)" = "$FAMILY,nvidiafb" ]
}

@test "cmdline: an accelerator, a USB controller and a disk of a machine" {
	sed '$a 0000:45:00.0 1da3:1000 1da3:0000 120000 habanalabs 3 -1 - - - 0000:40:08.1' \
		"$TESTS/machines/workstation.txt" >"$BATS_TEST_TMPDIR/table"
	"$TESTS/machines/make-tree" "$BATS_TEST_TMPDIR/table" "$ROOT"
	kernel_tree
	conf <<<$'[claim a]\nmatch = 1da3:1000'
	cmdline --with-hardware
	[ "$(word modprobe.blacklist)" = habanalabs ]
	conf <<<$'[claim a]\nmatch = 44:00.3'
	cmdline --with-hardware
	[ -z "$(word modprobe.blacklist)" ]
	# NVIDIA's name alone does not make a display of a USB controller.
	sed '/^0000:43:00.0/d' "$TESTS/machines/workstation.txt" >"$BATS_TEST_TMPDIR/table2"
	rm -rf "$ROOT"
	"$TESTS/machines/make-tree" "$BATS_TEST_TMPDIR/table2" "$ROOT"
	kernel_tree
	conf <<<$'[claim a]\nmatch = 10de:1ad8'
	cmdline --with-hardware
	[ -z "$(word modprobe.blacklist)" ]
	# It is decided when root is mounted, so the kernel is not to take it by itself.
	[ -z "$(word vfio-pci.ids)" ]
	# The NVIDIA card's own USB and audio functions come along; their drivers are general.
	rm -rf "$ROOT"
	"$TESTS/machines/make-tree" "$BATS_TEST_TMPDIR/table" "$ROOT"
	kernel_tree
	conf <<<$'[claim a]\nmatch = 10de:1e84'
	cmdline --with-hardware
	[ "$(word modprobe.blacklist)" = "nouveau,$FAMILY,nvidiafb" ]
}

@test "cmdline: a tree's hardware is never looked at" {
	recorded twin-gpus
	# The other card of the builder does not count, nor does an NVMe disk's class.
	conf <<<$'[claim a]\nmatch = 10de:1c30:103c:11b3\nmatch = 144d:a80a'
	cmdline
	[ "$(word modprobe.blacklist)" = "nouveau,$FAMILY,nvidiafb" ]
	[ "$(word vfio-pci.ids)" = 10de:1c30:103c:11b3,144d:a80a ]
	local output_with=$output
	rm -r "$ROOT/sys" "$ROOT/proc"
	cmdline
	[ "$output" = "$output_with" ]
}

@test "cmdline: no IDs for a tree with vfio-pci built in, which could take root's disk" {
	kernel_module kernel/drivers/gpu/drm/nouveau/nouveau 'pci:v000010DEd*sv*sd*bc03sc*i*'
	kernel_module kernel/drivers/vfio/pci/vfio-pci ''
	index_kernel
	conf <<<$'[claim a]\nmatch = 10de:1c30\nmatch = 144d:a80a'
	cmdline
	[ "$(word vfio-pci.ids)" = 10de:1c30,144d:a80a ]
	# A second kernel, which is enough.
	# shellcheck disable=SC2034 # for index_kernel
	KERNEL=6.12.0
	mkdir -p "$ROOT/lib/modules/6.12.0"
	echo kernel/drivers/vfio/pci/vfio-pci.ko >"$ROOT/lib/modules/6.12.0/modules.builtin"
	index_kernel
	cmdline
	[ -z "$(word vfio-pci.ids)" ]
	[ "$(word rd.driver.pre)" = vfio-pci ]
	[[ $stderr == *"vfio-pci.ids= is left out: vfio-pci is built into a kernel here"* ]]
}

@test "cmdline: blacklist = auto of a tree says what it cannot know" {
	kernel_tree
	conf <<-'END'
		[claim slot]
		match = 83:00.0
		[claim usb]
		match = class=0c03
		[claim some]
		match = 10de:1c30 nth=2
		[claim rest]
		match = 10de:1c31
		except = 84:00.0
		[claim intel]
		match = 8086:46a6 class=03
		[claim matrox-usb]
		match = 102b:0532 class=0c03
	END
	cmdline
	[ "$status" -eq 0 ]
	[ "$(word modprobe.blacklist)" = i915 ]
	[[ $stderr == *"claim slot: '0000:83:00.0' names no vendor and device"* ]]
	[[ $stderr == *"claim some: '10de:1c30 nth=2' takes some of these cards only"* ]]
	[[ $stderr == *"claim rest: '10de:1c31' takes some of these cards only"* ]]
	[[ $stderr != *"claim usb"* ]]
	[[ $stderr != *"claim matrox-usb"* ]]
	[[ $stderr != *"claim intel"* ]]
}

@test "cmdline: blacklist = auto asks every kernel, leaves out what is built in, takes DKMS" {
	kernel_module kernel/drivers/gpu/drm/nouveau/nouveau 'pci:v000010DEd*sv*sd*bc03sc*i*'
	index_kernel
	# shellcheck disable=SC2034 # for kernel_module
	KERNEL=6.12.0
	kernel_module updates/dkms/amdgpu 'pci:v00001002d*sv*sd*bc03sc00i00*'
	kernel_module updates/dkms/other 'pci:v00001002d*sv*sd*bc03sc00i00*'
	# Of VFIO, whoever asks for it.
	kernel_module updates/drivers/gpu/amd_vfio_pci 'pci:v00001002d*sv*sd*bc03sc00i00*'
	kernel_module updates/dkms/nvidia 'pci:v000010DEd*sv*sd*bc03sc00i00*'
	mkdir -p "$ROOT/lib/modules/6.12.0"
	echo kernel/drivers/gpu/drm/ast/ast.ko >"$ROOT/lib/modules/6.12.0/modules.builtin"
	printf 'ast.alias=pci:v00001A03d00002000sv*sd*bc03sc*i*\0' \
		>"$ROOT/lib/modules/6.12.0/modules.builtin.modinfo"
	index_kernel
	[ "$(modprobe -d "$ROOT" -S 6.12.0 -R pci:v00001A03d00002000sv00000000sd00000000bc03sc00i00)" = ast ]
	conf <<<$'[claim a]\nmatch = 10de:1c30\nmatch = 1002:67df\nmatch = 1a03:2000'
	cmdline
	[ "$(word modprobe.blacklist)" = "amdgpu,nouveau,$FAMILY" ]
	conf <<<$'[claim a]\nmatch = 10de:1c30\n[claim b]\nmatch = 1002:67df\ndriver = amd_vfio_pci'
	cmdline
	[ "$(word modprobe.blacklist)" = "amdgpu,nouveau,$FAMILY" ]
	# A claim says who gets the card, not who loses it.
	conf <<<$'[claim b]\nmatch = 1002:67df\ndriver = amdgpu'
	cmdline
	[ "$status" -eq 3 ]
	[[ $stderr == *"'amdgpu' is no VFIO driver"* ]]
}

# grub_settings [ASSIGNMENT...]: what grub-mkconfig would have after sourcing our file (set -e).
grub_settings() {
	local program=$BATS_TEST_TMPDIR/vfio-claim file=$BATS_TEST_TMPDIR/90-vfio-claim.cfg

	[ -e "$program.missing" ] || {
		printf '#!/bin/sh\nexec "%s" "$@" --root "%s"\n' "$TOOL" "$ROOT" >"$program"
		chmod +x "$program"
	}
	sed "s|/usr/sbin/vfio-claim|$program|g" "$REPO/grub.d/90-vfio-claim.cfg" >"$file"
	# A whole assignment a word, as /etc/default/grub has it.
	printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/default"
	cat >"$BATS_TEST_TMPDIR/mkconfig" <<-'END'
		set -e
		. "$1"
		shift
		for file; do . "$file"; done
		printf 'default: %s\n' "${GRUB_CMDLINE_LINUX_DEFAULT-(unset)}"
		printf 'both: %s\n' "${GRUB_CMDLINE_LINUX-(unset)}"
		printf 'recovery: %s\n' "${GRUB_CMDLINE_LINUX_RECOVERY-(unset)}"
	END
	run --separate-stderr sh "$BATS_TEST_TMPDIR/mkconfig" "$BATS_TEST_TMPDIR/default" \
		"$file" ${TWICE:+"$file"}
	echo "status $status; output: $output; stderr: $stderr"
}

@test "grub.d: appended to GRUB_CMDLINE_LINUX_DEFAULT only, recovery entries are off" {
	conf <<<$'[host]\ncpu = amd\nblacklist = none\n[claim a]\nmatch = 10de:1c30'
	grub_settings 'GRUB_CMDLINE_LINUX="console=ttyS0"' 'GRUB_CMDLINE_LINUX_DEFAULT="quiet splash"'
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "default: quiet splash iommu=pt rd.driver.pre=vfio-pci vfio-pci.ids=10de:1c30" ]
	[ "${lines[1]}" = "both: console=ttyS0" ]
	[[ ${lines[2]} =~ ^recovery:\ (single|recovery)\ rd.vfio-claim=0$ ]]
	grub_settings ':'
	[ "${lines[0]}" = "default: iommu=pt rd.driver.pre=vfio-pci vfio-pci.ids=10de:1c30" ]
	[ "${lines[1]}" = "both: (unset)" ]
	grub_settings 'GRUB_CMDLINE_LINUX_RECOVERY="single mine"'
	[ "${lines[2]}" = "recovery: single mine rd.vfio-claim=0" ]
}

@test "grub.d: what others have already is left out, their IDs are taken over" {
	conf <<<$'[host]\ncpu = amd\nblacklist = none\n[claim a]\nmatch = 10de:1c30'
	grub_settings 'GRUB_CMDLINE_LINUX="iommu=pt vfio-pci.ids=1:2"' 'GRUB_CMDLINE_LINUX_DEFAULT=quiet'
	[ "${lines[0]}" = "default: quiet rd.driver.pre=vfio-pci vfio-pci.ids=1:2,10de:1c30" ]
}

@test "grub.d: sourced twice, nothing stands there twice" {
	conf <<<$'[host]\ncpu = amd\nextra_args = hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=4\nblacklist = nouveau\n[claim a]\nmatch = 10de:1c30'
	grub_settings 'GRUB_CMDLINE_LINUX_DEFAULT="quiet vfio-pci.ids=1:2"'
	local once=$output
	[ -n "$once" ]
	TWICE=1 grub_settings 'GRUB_CMDLINE_LINUX_DEFAULT="quiet vfio-pci.ids=1:2"'
	[ "$status" -eq 0 ]
	[ "$output" = "$once" ]
}

@test "grub.d: no configuration, nothing is set" {
	grub_settings 'GRUB_CMDLINE_LINUX_DEFAULT=quiet'
	[ "$status" -eq 0 ]
	[ "$output" = $'default: quiet\nboth: (unset)\nrecovery: (unset)' ]
	[ -z "$stderr" ]
}

@test "grub.d: an empty configuration, recovery entries are off all the same" {
	conf <<<''
	grub_settings 'GRUB_CMDLINE_LINUX_DEFAULT=quiet'
	[ "${lines[0]}" = "default: quiet" ]
	[[ ${lines[2]} == *" rd.vfio-claim=0" ]]
}

@test "grub.d: an invalid configuration, the error and the last good arguments" {
	conf <<<$'[host]\ncpu = amd\nblacklist = none\n[claim a]\nmatch = 10de:1c30'
	grub_settings 'GRUB_CMDLINE_LINUX_DEFAULT=quiet'
	local good=$output
	conf <<<$'[claim a]\nmatch = 10de:$(reboot)'
	grub_settings 'GRUB_CMDLINE_LINUX_DEFAULT=quiet'
	[ "$status" -eq 0 ]
	[ "$output" = "$good" ]
	[[ $stderr == "$CONF:2: error: "* ]]
}

@test "grub.d: a program that fails, or is gone, changes nothing and ends nothing" {
	local code

	conf <<<$'[host]\ncpu = amd\n[claim a]\nmatch = 01:00.0'
	touch "$BATS_TEST_TMPDIR/vfio-claim.missing"
	grub_settings 'GRUB_CMDLINE_LINUX_DEFAULT=quiet'
	[ "$status" -eq 0 ]
	[ "$output" = $'default: quiet\nboth: (unset)\nrecovery: (unset)' ]
	[[ $stderr == *"vfio-claim failed: grub.cfg gets no kernel arguments"* ]]
	for code in '[ "$1" = image ] || exit 1' '[ "$1" = image ] || exit 5' 'exit 5' 'exit 127' \
		'kill -SEGV $$' '[ "$1" = image ] || kill -SEGV $$' \
		'[ "$1" = image ] || { echo bad; exit 3; }'; do
		printf '#!/bin/sh\n%s\n' "$code" >"$BATS_TEST_TMPDIR/vfio-claim"
		chmod +x "$BATS_TEST_TMPDIR/vfio-claim"
		grub_settings 'GRUB_CMDLINE_LINUX_DEFAULT=quiet'
		[ "$status" -eq 0 ]
		[ "$output" = $'default: quiet\nboth: (unset)\nrecovery: (unset)' ]
		[[ $stderr == *"vfio-claim failed: grub.cfg gets no kernel arguments"* ]]
	done
}

@test "grub.d: hostile words of others stay theirs" {
	conf <<<$'[host]\ncpu = amd\nblacklist = none\n[claim a]\nmatch = 10de:1c30'
	grub_settings "GRUB_CMDLINE_LINUX_DEFAULT='quiet vfio-pci.ids=\$(touch $BATS_TEST_TMPDIR/bad) \`touch $BATS_TEST_TMPDIR/bad\`'"
	[ "$status" -eq 0 ]
	[ ! -e "$BATS_TEST_TMPDIR/bad" ]
	[[ ${lines[0]} == *" iommu=pt rd.driver.pre=vfio-pci" ]]
}

@test "grub.d: no bashisms" {
	command -v dash shellcheck >/dev/null || skip "no dash or shellcheck"
	dash -n "$REPO/grub.d/90-vfio-claim.cfg"
	shellcheck -s sh -S warning "$REPO/grub.d/90-vfio-claim.cfg"
}

# In a boot without vfio-claim, vfio-pci would take root's disk with it.
@test "cmdline: vfio-pci.ids= never names what waits for root to be mounted" {
	machine storage
	printf '[claim disk]\nmatch = 144d:a80a\n[claim nic]\nmatch = 8086:1521\n' \
		>"$ROOT/etc/vfio-claim.conf"
	run --separate-stderr "$TOOL" cmdline --root "$ROOT" --with-hardware
	[ "$status" -eq 0 ]
	[[ $output == *"vfio-pci.ids=8086:1521"* ]]
	[[ $output != *144d* ]]
	[[ $stderr == *"leaves out 144d:a80a"* ]]
}

# The same of a boot over the network: who comes first would have its interface.
@test "cmdline: vfio-pci.ids= never names the interfaces of a boot over the network" {
	recorded sriov
	conf <<<$'[claim nic]\nmatch = 8086:1521\n[claim qat]\nmatch = 8086:4941'
	cmdline --with-hardware
	[ "$(word vfio-pci.ids)" = 8086:1521,8086:4941 ]
	append ip=dhcp root=/dev/nfs
	cmdline --with-hardware
	[ "$status" -eq 0 ]
	[ "$(word vfio-pci.ids)" = 8086:4941 ]
	[[ $stderr == *"leaves out 8086:1521"* ]]
	# Not in this boot, and in those with what is written here.
	machine sriov
	kernel_tree
	conf <<<$'[host]\nextra_args = ip=dhcp\n[claim nic]\nmatch = 8086:1521'
	cmdline --with-hardware
	[ -z "$(word vfio-pci.ids)" ]
	[[ $output == *ip=dhcp* ]]
	# An image for machines that are not known has what the claims say.
	cmdline
	[ "$(word vfio-pci.ids)" = 8086:1521 ]
	# Nothing to read a sign from.
	conf <<<$'[claim nic]\nmatch = 8086:1521'
	rm "$ROOT/proc/cmdline"
	cmdline --with-hardware
	[ "$(word vfio-pci.ids)" = 8086:1521 ]
}
