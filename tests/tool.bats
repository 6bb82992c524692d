#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The command line tool: check and image.

# shellcheck disable=SC2154 # bats sets stderr and stderr_lines
setup() {
	load lib/machine.bash
	ROOT=$BATS_TEST_TMPDIR/tree
	mkdir -p "$ROOT/etc/vfio-claim.conf.d" "$ROOT/usr/lib/vfio-claim.conf.d"
	CONF=$ROOT/etc/vfio-claim.conf
	bats_require_minimum_version 1.5.0
}

check() {
	"$TOOL" check --root "$ROOT" "$@"
}

@test "check: a valid configuration, exit 0" {
	printf '[claim p2000]\nmatch = 10de:1c30\nexcept = 83:00.0\n' >"$CONF"
	run --separate-stderr check
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[[ $output == "valid: 1 claim in 1 file"* ]]
	[[ $output == *"p2000  match    10de:1c30"* ]]
	[[ $output == *"except   0000:83:00.0"* ]]
}

@test "check: no configuration is valid and says so" {
	rm -r "${ROOT:?}"/*
	run --separate-stderr check
	[ "$status" -eq 0 ]
	[[ $output == "no configuration: nothing is claimed"* ]]
	run --separate-stderr check --json
	[ "$status" -eq 0 ]
	[ "$(jq -c . <<<"$output")" = '{"valid":true,"files":[],"errors":[],"warnings":[],"claims":[]}' ]
}

@test "check: every error with file and line on stderr, exit 3" {
	cat >"$CONF" <<-'END'
		[host]
		iommu = of
		immou = pt
		[claim a]
		match = 10de:1c3
		expect = none
		[claim b]
	END
	run --separate-stderr check
	[ "$status" -eq 3 ]
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 5 ]
	[[ ${stderr_lines[0]} == "$CONF:2: error: "*"'of'"* ]]
	[[ ${stderr_lines[1]} == "$CONF:3: error: "*"did you mean 'iommu'?" ]]
	[[ ${stderr_lines[2]} == "$CONF:5: error: '10de:1c3': IDs are "* ]]
	[[ ${stderr_lines[3]} == "$CONF:6: error: "* ]]
	[[ ${stderr_lines[4]} == "$CONF:7: error: claim b has no match line"* ]]
}

@test "check --json: a valid configuration" {
	printf '[claim p2000]\nmatch = 10de:1c30\nmatch = class=03 nth=2\nexcept = 83:00.*\n' >"$CONF"
	printf 'functions = matched\ndriver = vfio-pci\nwhen = early\nexpect = 2\n[claim b]\nmatch=1:2\n' \
		>>"$CONF"
	sed -i 's/match=1:2/match=0001:0002/' "$CONF"
	run --separate-stderr check --json
	[ "$status" -eq 0 ]
	[ "$(jq -c .claims[0] <<<"$output")" = '{"name":"p2000","match":["10de:1c30","class=03 nth=2"],"except":["0000:83:00.*"],"functions":"matched","driver":"vfio-pci","when":"early","expect":2}' ]
	[ "$(jq -c .claims[1] <<<"$output")" = '{"name":"b","match":["0001:0002"],"except":[],"functions":"all","driver":"auto","when":"auto","expect":null}' ]
	[ "$(jq .valid <<<"$output")" = true ]
}

@test "check --json: errors, nothing on stderr, exit 3" {
	printf '[host]\niommu = "\\\n\x1b[31m = \xff\n' >"$CONF"
	run --separate-stderr check --json
	[ "$status" -eq 3 ]
	[ -z "$stderr" ]
	[ "$(jq .valid <<<"$output")" = false ]
	[ "$(jq -c '[.errors[].line]' <<<"$output")" = '[2,3]' ]
	[ "$(jq -r '.errors[0].file' <<<"$output")" = "$CONF" ]
	jq -e '.errors[0].message | contains("\"\\")' <<<"$output"
	[ "$(jq -c .claims <<<"$output")" = '[]' ]
	# No byte of the file that is not text gets through.
	printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/json"
	run ! env LC_ALL=C grep -q '[^ -~]' "$BATS_TEST_TMPDIR/json"
}

@test "check: drop-ins in their order, a later one replaces" {
	printf '[claim a]\nmatch = 10de:0001\n[claim b]\nmatch = 10de:0002\n' \
		>"$ROOT/usr/lib/vfio-claim.conf.d/50-image.conf"
	printf '[claim b]\nmatch = 10de:0003\n' >"$CONF"
	printf '[claim c]\nmatch = 10de:0004\n' >"$ROOT/etc/vfio-claim.conf.d/20-b.conf"
	printf '[claim c]\nmatch = 10de:0005\n' >"$ROOT/etc/vfio-claim.conf.d/10-a.conf"
	printf 'nonsense\n' >"$ROOT/etc/vfio-claim.conf.d/README"
	printf 'nonsense\n' >"$ROOT/etc/vfio-claim.conf.d/x.conf.bak"
	printf 'nonsense\n' >"$ROOT/etc/vfio-claim.conf.d/.hidden.conf"
	run --separate-stderr check --json
	[ "$status" -eq 0 ]
	[ "$(jq -c '[.claims[] | [.name, .match[0]]]' <<<"$output")" = \
		'[["a","10de:0001"],["b","10de:0003"],["c","10de:0004"]]' ]
	[ "$(jq '.files | length' <<<"$output")" -eq 4 ]
	[ "$(jq -r '.files[0] | split("/")[-1]' <<<"$output")" = 50-image.conf ]
	[ "$(jq -r '.files[3] | split("/")[-1]' <<<"$output")" = 20-b.conf ]
}

@test "check: an error in a drop-in is told with the drop-in's name" {
	printf '[claim a]\nmatch = 10de:0001\n' >"$CONF"
	printf '[claim b]\n' >"$ROOT/etc/vfio-claim.conf.d/10.conf"
	run --separate-stderr check
	[ "$status" -eq 3 ]
	[[ $stderr == "$ROOT/etc/vfio-claim.conf.d/10.conf:1: error: "* ]]
}

@test "check: what cannot be read as a file is an error, not a missing file" {
	mkdir "$CONF"
	run --separate-stderr check
	[ "$status" -eq 3 ]
	[[ $stderr == *"it cannot be read"* ]]
	rmdir "$CONF"
	ln -s nowhere "$CONF"
	run --separate-stderr check
	[ "$status" -eq 3 ]
}

@test "check: a drop-in that is masked with /dev/null, in a tree without one" {
	printf '[claim a]\nmatch = 10de:0001\n' >"$CONF"
	printf 'nonsense\n' >"$ROOT/usr/lib/vfio-claim.conf.d/50-image.conf"
	ln -s /dev/null "$ROOT/etc/vfio-claim.conf.d/50-image.conf"
	ln -s /dev/null "$ROOT/etc/vfio-claim.conf.d/60-mine.conf"
	run --separate-stderr check
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	# Another device is no mask.
	ln -sf /dev/zero "$ROOT/etc/vfio-claim.conf.d/60-mine.conf"
	run --separate-stderr check
	[ "$status" -eq 3 ]
	[[ $stderr == *"60-mine.conf"*"cannot be read"* ]]
}

@test "check --config: this file alone" {
	printf 'nonsense\n' >"$CONF"
	printf '[claim a]\nmatch = 10de:0001\n' >"$BATS_TEST_TMPDIR/mine"
	run --separate-stderr check --config "$BATS_TEST_TMPDIR/mine"
	[ "$status" -eq 0 ]
	run --separate-stderr check --config "$BATS_TEST_TMPDIR/none"
	[ "$status" -eq 3 ]
	[[ $stderr == *"cannot be read"* ]]
}

@test "usage: help and version on stdout, exit 0" {
	run --separate-stderr "$TOOL" --help
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[[ $output == "Usage: vfio-claim COMMAND"* ]]
	run --separate-stderr "$TOOL" check --help
	[ "$status" -eq 0 ]
	run --separate-stderr "$TOOL" --version
	[ "$status" -eq 0 ]
	[[ $output =~ ^vfio-claim\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	[ "$("$TOOL" -V)" = "$output" ]
	[ "$("$TOOL" check -h)" = "$("$TOOL" --help)" ]
	[ "$("$TOOL" -h)" = "$("$TOOL" --help)" ]
}

@test "usage: what is wrong is said on stderr with a hint, exit 2" {
	local words

	for words in "" "chek" "check --jsn" "check -j" "check extra" "check --root" "check --json=1" \
		"image" "image --modules" "image --kernel 6.1" "image --dest x --modules" "--dest x" \
		"image --modules --kernel 6.1 --dest x"; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr "$TOOL" $words
		echo "'$words' gives $status: $stderr"
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ -n "$stderr" ]
	done
	run --separate-stderr "$TOOL" chek
	[[ $stderr == *"did you mean 'check'?"* ]]
	run --separate-stderr "$TOOL" check --jsn
	[[ $stderr == *"did you mean --json?"* ]]
}

@test "usage: a root that is not there, exit 5" {
	run "$TOOL" check --root "$BATS_TEST_TMPDIR/none"
	[ "$status" -eq 5 ]
}

@test "image --wanted: 0 with a configuration, be it empty, 1 without" {
	run "$TOOL" image --wanted --root "$ROOT"
	[ "$status" -eq 1 ]
	: >"$CONF"
	run "$TOOL" image --wanted --root "$ROOT"
	[ "$status" -eq 0 ]
	rm "$CONF"
	: >"$ROOT/usr/lib/vfio-claim.conf.d/a.conf"
	run "$TOOL" image --wanted --root "$ROOT"
	[ "$status" -eq 0 ]
}

@test "image --dest: writes the table, and nothing else" {
	printf '[claim p2000]\nmatch = 10de:1c30\nexpect = 2\n' >"$CONF"
	mkdir "$BATS_TEST_TMPDIR/image"
	"$TOOL" image --root "$ROOT" --dest "$BATS_TEST_TMPDIR/image"
	[ "$(cd "$BATS_TEST_TMPDIR/image" && find . -type f)" = ./etc/vfio-claim/claims ]
	diff - <(head -n -1 "$BATS_TEST_TMPDIR/image/etc/vfio-claim/claims") <<-'END'
		vfio-claim-table 1
		claim p2000
		match 10de:1c30
		functions all
		driver auto
		when auto
		expect 2
		origin config
	END
	tail -n 1 "$BATS_TEST_TMPDIR/image/etc/vfio-claim/claims" | grep -qE '^checksum [0-9a-f]{16}$'
	# Again over the first.
	"$TOOL" image --root "$ROOT" --dest "$BATS_TEST_TMPDIR/image"
	[ "$(cd "$BATS_TEST_TMPDIR/image" && find . -type f)" = ./etc/vfio-claim/claims ]
}

@test "image: an invalid configuration makes no table, exit 3" {
	printf '[claim p2000]\nmatch = 10de:1c3\n' >"$CONF"
	mkdir "$BATS_TEST_TMPDIR/image"
	run --separate-stderr "$TOOL" image --root "$ROOT" --dest "$BATS_TEST_TMPDIR/image"
	[ "$status" -eq 3 ]
	[[ $stderr == "$CONF:2: error: "* ]]
	[[ $stderr == *"the initramfs is not built"* ]]
	[ -z "$(find "$BATS_TEST_TMPDIR/image" -type f)" ]
	run --separate-stderr "$TOOL" image --root "$ROOT" --modules --kernel 6.1.0
	[ "$status" -eq 3 ]
	[ -z "$output" ]
}

@test "image --dest: a destination that cannot be written, exit 5" {
	printf '[claim p2000]\nmatch = 10de:1c30\n' >"$CONF"
	run "$TOOL" image --root "$ROOT" --dest "$BATS_TEST_TMPDIR/none"
	[ "$status" -eq 5 ]
	mkdir "$BATS_TEST_TMPDIR/image"
	: >"$BATS_TEST_TMPDIR/image/etc"
	run "$TOOL" image --root "$ROOT" --dest "$BATS_TEST_TMPDIR/image"
	[ "$status" -eq 5 ]
}

# kernel_module NAME [ALIAS]: an object file that is a module to depmod.
kernel_module() {
	local dir=$ROOT/lib/modules/6.1.0/kernel

	mkdir -p "$dir"
	printf 'const char n[] __attribute__((section(".modinfo"))) = "name=%s";
		const char a[] __attribute__((section(".modinfo"))) = "alias=%s";\n' \
		"$1" "${2:-none:$1}" | gcc -x c -c -o "$dir/$1.ko" -
}

kernel_tree() {
	kernel_module vfio_pci 'vfio_pci:v*d*sv*sd*bc*sc*i*'
	kernel_module vfio_iommu_type1
	kernel_module mlx5_vfio_pci 'vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i*'
	kernel_module nvgrace_gpu_vfio_pci 'vfio_pci:v000010DEd00002342sv*sd*bc*sc*i*'
	kernel_module other-vfio-pci
	touch "$ROOT/lib/modules/6.1.0/modules.order" "$ROOT/lib/modules/6.1.0/modules.builtin"
	depmod -b "$ROOT" 6.1.0
}

modules() {
	run --separate-stderr "$TOOL" image --modules --kernel 6.1.0 --root "$ROOT"
	echo "$output / $stderr"
	[ "$status" -eq 0 ]
}

@test "image --modules: vfio_pci, and the variants that a claim could need" {
	kernel_tree
	: >"$CONF"
	modules
	[ "${output//$'\n'/ }" = "vfio_pci vfio_iommu_type1" ]
	printf '[claim a]\nmatch = 10de:1c30\n' >"$CONF"
	modules
	[ "${output//$'\n'/ }" = "vfio_pci vfio_iommu_type1" ]
	[ -z "$stderr" ]
	printf '[claim a]\nmatch = 10de:2342\n' >"$CONF"
	modules
	[ "${output//$'\n'/ }" = "vfio_pci vfio_iommu_type1 nvgrace_gpu_vfio_pci" ]
	printf '[claim a]\nmatch = 10de:2342\ndriver = vfio-pci\n' >"$CONF"
	modules
	[ "${output//$'\n'/ }" = "vfio_pci vfio_iommu_type1" ]
	printf '[claim a]\nmatch = 01:00.0\n' >"$CONF"
	modules
	[ "$(sort <<<"$output" | tr '\n' ' ')" = \
		"mlx5_vfio_pci nvgrace_gpu_vfio_pci vfio_iommu_type1 vfio_pci " ]
	printf '[claim a]\nmatch = 10de:1c30\ndriver = other-vfio-pci\n' >"$CONF"
	modules
	[ "${output//$'\n'/ }" = "vfio_pci vfio_iommu_type1 other_vfio_pci" ]
}

@test "image --modules: a module that the kernel lacks is left out, with a warning" {
	kernel_tree
	printf '[claim a]\nmatch = 10de:1c30\ndriver = none-vfio-pci\n' >"$CONF"
	modules
	[ "${output//$'\n'/ }" = "vfio_pci vfio_iommu_type1" ]
	[[ $stderr == *"kernel 6.1.0 has no module none_vfio_pci"* ]]
	rm "$ROOT"/lib/modules/6.1.0/kernel/vfio_pci.ko
	depmod -b "$ROOT" 6.1.0
	modules
	[ "$output" = vfio_iommu_type1 ]
	[[ $stderr == *"has no module vfio_pci"* ]]
}

@test "image --modules: a built-in module is there" {
	kernel_tree
	rm "$ROOT"/lib/modules/6.1.0/kernel/vfio_pci.ko
	echo kernel/drivers/vfio/pci/vfio-pci.ko >"$ROOT/lib/modules/6.1.0/modules.builtin"
	printf 'vfio_pci.license=GPL\0' >"$ROOT/lib/modules/6.1.0/modules.builtin.modinfo"
	depmod -b "$ROOT" 6.1.0
	: >"$CONF"
	modules
	[[ $stderr != *"has no module vfio_pci"* ]]
}

@test "image --modules: a kernel that is not there is said, not passed over" {
	: >"$CONF"
	run --separate-stderr "$TOOL" image --modules --kernel 6.9.9 --root "$ROOT"
	[ -z "$output" ]
	[[ $stderr == *"6.9.9"* ]]
}

@test "check --root: links of a tree do not lead out of it" {
	local outside=$BATS_TEST_TMPDIR/outside

	mkdir -p "$outside/conf.d" "$ROOT/inside/conf.d"
	echo 'nonsense' | tee "$outside/conf.d/a.conf" >"$outside/main.conf"
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$ROOT/inside/main.conf"
	rmdir "$ROOT/etc/vfio-claim.conf.d"
	ln -s "$outside/conf.d" "$ROOT/etc/vfio-claim.conf.d"
	ln -s /inside/main.conf "$CONF"
	run -0 --separate-stderr "$TOOL" check --root "$ROOT"
	[[ $output == "valid: 1 claim in 1 file"* ]]
	# The same with links that stay below it.
	mkdir -p "$ROOT$outside"
	cp -r "$outside/conf.d" "$ROOT$outside/"
	run -3 --separate-stderr "$TOOL" check --root "$ROOT"
	[[ $stderr == *"/etc/vfio-claim.conf.d/a.conf:1: error"* ]]
}

@test "check --root: what is outside of the tree hides none of its files" {
	local outside=$BATS_TEST_TMPDIR/outside

	mkdir -p "$outside" "$ROOT/usr/lib/vfio-claim.conf.d"
	: >"$outside/a.conf"
	rmdir "$ROOT/etc/vfio-claim.conf.d"
	ln -s "$outside" "$ROOT/etc/vfio-claim.conf.d"
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$ROOT/usr/lib/vfio-claim.conf.d/a.conf"
	run -0 --separate-stderr "$TOOL" check --root "$ROOT"
	[[ $output == "valid: 1 claim in 1 file"* ]]
	# The same within the tree.
	mkdir -p "$ROOT$outside"
	: >"$ROOT$outside/a.conf"
	run -0 --separate-stderr "$TOOL" check --root "$ROOT"
	[[ $output == "valid: 0 claims in 1 file"* ]]
}

# ---- What works against the claims

# leftover FILE WARNING [JSON]: the file has the text of stdin, and check warns of it.
leftover() {
	mkdir -p "$(dirname "$ROOT/$1")"
	cat >"$ROOT/$1"
	run -0 --separate-stderr "$TOOL" check --root "$ROOT"
	echo "$stderr"
	[[ $stderr == *"$ROOT/$1:$2"* ]]
	rm "$ROOT/$1"
}

@test "check: what older guides left in files is told, with its line" {
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$CONF"
	run -0 --separate-stderr "$TOOL" check --root "$ROOT"
	[ -z "$stderr" ]
	leftover etc/default/grub '2: warning: amd_iommu=on is no option' \
		<<<$'# mine\nGRUB_CMDLINE_LINUX_DEFAULT="quiet amd_iommu=on iommu=pt"'
	leftover etc/default/grub.d/10-gpu.cfg '1: warning: vfio-pci.ids= beside' \
		<<<'GRUB_CMDLINE_LINUX="vfio-pci.ids=10de:1c30"'
	leftover etc/default/grub '1: warning: vfio-pci.ids= gives 10de:20f1 to VFIO, which no claim names' \
		<<<'GRUB_EDPM_KERNEL_ARGS=" vfio-pci.ids=10de:1c30,10de:20f1 "'
	leftover etc/kernel/cmdline '1: warning: rdblacklist= is an old name' <<<'ro rdblacklist=nouveau'
	leftover etc/kernel/cmdline '1: warning: the kernel knows no '"'rs.driver.blacklist'" \
		<<<'root=/dev/sda1 rs.driver.blacklist=nouveau'
	leftover etc/modprobe.d/vfio.conf '1: warning: ids= of vfio-pci' \
		<<<'options vfio-pci ids=10de:1c30'
	leftover usr/lib/modprobe.d/stub.conf '1: warning: pci_stub of an older guide' \
		<<<'options pci-stub ids=10de:1c30'
	leftover etc/initramfs-tools/modules '1: warning: pci_stub of an older guide' \
		<<<'pci_stub ids=10de:1c30'
	leftover etc/driverctl.d/pci-0000:01:00.0 \
		'1: warning: driverctl gives 0000:01:00.0 to vfio-pci when udev runs' <<<vfio-pci
	leftover etc/initramfs-tools/scripts/init-top/bind_vfio '2: warning: it binds devices by hand' \
		<<<$'#!/bin/sh\necho vfio-pci >/sys/bus/pci/devices/0000:01:00.0/driver_override'
	leftover etc/udev/rules.d/25-vfio-pci-bind.rules '1: warning: it binds devices by hand' \
		<<<'SUBSYSTEM=="pci", TAG=="vfio-pci", RUN+="vfio-pci-bind.sh $kernel"'
	leftover etc/systemd/system/gpu.service '1: warning: it binds devices by hand' \
		<<<'ExecStart=/usr/local/bin/vfio-bind-devices.sh'
	leftover usr/lib/bootc/kargs.d/10.toml "1: warning: modprobe.blacklist= takes underscores" \
		<<<'kargs = ["modprobe.blacklist=snd-hda-intel"]'
}

@test "check: our own files are no leftovers" {
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$CONF"
	mkdir -p "$ROOT/etc/modprobe.d" "$ROOT/etc/default/grub.d"
	echo 'options vfio-pci ids=10de:1c30' >"$ROOT/etc/modprobe.d/vfio-claim.conf"
	echo 'GRUB_CMDLINE_LINUX="vfio-pci.ids=1:2"' >"$ROOT/etc/default/grub.d/90-vfio-claim.cfg"
	run -0 --separate-stderr "$TOOL" check --root "$ROOT"
	[ -z "$stderr" ]
}

@test "check: what export edpm wrote into a node set is no leftover" {
	local arguments

	printf '[claim gpu]\nmatch = 10de:1c30\n[claim nic]\nmatch = 8086:1563\n' >"$CONF"
	arguments=$("$TOOL" export edpm --root "$ROOT" | sed -n 's/.*edpm_kernel_args: "\(.*\)"/\1/p')
	[[ $arguments == *vfio-pci.ids=* ]]
	mkdir -p "$ROOT/etc/default"
	echo "GRUB_EDPM_KERNEL_ARGS=\" $arguments \"" >"$ROOT/etc/default/grub"
	run -0 --separate-stderr "$TOOL" check --root "$ROOT"
	[ -z "$stderr" ]
}

@test "check: vfio_virqfd is wrong where no kernel has it" {
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$CONF"
	mkdir -p "$ROOT/etc/modules-load.d"
	printf 'vfio\nvfio_virqfd\n' >"$ROOT/etc/modules-load.d/vfio.conf"
	kernel_tree
	run -0 --separate-stderr "$TOOL" check --root "$ROOT"
	[[ $stderr == *"vfio.conf:2: warning: no kernel here has the module vfio_virqfd"* ]]
	kernel_module vfio_virqfd
	depmod -b "$ROOT" 6.1.0
	run -0 --separate-stderr "$TOOL" check --root "$ROOT"
	[ -z "$stderr" ]
}

@test "check --json: warnings beside a valid configuration" {
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$CONF"
	mkdir -p "$ROOT/etc/kernel"
	echo 'ro amd_iommu=on' >"$ROOT/etc/kernel/cmdline"
	run -0 --separate-stderr "$TOOL" check --root "$ROOT" --json
	jq -e '.valid and (.warnings | length == 1) and .warnings[0].line == 1' <<<"$output"
	[ -z "$stderr" ]
}

@test "check --config: one file is asked about, not the system" {
	printf '[claim gpu]\nmatch = 10de:1c30\n' >"$BATS_TEST_TMPDIR/one.conf"
	mkdir -p "$ROOT/etc/kernel"
	echo 'ro amd_iommu=on' >"$ROOT/etc/kernel/cmdline"
	run -0 --separate-stderr "$TOOL" check --root "$ROOT" --config "$BATS_TEST_TMPDIR/one.conf"
	[ -z "$stderr" ]
}
