#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# `vfio-claim export` for MAAS, cloud-init, Juju and OpenShift: readers of those languages get what
# the configuration and `vfio-claim cmdline` say, and the commands in them do what they should.

# shellcheck disable=SC2154 # bats sets stderr

setup() {
	load lib/machine.bash
	bats_require_minimum_version 1.5.0
	IMAGE=$BATS_TEST_TMPDIR/image
	OUT=$BATS_TEST_TMPDIR/out
	mkdir -p "$IMAGE/etc/vfio-claim.conf.d" "$IMAGE/usr/lib/vfio-claim.conf.d"
}

# config < TEXT: the configuration of an image, without any hardware.
config() {
	cat >"$IMAGE/etc/vfio-claim.conf"
}

# export_of FORMAT [OPTION]...: into $OUT, of the image.
export_of() {
	"$TOOL" export "$@" --root "$IMAGE" >"$OUT"
}

# as_host FORMAT [OPTION]...: by the image as a host of its own, whose processor is $BATS_TEST_TMPDIR's
# cpuinfo. No other system is around it, so that it is none of a chroot's.
as_host() {
	unshare --pid --fork --mount sh -c 'mount -t proc proc "$1/proc" &&
		mount --bind "$2" "$1/proc/cpuinfo" && shift 2 && exec "$@"' sh "$IMAGE" \
		"$BATS_TEST_TMPDIR/cpuinfo" chroot "$IMAGE" /usr/sbin/vfio-claim export "$@"
}

# of_yaml EXPRESSION [FILE]: what Python makes of it, `d` being the document.
of_yaml() {
	python3 -c '
import base64, sys, yaml
d = yaml.safe_load(open(sys.argv[2], encoding="utf-8"))
result = eval(sys.argv[1])
sys.stdout.write(result if isinstance(result, str) else repr(result))' "$1" "${2-$OUT}"
}

# maas_words: what the command in $OUT gives to `maas`, one word a file $BATS_TEST_TMPDIR/word.N.
maas_words() {
	rm -f "$BATS_TEST_TMPDIR"/word.*
	mkdir -p "$BATS_TEST_TMPDIR/maas-bin"
	cat >"$BATS_TEST_TMPDIR/maas-bin/maas" <<-'END'
		#!/bin/sh
		n=0
		for word; do
			n=$((n + 1))
			printf '%s' "$word" >"$WORDS.$n"
		done
	END
	chmod +x "$BATS_TEST_TMPDIR/maas-bin/maas"
	PROFILE='ad min' WORDS=$BATS_TEST_TMPDIR/word PATH=$BATS_TEST_TMPDIR/maas-bin:$PATH dash "$OUT"
	[ "$(cat "$BATS_TEST_TMPDIR/word.1")" = "ad min" ]
	[ "$(cat "$BATS_TEST_TMPDIR/word.2" "$BATS_TEST_TMPDIR/word.3")" = tagscreate ]
	[ "$(ls "$BATS_TEST_TMPDIR"/word.* | wc -l)" -eq 7 ]
}

# maas_option KEY
maas_option() {
	local file

	for file in "$BATS_TEST_TMPDIR"/word.*; do
		if [[ $(cat "$file") == "$1="* ]]; then
			sed "1s/^$1=//" "$file"
			return 0
		fi
	done
	return 1
}

# picks XML: what the definition says of it.
picks() {
	xmllint --xpath "boolean($(maas_option definition))" "$1"
}

# has_every_claim ROOT CONFIG: yes or no: each claim names a device there.
has_every_claim() {
	local wanted found

	wanted=$("$TOOL" check --config "$2" --json | jq -r '.claims[].name' | sort -u)
	found=$("$TOOL" list --root "$1" --with-hardware --config "$2" --json |
		jq -r '.devices[].claim | select(. != null and .taken and .companion == false) | .name' | sort -u)
	[ "$wanted" = "$found" ] && echo true || echo false
}

# ---- MAAS

@test "maas: kernel_opts are those of cmdline, and the tag has a valid name" {
	printf '[host]\ncpu = intel\nextra_args = hugepagesz=1G hugepages=4\n[claim gpu.a-1_b]\nmatch = 10de:1c30\n' |
		config
	export_of maas
	maas_words
	[ "$(maas_option kernel_opts)" = "$("$TOOL" cmdline --root "$IMAGE" 2>/dev/null)" ]
	[[ $(maas_option kernel_opts) == *"hugepagesz=1G hugepages=4"* ]]
	[[ $(maas_option name) =~ ^[A-Za-z0-9_-]+$ ]]
	[ "$(maas_option name)" = vfio-claim-gpu-a-1_b ]
	shellcheck -s sh "$OUT"
	grep -q '" --- "' "$OUT"
}

# bats test_tags=native
@test "maas: the definition picks the machines where each claim finds a device, and no others" {
	local table root xml config yes=0 no=0 expected

	mkdir "$BATS_TEST_TMPDIR/configs"
	cd "$BATS_TEST_TMPDIR/configs"
	printf '[claim a]\nmatch = 10de:1c30\n' >ids
	printf '[claim a]\nmatch = 10de:1c30:103c:11b3\n' >subsystem
	printf '[claim a]\nmatch = *:1c30\n' >any-vendor
	printf '[claim a]\nmatch = 10de:*\nexcept = 10de:*:10de:*\n' >except
	printf '[claim a]\nmatch = class=0302\nmatch = class=0c0330 10de:*\n' >class
	printf '[claim a]\nmatch = 0000:01:00.0 10de:1c30\n' >slot
	printf '[claim a]\nmatch = 10001:01:00.* class=03\n' >domain
	printf '[claim a]\nmatch = path=00:04.0/00.0 10de:1c30\n' >path
	printf '[claim a]\nmatch = path=40:01.1/00.0/08.0/00.2\n' >long-path
	printf '[claim a]\nmatch = 10de:1c30 nth=2\n' >nth
	printf '[claim a]\nmatch = 10de:1c30\n[claim b]\nmatch = 144d:a80a\n' >two
	printf '[claim a]\nmatch = 10de:1c30\n[claim b]\nmatch = 1234:5678\n' >absent
	printf '[claim a]\nmatch = 8086:*\nfunctions = matched\n' >vendor
	printf '[claim a]\nmatch = 10de:22a3\n' >nvswitch
	printf '[claim a]\nmatch = class=0680 10de:*\n' >other-bridge
	for table in "$TESTS"/machines/{nvswitch,twin-gpus,workstation,vm-nvidia-p100,domains,sriov,server-dell-matrox,laptop-alderlake}.txt; do
		root=$BATS_TEST_TMPDIR/$(basename "$table" .txt)
		"$TESTS/machines/make-tree" "$table" "$root"
		# Root is on no device of it.
		mkdir "$root/proc/self"
		echo '22 1 0:21 / / rw - tmpfs tmpfs rw' >"$root/proc/self/mountinfo"
		: >"$root/proc/swaps"
		"$TESTS/tools/lshw-xml" "$root" >"$root.xml"
		"$TESTS/tools/lshw-xml" "$root" numeric >"$root.numeric.xml"
	done
	for config in *; do
		config <"$config"
		export_of maas
		maas_words
		for xml in "$BATS_TEST_TMPDIR"/*.numeric.xml; do
			root=${xml%.numeric.xml}
			expected=$(has_every_claim "$root" "$config")
			echo "$config on ${root##*/}: $expected"
			[ "$(picks "$xml")" = "$expected" ]
			[ "$(picks "$root.xml")" = "$expected" ]
			case $expected in
			true) yes=$((yes + 1)) ;;
			false) no=$((no + 1)) ;;
			esac
		done
	done
	echo "$yes yes, $no no"
	[ "$yes" -ge 15 ] && [ "$no" -ge 15 ]
}

@test "maas: an address alone also means the card that is there now" {
	machine twin-gpus
	printf '[claim a]\nmatch = 0000:02:00.0\n' >"$ROOT/etc/vfio-claim.conf"
	"$TESTS/tools/lshw-xml" "$ROOT" >"$BATS_TEST_TMPDIR/this.xml"
	sed 's/v000010DEd00001C30sv0000103C/v00008086d000010D3sv0000103C/' "$BATS_TEST_TMPDIR/this.xml" \
		>"$BATS_TEST_TMPDIR/other.xml"
	"$TOOL" export maas --root "$ROOT" --with-hardware >"$OUT"
	maas_words
	[ "$(picks "$BATS_TEST_TMPDIR/this.xml")" = true ]
	[ "$(picks "$BATS_TEST_TMPDIR/other.xml")" = false ]
	"$TOOL" export maas --root "$ROOT" >"$OUT"
	maas_words
	[ "$(picks "$BATS_TEST_TMPDIR/other.xml")" = true ]
}

@test "what is for other machines has no arguments of this one's CPU alone" {
	local vendor format

	[ "$(id -u)" -eq 0 ] || skip "chroot needs root"
	load lib/debian.bash
	make_debian "$IMAGE" 6.1.0-28-amd64
	printf '[claim gpu]\nmatch = 10de:1c30\n' | config
	for vendor in AuthenticAMD GenuineIntel; do
		printf 'vendor_id\t: %s\n' "$vendor" >"$BATS_TEST_TMPDIR/cpuinfo"
		for format in maas machineconfig edpm bright; do
			as_host "$format" >>"$BATS_TEST_TMPDIR/$vendor"
			as_host "$format" --with-hardware >"$BATS_TEST_TMPDIR/this"
			[ "$vendor" = GenuineIntel ] || ! grep -q intel_iommu=on "$BATS_TEST_TMPDIR/this"
		done
	done
	[ "$(grep -c 'intel_iommu=on' "$BATS_TEST_TMPDIR/AuthenticAMD")" -ge 4 ]
	diff "$BATS_TEST_TMPDIR/AuthenticAMD" "$BATS_TEST_TMPDIR/GenuineIntel"
}

@test "maas: what lshw itself prints has what definitions look at" {
	local device address ids count=0

	[ "$(id -u)" -eq 0 ] || skip "lshw needs root"
	lshw -xml >"$BATS_TEST_TMPDIR/lshw.xml" 2>/dev/null
	for device in /sys/bus/pci/devices/*; do
		[ -e "$device/vendor" ] || continue
		[[ $(cat "$device/class") != 0x06* ]] || continue
		address=${device##*/}
		ids=$(cut -c3- "$device/vendor"):$(cut -c3- "$device/device")
		printf '[claim a]\nmatch = %s %s\n' "$address" "$ids" | config
		export_of maas
		maas_words
		[ "$(picks "$BATS_TEST_TMPDIR/lshw.xml")" = true ]
		printf '[claim a]\nmatch = %s 1234:%s\n' "$address" "${ids#*:}" | config
		export_of maas
		maas_words
		[ "$(picks "$BATS_TEST_TMPDIR/lshw.xml")" = false ]
		count=$((count + 1))
	done
	[ "$count" -gt 0 ] || skip "this machine has no PCI device"
}

@test "maas: without any claim there is nothing to pick machines by" {
	config </dev/null
	run -4 --separate-stderr "$TOOL" export maas --root "$IMAGE"
	[ -z "$output" ]
	[[ $stderr == *"no claim"* ]]
}

# ---- What is carried

# Three files, which later ones replace.
three_files() {
	printf '# the image\n[claim gpu]\nmatch = 10de:1c30\n' >"$IMAGE/usr/lib/vfio-claim.conf.d/50-image.conf"
	printf '[host]\ncpu = intel\n' | config
	printf '[claim gpu]\nmatch = 10de:2204\n[claim nic]\nmatch = 8086:10d3\n' >"$IMAGE/etc/vfio-claim.conf.d/60-site.conf"
}

@test "cloud-init, juju: the configuration arrives byte by byte, and says the same there" {
	local format there=$BATS_TEST_TMPDIR/there

	three_files
	export_of cloud-init
	[ "$(head -n 1 "$OUT")" = "#cloud-config" ]
	[ "$(of_yaml 'sorted(d)')" = "['power_state', 'runcmd', 'write_files']" ]
	mkdir -p "$there"
	of_yaml '[base64.b64decode(f["content"]) for f in d["write_files"]]' >"$there/have"
	python3 -c 'import sys; sys.stdout.write(repr([open(f, "rb").read() for f in sys.argv[1:]]))' \
		"$IMAGE/usr/lib/vfio-claim.conf.d/50-image.conf" "$IMAGE/etc/vfio-claim.conf" \
		"$IMAGE/etc/vfio-claim.conf.d/60-site.conf" >"$there/want"
	diff "$there/have" "$there/want"
	of_yaml 'd["runcmd"][0][2]' >"$there/script"
	export_of juju
	head -n 1 "$OUT" | grep -qF '`juju model-config --file FILE`'
	[ "$(of_yaml 'sorted(d)')" = "['cloudinit-userdata']" ]
	of_yaml 'd["cloudinit-userdata"]' >"$there/inner"
	[ "$(of_yaml 'sorted(d)' "$there/inner")" = "['postruncmd']" ]
	of_yaml 'd["postruncmd"][0][2]' "$there/inner" >"$there/juju-script"
	for file in script juju-script; do
		dash -n "$there/$file"
		shellcheck -s sh "$there/$file"
		grep -q 'install -D -m 0644 "$stage/3.conf" '"'/etc/vfio-claim.conf.d/60-site.conf'" "$there/$file"
	done
	# As Juju's runCmdToString() wants it: a list of strings.
	[ "$(of_yaml '[type(w).__name__ for w in d["postruncmd"][0]]' "$there/inner")" = "['str', 'str', 'str']" ]
}

@test "machineconfig: arguments and files are those of this system" {
	local want

	printf '[host]\ncpu = intel\nextra_args = hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=4\n[claim gpu]\nmatch = 10de:1c30\n' |
		config
	export_of machineconfig
	[ "$(of_yaml 'd["kind"] + d["apiVersion"]')" = MachineConfigmachineconfiguration.openshift.io/v1 ]
	[ "$(of_yaml 'd["spec"]["config"]["ignition"]["version"]')" = 3.2.0 ]
	want=$("$TOOL" cmdline --json --root "$IMAGE" | jq -r .line)
	[ "$(of_yaml '" ".join(d["spec"]["kernelArguments"])')" = "$want" ]
	[ "$(of_yaml 'd["spec"]["config"]["storage"]["files"][0]["path"]')" = /etc/vfio-claim.conf ]
	[ "$(of_yaml 'd["spec"]["config"]["storage"]["files"][0]["mode"]')" = $((0644)) ]
	of_yaml 'd["spec"]["config"]["storage"]["files"][0]["contents"]["source"]' |
		sed 's/^data:;base64,//' | base64 -d | cmp - "$IMAGE/etc/vfio-claim.conf"
	# /usr of a node is read-only.
	three_files
	run -4 --separate-stderr "$TOOL" export machineconfig --root "$IMAGE"
	[[ $stderr == *"/usr/lib/vfio-claim.conf.d/50-image.conf"*"--config"* ]]
}

# bats test_tags=native
@test "no byte of a configuration can end a string of YAML or of the shell" {
	local n

	# Where anything may stand is a comment; keys have their own checks.
	for n in $(seq 1 15); do
		python3 - "$n" >"$IMAGE/etc/vfio-claim.conf" <<-'END'
			import random, sys
			random.seed(int(sys.argv[1]))
			pieces = [b"'", b'"', b"$(touch pwned)", b"`touch pwned`", b"\\", b"\\\n", b"\r", b"\nEND\n",
			          b"\n# ---\n", b"#cloud-config", b": ", b"- ", b"\t", b"|", b">", b"\xe2\x80\xa8",
			          b"\xff\xfe", b"\xc2\x85", b"\x1b[2J", b"\x7f", b"%", b"${x}", b"'; touch pwned; '",
			          b"]]>", b"END\ntouch pwned\n", b"\xf0\x9f\x98\x80", b"{{ x }}", b"*/", b"!!python/object"]
			text = b"".join(random.choice(pieces) for _ in range(random.randrange(1, 30)))
			lines = b"\n".join(b"# " + line for line in text.split(b"\n"))
			sys.stdout.buffer.write(lines + b"\n[claim gpu]\nmatch = 10de:1c30\n" + lines + b"\n")
		END
		"$TOOL" check --root "$IMAGE" >/dev/null || continue
		export_of cloud-init
		[ "$(of_yaml 'sorted(d)')" = "['power_state', 'runcmd', 'write_files']" ]
		of_yaml 'd["write_files"][0]["content"]' | base64 -d | cmp - "$IMAGE/etc/vfio-claim.conf"
		of_yaml 'd["runcmd"][0][2]' >"$BATS_TEST_TMPDIR/script.$n"
		cmp "$BATS_TEST_TMPDIR/script.$n" "$BATS_TEST_TMPDIR/script.1"
		export_of juju
		[ "$(of_yaml 'sorted(d)')" = "['cloudinit-userdata']" ]
		of_yaml 'd["cloudinit-userdata"]' >"$BATS_TEST_TMPDIR/inner"
		of_yaml 'd["postruncmd"][0][2]' "$BATS_TEST_TMPDIR/inner" >"$BATS_TEST_TMPDIR/juju"
		dash -n "$BATS_TEST_TMPDIR/juju"
		sed -n '/^base64 -d/{n;p}' "$BATS_TEST_TMPDIR/juju" | base64 -d | cmp - "$IMAGE/etc/vfio-claim.conf"
		export_of machineconfig
		of_yaml 'd["spec"]["config"]["storage"]["files"][0]["contents"]["source"]' |
			sed 's/^data:;base64,//' | base64 -d | cmp - "$IMAGE/etc/vfio-claim.conf"
		export_of maas
		(cd "$BATS_TEST_TMPDIR" && maas_words)
		[ "$(maas_option kernel_opts)" = "$("$TOOL" cmdline --root "$IMAGE" 2>/dev/null)" ]
	done
	[ ! -e "$BATS_TEST_TMPDIR/pwned" ] && [ ! -e pwned ]
	[ -e "$BATS_TEST_TMPDIR/script.2" ]
}

@test "a configuration that is valid is exported, however long" {
	{
		printf '[claim gpu]\nmatch = 10de:1c30\n'
		yes "# $(printf '%04000d' 0)" | head -n 300
	} | config
	"$TOOL" check --root "$IMAGE"
	export_of machineconfig
	of_yaml 'd["spec"]["config"]["storage"]["files"][0]["contents"]["source"]' |
		sed 's/^data:;base64,//' | base64 -d | cmp - "$IMAGE/etc/vfio-claim.conf"
}

@test "a hostile name of a file, or a package's, is refused" {
	local word

	printf '[claim gpu]\nmatch = 10de:1c30\n' | tee "$IMAGE/etc/vfio-claim.conf.d/a'; touch pwned; '.conf" |
		config
	run -4 --separate-stderr "$TOOL" export cloud-init --root "$IMAGE"
	[[ $stderr == *"rename the file"* ]]
	run -4 --separate-stderr "$TOOL" export juju --root "$IMAGE"
	export_of machineconfig
	[ "$(of_yaml 'd["spec"]["config"]["storage"]["files"][1]["path"]')" = "/etc/vfio-claim.conf.d/a'; touch pwned; '.conf" ]
	rm "$IMAGE"/etc/vfio-claim.conf.d/*
	for word in 'a b' '' '-o' 'x;reboot' '$(x)' $'a\nb' 'vfio-claim/trixie'; do
		run -2 --separate-stderr "$TOOL" export cloud-init --package "$word" --root "$IMAGE"
		run -2 --separate-stderr "$TOOL" export juju --package "$word" --root "$IMAGE"
	done
	run -2 --separate-stderr "$TOOL" export maas --package vfio-claim --root "$IMAGE"
	export_of cloud-init --package /srv/vfio-claim_0.1.0_amd64.deb
	grep -q 'install /srv/vfio-claim_0.1.0_amd64.deb$' "$OUT"
}

@test "without a configuration there is nothing to carry" {
	local format

	rmdir "$IMAGE"/etc/vfio-claim.conf.d
	for format in cloud-init juju machineconfig; do
		run -4 --separate-stderr "$TOOL" export "$format" --root "$IMAGE"
		[[ $stderr == *"no configuration"* ]]
	done
}

# ---- The commands, run

# Programs that stand in for those that would change this machine; $ROOT is the machine's tree.
stand_ins() {
	BIN=$BATS_TEST_TMPDIR/bin
	LOG=$BATS_TEST_TMPDIR/calls
	mkdir -p "$BIN" "$BATS_TEST_TMPDIR/etc" "$BATS_TEST_TMPDIR/package"
	: >"$LOG"
	cat >"$BATS_TEST_TMPDIR/package/vfio-claim" <<-END
		#!/bin/sh
		echo "vfio-claim \$*" >>"$LOG"
		case \$1 in
		check) exec "$TOOL" "\$@" ;;
		list | plan) exec "$TOOL" "\$@" --root "$ROOT" --with-hardware ;;
		apply) cp -a /etc/vfio-claim.conf "$BATS_TEST_TMPDIR/applied" ;;
		status) exit "\$(cat "$BATS_TEST_TMPDIR/due")" ;;
		esac
	END
	cat >"$BIN/apt-get" <<-END
		#!/bin/sh
		echo "apt-get \$*" >>"$LOG"
		case " \$* " in
		*" install "*) cp "$BATS_TEST_TMPDIR/package/vfio-claim" "$BIN/vfio-claim" ;;
		esac
	END
	printf '#!/bin/sh\necho "shutdown $*" >>"%s"\n' "$LOG" >"$BIN/shutdown"
	chmod +x "$BIN"/* "$BATS_TEST_TMPDIR/package/vfio-claim"
	echo 0 >"$BATS_TEST_TMPDIR/due"
}

# on_machine [container]: as cloud-init does, its files and then its commands, with an /etc and a
# /run of their own.
# shellcheck disable=SC2120 # the argument is there through bats' run
on_machine() {
	cat >"$BATS_TEST_TMPDIR/cloud.py" <<-'END'
		import base64, os, subprocess, sys, yaml
		d = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))
		if "cloudinit-userdata" in d:
		    d = yaml.safe_load(d["cloudinit-userdata"])
		for f in d.get("write_files", []):
		    os.makedirs(os.path.dirname(f["path"]), exist_ok=True)
		    open(f["path"], "wb").write(base64.b64decode(f["content"]))
		for words in d.get("runcmd", d.get("postruncmd")):
		    code = subprocess.call(words)
		    if code:
		        sys.exit(code)
		if "power_state" in d and subprocess.call(d["power_state"]["condition"], shell=True) == 0:
		    subprocess.call(["shutdown", "-r", "now"])
		left = subprocess.check_output(["find", "/run", "-type", "f"], text=True)
		if left:
		    print("left in /run:", left)
		    sys.exit(99)
	END
	[ "${1-}" = container ] || { printf '#!/bin/sh\nexit 1\n' >"$BIN/systemd-detect-virt" &&
		chmod +x "$BIN/systemd-detect-virt"; }
	# PID 1 has the variable that container managers set.
	env ${1:+"container=lxc"} PATH="$BIN:$PATH" unshare --mount --pid --fork --mount-proc \
		sh -c 'mount -t tmpfs tmpfs /run; mount --bind "$1/etc" /etc; python3 "$1/cloud.py" "$2"; code=$?; exit "$code"' \
		sh "$BATS_TEST_TMPDIR" "$OUT"
}

need_namespaces() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	unshare --mount --pid --fork --mount-proc true || skip "no namespaces here"
}

@test "cloud-init, juju: on a machine with the device they install, write, apply and reboot if due" {
	local format

	need_namespaces
	machine twin-gpus
	printf '[claim gpu]\nmatch = 10de:1c30\n' | config
	for format in cloud-init juju; do
		stand_ins
		export_of "$format"
		on_machine
		cat "$LOG"
		grep -q '^apt-get .* install vfio-claim$' "$LOG"
		cmp "$BATS_TEST_TMPDIR/applied" "$IMAGE/etc/vfio-claim.conf"
		[ "$(grep -c '^vfio-claim apply$' "$LOG")" -eq 1 ]
		[[ $(tail -n 2 "$LOG") == *"vfio-claim status --reboot-due"*"shutdown -r "* ]]
		# Again, nothing being due: no reboot, and nothing is installed twice.
		: >"$LOG"
		echo 1 >"$BATS_TEST_TMPDIR/due"
		on_machine
		run ! grep -E '^(shutdown|apt-get)' "$LOG"
		rm -r "${BATS_TEST_TMPDIR:?}"/{bin,etc,applied}
	done
}

@test "cloud-init, juju: on a machine without the device nothing is written and nothing rebooted" {
	local format

	need_namespaces
	machine laptop-alderlake
	printf '[claim gpu]\nmatch = 10de:1c30\n' | config
	for format in cloud-init juju; do
		stand_ins
		# The tool's own answer, of a machine without configuration.
		echo 1 >"$BATS_TEST_TMPDIR/due"
		export_of "$format"
		run -0 on_machine
		[[ $output == *"none of the devices is here"* ]]
		cat "$LOG"
		run ! grep -E '^(shutdown|vfio-claim apply)' "$LOG"
		[ -z "$(ls -A "$BATS_TEST_TMPDIR/etc")" ]
		rm -r "${BATS_TEST_TMPDIR:?}"/{bin,etc}
	done
}

@test "cloud-init, juju: in a container nothing is called at all" {
	local format

	need_namespaces
	machine twin-gpus
	printf '[claim gpu]\nmatch = 10de:1c30\n' | config
	for format in cloud-init juju; do
		stand_ins
		export_of "$format"
		run -0 on_machine container
		[[ $output == *"this is a container, nothing is changed"* ]]
		cat "$LOG"
		[ ! -s "$LOG" ]
		[ -z "$(ls -A "$BATS_TEST_TMPDIR/etc")" ]
		rm -r "${BATS_TEST_TMPDIR:?}"/{bin,etc}
	done
}

@test "cloud-init: what would take the machine down is refused before anything is written" {
	need_namespaces
	machine server-dell-matrox
	mkdir -p "$ROOT/run/vfio-claim"
	echo '0000:01:00.0 route carries the default route (eth0)' >"$ROOT/run/vfio-claim/uses"
	printf '[claim nic]\nmatch = 01:00.0\n' | config
	stand_ins
	export_of cloud-init
	run -4 on_machine
	[[ $output == *"carries the default route (eth0)"* ]]
	run ! grep -E '^(shutdown|vfio-claim apply)' "$LOG"
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/etc")" ]
}
