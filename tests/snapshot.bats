#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# vfio-claim snapshot, and --snapshot with files that are what they should be, or are not.

setup_file() {
	load lib/machine.bash
	export SCAN=$BATS_FILE_TMPDIR/scan
	local flags=(-std=c17 -D_GNU_SOURCE -Isrc -g -Wall -Wextra -Werror)

	with_sanitizer && flags+=(-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all)
	cd "$REPO" || return 1
	"${CC:-cc}" "${flags[@]}" -o "$SCAN" tests/tools/scan.c \
		"$BUILD"/{root,scan,details,usage,needs,named,storage}.o "$BUILD/core.a" -lblkid
}

# shellcheck disable=SC2154 # bats sets stderr
setup() {
	load lib/machine.bash
	bats_require_minimum_version 1.5.0
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"
	FILE=$BATS_TEST_TMPDIR/machine.snap
	CONF=$BATS_TEST_TMPDIR/claims.conf
	printf '[host]\ncpu = intel\n[claim a]\nmatch = class=03\n' >"$CONF"
}

teardown() {
	# Whatever a test did: nothing stays.
	[ -z "$(find "$TMPDIR" -mindepth 1 -maxdepth 1)" ]
}

# take: a snapshot of the tree in $ROOT.
take() {
	"$TOOL" snapshot --root "$ROOT" --with-hardware
}

# members: their names, one a line.
members() {
	tar -tzf "$FILE"
}

# absent PATTERN: no line of standard input matches.
absent() {
	if grep -E "$1"; then
		return 1
	fi
}

# look [ARGUMENTS]: the arguments for the machine of the snapshot.
look() {
	run --separate-stderr "$TOOL" cmdline --config "$CONF" --snapshot "$@"
	echo "status $status; output: $output; stderr: $stderr"
}

# refused TEXT: the file cannot be used, and this is why.
refused() {
	look "$FILE"
	[ "$status" -eq 5 ]
	[ -z "$output" ]
	[[ $stderr == "vfio-claim: $FILE: "*"$1"* ]]
}

# make_tar [LINE...]: writes $FILE by lines of python; `t` is the archive, add(NAME, TYPE, ...) adds.
make_tar() {
	python3 - "$FILE" <<-END
		import io, sys, tarfile
		t = tarfile.open(sys.argv[1], "w:gz", format=tarfile.PAX_FORMAT, dereference=False)
		def add(name, type=tarfile.REGTYPE, data=b"x", link="", size=None):
		    i = tarfile.TarInfo(name)
		    i.type = type
		    i.linkname = link
		    i.size = len(data) if type == tarfile.REGTYPE else 0
		    t.addfile(i, io.BytesIO(data) if type == tarfile.REGTYPE else None)
		add("run/vfio-claim/snapshot", data=b"FORMAT=1\nVERSION=0.1.0\n")
		$(printf '%s\n' "$@")
		t.close()
	END
}

# unpack: $FILE into $BACK.
unpack() {
	BACK=$BATS_TEST_TMPDIR/back
	rm -rf "$BACK"
	mkdir "$BACK"
	tar -xzf "$FILE" -C "$BACK"
}

# What a directory has, but for what a snapshot leaves out of a machine's tree.
recorded_state() {
	(cd "$1" && find sys proc -type f ! -name bind ! -name unbind ! -name drivers_probe \
		! -name vendor ! -name device ! -name subsystem_vendor ! -name subsystem_device \
		-exec cksum {} + && find sys -type l -printf '%p -> %l\n' &&
		find sys -type d -printf '%p\n') | sort
}

@test "snapshot: a machine's tree comes back as it was" {
	local table count=0

	for table in "$TESTS"/machines/*.txt; do
		table=$(basename "$table" .txt)
		machine "$table"
		take >"$FILE"
		unpack
		diff <(recorded_state "$ROOT") <(recorded_state "$BACK")
		"$SCAN" "$ROOT" >"$BATS_TEST_TMPDIR/scan"
		[ -s "$BATS_TEST_TMPDIR/scan" ]
		"$SCAN" "$BACK" | diff "$BATS_TEST_TMPDIR/scan" -
		count=$((count + 1))
	done
	[ "$count" -ge 9 ]
}

@test "snapshot: what is read from it is what is read from the machine" {
	local table

	for table in twin-gpus laptop-alderlake domains sriov; do
		machine "$table"
		take >"$FILE"
		run --separate-stderr "$TOOL" cmdline --json --config "$CONF" --root "$ROOT" \
			--with-hardware
		[ "$status" -eq 0 ]
		[ -n "$output" ]
		expected=$output
		look "$FILE" --json
		[ "$status" -eq 0 ]
		[ "$output" = "$expected" ]
		look "$ROOT" --json
		[ "$output" = "$expected" ]
		# Through a pipe, as from another machine.
		[ "$("$TOOL" cmdline --json --config "$CONF" --snapshot /dev/stdin 2>/dev/null \
			< <(cat "$FILE"))" = "$expected" ]
	done
}

@test "snapshot: the modules of a kernel are found in it as in the machine's own tree" {
	local kernel=6.1.0-1-amd64 dir expected

	machine workstation
	dir=$ROOT/lib/modules/$kernel
	mkdir -p "$dir/kernel/drivers/gpu/drm/nouveau" "$ROOT/etc/modprobe.d"
	echo 'const char n[] __attribute__((section(".modinfo"))) = "name=nouveau\0alias=pci:v000010DEd*sv*sd*bc03sc*i*";' |
		gcc -x c -c -o "$dir/kernel/drivers/gpu/drm/nouveau/nouveau.ko" -
	touch "$dir/modules.order" "$dir/modules.builtin"
	depmod -b "$ROOT" "$kernel"
	echo "alias a b" >"$ROOT/etc/modprobe.d/a.conf"
	echo "no" >"$ROOT/etc/modprobe.d/a.conf.bak"
	run --separate-stderr "$TOOL" cmdline --config "$CONF" --root "$ROOT" --with-hardware
	expected=$output
	[[ $expected == *nouveau* ]]
	take >"$FILE"
	look "$FILE"
	[ "$output" = "$expected" ]
	members | grep -qx etc/modprobe.d/a.conf
	members | absent 'a.conf.bak|\.ko$'
}

@test "snapshot: the running system" {
	"$TOOL" snapshot >"$FILE"
	[ "$(tar -xOzf "$FILE" run/vfio-claim/snapshot)" = "FORMAT=1
VERSION=$("$TOOL" --version | cut -d' ' -f2)
KERNEL=$(uname -r)
MACHINE=$(uname -m)" ]
	unpack
	diff <("$SCAN" | grep -vE "^(unread|cleared)") <("$SCAN" "$BACK" | grep -vE "^(unread|cleared)")
	# Every function, with what the kernel says of it.
	for device in /sys/bus/pci/devices/*; do
		[ -e "$device" ] || continue
		tar -tzf "$FILE" | grep -qxF "${device#/}"
		path=$(realpath "$device")
		tar -xOzf "$FILE" "${path#/}/uevent" | cmp - "$device/uevent"
	done
	tar -xOzf "$FILE" proc/cmdline | cmp - /proc/cmdline
	look "$FILE"
	[ "$status" -eq 0 ]
	[[ $output == *intel_iommu=on* || $(uname -m) != x86_64 ]]
}

@test "snapshot: the architecture is the recorded machine's, not this one's" {
	machine arm64-cloud
	mkdir -p "$ROOT/run/vfio-claim"
	printf 'FORMAT=1\nMACHINE=aarch64\n' >"$ROOT/run/vfio-claim/snapshot"
	take >"$FILE"
	look "$FILE"
	[[ $output == *iommu.passthrough=1* ]]
}

@test "snapshot: the same machine gives the same bytes" {
	machine twin-gpus
	take >"$FILE"
	sleep 1.1
	find "$ROOT" -name uevent -exec touch {} +
	take | cmp - "$FILE"
}

@test "snapshot: the configuration is this system's, not the recorded one's" {
	machine twin-gpus
	cp "$CONF" "$ROOT/etc/vfio-claim.conf"
	take >"$FILE"
	members | absent vfio-claim.conf
	mkdir -p "$BATS_TEST_TMPDIR/here/etc"
	run --separate-stderr "$TOOL" cmdline --root "$BATS_TEST_TMPDIR/here" --snapshot "$FILE"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	echo "[claim" >"$BATS_TEST_TMPDIR/here/etc/vfio-claim.conf"
	run --separate-stderr "$TOOL" cmdline --root "$BATS_TEST_TMPDIR/here" --snapshot "$FILE"
	[ "$status" -eq 3 ]
	cp "$CONF" "$BATS_TEST_TMPDIR/here/etc/vfio-claim.conf"
	run --separate-stderr "$TOOL" cmdline --root "$BATS_TEST_TMPDIR/here" --snapshot "$ROOT"
	[ "$status" -eq 0 ]
	[ -n "$output" ]
}

@test "snapshot: storage, network and displays" {
	local pci=sys/devices/pci0000:00/0000:00:1f.2

	machine workstation
	mkdir -p "$ROOT/$pci/ata1/block/sda/sda1/holders" "$ROOT/sys/class/block" \
		"$ROOT/sys/devices/virtual/block/dm-0"/{dm,slaves} "$ROOT/sys/dev/block" \
		"$ROOT/sys/fs/btrfs/0-0/devices" "$ROOT/dev/mapper" "$ROOT/dev/disk/by-uuid" \
		"$ROOT/sys/class/net" "$ROOT/sys/devices/virtual/net/bond0" \
		"$ROOT/sys/devices/virtual/nvme-subsystem/nvme-subsys0" "$ROOT/sys/class/nvme-subsystem"
	echo root >"$ROOT/sys/devices/virtual/block/dm-0/dm/name"
	echo 8:1 >"$ROOT/$pci/ata1/block/sda/sda1/dev"
	echo up >"$ROOT/sys/devices/virtual/net/bond0/operstate"
	echo 52:54:00:12:34:56 >"$ROOT/sys/devices/virtual/net/bond0/address"
	echo serial >"$ROOT/$pci/ata1/block/sda/serial"
	ln -s "../../devices/${pci#sys/devices/}/ata1/block/sda/sda1" "$ROOT/sys/class/block/sda1"
	ln -s ../../devices/virtual/block/dm-0 "$ROOT/sys/class/block/dm-0"
	ln -s ../../class/block/sda1 "$ROOT/sys/dev/block/8:1"
	ln -s "../../../../pci0000:00/0000:00:1f.2/ata1/block/sda/sda1" \
		"$ROOT/sys/devices/virtual/block/dm-0/slaves/sda1"
	ln -s ../../../../devices/virtual/block/dm-0 "$ROOT/sys/fs/btrfs/0-0/devices/dm-0"
	ln -s ../dm-0 "$ROOT/dev/mapper/root"
	ln -s ../../sda1 "$ROOT/dev/disk/by-uuid/1234"
	ln -s ../../devices/virtual/net/bond0 "$ROOT/sys/class/net/bond0"
	ln -s ../../pci0000:00/eth9 "$ROOT/sys/devices/virtual/net/bond0/lower_eth9"
	ln -s ../../devices/virtual/nvme-subsystem/nvme-subsys0 \
		"$ROOT/sys/class/nvme-subsystem/nvme-subsys0"
	ln -s ../../../pci0000:00/nvme/nvme0 \
		"$ROOT/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0"
	mkdir -p "$ROOT/proc/self" "$ROOT/run/vfio-claim"
	echo "1 0 8:1 / / rw - ext4 /dev/sda1 rw" >"$ROOT/proc/self/mountinfo"
	echo "//nas/a /a cifs password=secret,_netdev 0 0" >"$ROOT/etc/fstab"
	echo '{}' >"$ROOT/run/vfio-claim/boot.json"
	echo "0000:01:00.0 route x" >"$ROOT/run/vfio-claim/uses"
	mkdir -p "$ROOT/sys/firmware/acpi/tables"
	echo secret | tee "$ROOT/sys/firmware/acpi/tables"/{iBFT,IBFT,BIFT,NBFT,NBFT1,SLIC} >/dev/null
	take >"$FILE"
	unpack
	cd "$BACK"
	[ "$(cd sys/firmware/acpi/tables && echo *)" = 'BIFT IBFT NBFT NBFT1 iBFT' ]
	for file in sys/class/block/{sda1/dev,dm-0/dm/name,dm-0/slaves/sda1/dev} sys/dev/block/8:1/dev \
		sys/fs/btrfs/0-0/devices/dm-0/dm/name sys/class/net/bond0/operstate \
		proc/self/mountinfo run/vfio-claim/{boot.json,uses}; do
		cmp "$file" "$ROOT/$file"
	done
	for link in dev/mapper/root dev/disk/by-uuid/1234 sys/class/net/bond0/lower_eth9 \
		sys/class/nvme-subsystem/nvme-subsys0/nvme0; do
		[ "$(readlink "$link")" = "$(readlink "$ROOT/$link")" ]
	done
	[ "$(cat etc/fstab)" = "//nas/a /a cifs _netdev 0 0" ]
	# Neither secrets nor what nobody asks for.
	find . -type f -exec cat {} + | absent 'secret|serial|52:54'
}

# disk NUMBER NAME CONTROLLER [LINE...]: a disk of the machine, and what udev says of it.
disk() {
	local number=$1 name=$2 path=devices/pci0000:00/$3/host/block/$2

	shift 3
	mkdir -p "$ROOT/sys/$path" "$ROOT/sys/class/block" "$ROOT/sys/dev/block" "$ROOT/run/udev/data"
	echo "$number" >"$ROOT/sys/$path/dev"
	ln -s "../../$path" "$ROOT/sys/class/block/$name"
	ln -s "../../$path" "$ROOT/sys/dev/block/$number"
	printf 'S:disk/by-id/%s-serial\n' "$name" >"$ROOT/run/udev/data/b$number"
	[ $# -eq 0 ] || printf 'E:%s\n' "$@" >>"$ROOT/run/udev/data/b$number"
}

@test "snapshot: what the boot needs, and which storage is free, is told by it" {
	ROOT=$BATS_TEST_TMPDIR/tree
	local number

	{
		for number in 1 2 3 4 5 6 7; do
			echo "0000:00:0$number.0 1b36:0010 1af4:1100 010802 nvme $number -1 - - -"
		done
	} >"$BATS_TEST_TMPDIR/table.txt"
	"$TESTS/machines/make-tree" "$BATS_TEST_TMPDIR/table.txt" "$ROOT"
	disk 8:1 sda 0000:00:01.0 ID_FS_USAGE=filesystem ID_FS_TYPE=ext4
	disk 8:2 sdb 0000:00:02.0
	disk 8:3 sdc 0000:00:03.0 ID_FS_USAGE=raid ID_FS_TYPE=LVM2_member
	disk 8:4 sdd 0000:00:04.0 ID_FS_TYPE=mpath_member
	disk 8:5 sde 0000:00:05.0 ID_FS_AMBIVALENT=ext4:xfs
	disk 8:6 sdf 0000:00:06.0 ID_FS_USAGE=filesystem ID_FS_TYPE=btrfs ID_FS_UUID=12-34
	disk 8:7 sdg 0000:00:07.0 ID_FS_USAGE=filesystem ID_FS_TYPE=btrfs ID_FS_UUID=12-34
	mkdir -p "$ROOT/proc/self"
	echo "1 0 8:1 / / rw - ext4 /dev/sda rw" >"$ROOT/proc/self/mountinfo"
	echo '/dev/sdf /b btrfs defaults 0 0' >"$ROOT/etc/fstab"
	mkdir -p "$ROOT/etc/systemd/system/local-fs.target.requires"
	printf '[Mount]\nWhat=UUID=nowhere\nWhere=/data\n' >"$ROOT/etc/systemd/system/data.mount"
	ln -s ../data.mount "$ROOT/etc/systemd/system/local-fs.target.requires/data.mount"
	# The disk of a unit of the image, which a drop-in names.
	mkdir -p "$ROOT/usr/lib/systemd/system" "$ROOT/etc/systemd/system/var.mount.d"
	printf '[Mount]\nWhat=/dev/gone\nWhere=/var\n' >"$ROOT/usr/lib/systemd/system/var.mount"
	printf '[Mount]\nWhat=/dev/sdb\n' >"$ROOT/etc/systemd/system/var.mount.d/a.conf"
	take >"$FILE"
	unpack
	run "$SCAN" "$ROOT"
	echo "$output"
	[ "$(grep -E '^(needs|cleared)' <<<"$output" | cut -d: -f1-3 | sort | paste -sd' ')" = "cleared 0000:00:01.0 cleared 0000:00:02.0 cleared 0000:00:06.0 cleared 0000:00:07.0 needs 0000:00:01.0 needs 0000:00:02.0 needs 0000:00:06.0 needs 0000:00:07.0" ]
	diff <("$SCAN" "$ROOT") <("$SCAN" "$BACK")
	find "$BACK" -type f -exec cat {} + | absent serial
}

@test "snapshot: what only root may read is counted, and the rest recorded" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to be somebody else"
	local uid=65534 place

	machine twin-gpus
	# Where that user gets to.
	place=$(mktemp -d /tmp/vfio-claim-test.XXXXXX)
	mv "$ROOT" "$place/tree"
	ROOT=$place/tree
	chmod 755 "$place"
	mkdir -p "$ROOT/proc/1"
	echo x >"$ROOT/proc/1/mountinfo"
	chmod 600 "$ROOT/proc/1/mountinfo"
	cp "$TOOL" "$place/tool"
	run --separate-stderr setpriv --reuid "$uid" --regid "$uid" --clear-groups \
		bash -c "cd / && '$place/tool' snapshot --root '$ROOT' --with-hardware |
			tar -tz"
	echo "$output $stderr"
	[[ $stderr == "note: 1 file was left out, /proc/1/mountinfo among them: Permission denied; root may read all" ]]
	[[ $output == *sys/bus/pci/devices/0000:* ]]
	run --separate-stderr take
	rm -rf "$place"
	[ -z "$stderr" ]
}

@test "snapshot: not onto a terminal, not of an image, not onto a full disk" {
	run -2 script -qec "$TOOL snapshot" /dev/null
	[[ $output == *"vfio-claim snapshot > FILE"* ]]
	mkdir -p "$BATS_TEST_TMPDIR/image"
	run -2 --separate-stderr "$TOOL" snapshot --root "$BATS_TEST_TMPDIR/image"
	[[ $stderr == *"no hardware"* ]]
	run -5 --separate-stderr bash -c "'$TOOL' snapshot >/dev/full"
	[[ $stderr == *"the snapshot cannot be written: No space left on device"* ]]
}

@test "--snapshot: nothing there, a device, another file" {
	look "$FILE"
	[ "$status" -eq 5 ]
	[[ $stderr == "vfio-claim: $FILE: No such file or directory" ]]
	look /dev/zero
	[ "$status" -eq 5 ]
	[[ $stderr == *"neither a file nor a directory"* ]]
	: >"$FILE"
	refused "it is not a snapshot"
	echo "[claim a]" >"$FILE"
	refused "it is not a snapshot"
	echo "[claim a]" | gzip >"$FILE"
	refused "no tar"
	head -c 100000 /dev/urandom | gzip >"$FILE"
	refused "no tar"
	tar -C / -cf "$FILE" etc/hostname
	refused "it is not a snapshot: it is no gzip file"
	gzip -c "$FILE" | gzip >"$FILE.2"
	mv "$FILE.2" "$FILE"
	refused "no tar"
	tar -C / -czf "$FILE" etc/hostname
	refused "run/vfio-claim/snapshot is missing"
	look "$BATS_TEST_TMPDIR" --or-last
	[ "$status" -eq 2 ]
	run -2 "$TOOL" check --snapshot "$FILE"
}

@test "--snapshot: one that was cut off, or is damaged" {
	local size

	machine many-functions
	take >"$FILE"
	size=$(stat -c %s "$FILE")
	cp "$FILE" "$FILE.whole"
	for part in 10 50 90; do
		head -c $((size * part / 100)) "$FILE.whole" >"$FILE"
		refused "it "
	done
	# A byte in the middle.
	cp "$FILE.whole" "$FILE"
	printf '\xff\xff\xff\xff' | dd of="$FILE" bs=1 seek=$((size / 2)) conv=notrunc status=none
	refused "it "
	gzip -dc "$FILE.whole" | head -c 30000 | gzip >"$FILE"
	refused "damaged or no tar"
}

@test "--snapshot: a version that is not known, a description that is damaged" {
	mkdir -p "$BATS_TEST_TMPDIR/t/run/vfio-claim"
	printf 'FORMAT=2\nVERSION=9.9\n' >"$BATS_TEST_TMPDIR/t/run/vfio-claim/snapshot"
	tar -C "$BATS_TEST_TMPDIR/t" -czf "$FILE" .
	refused "it was made by a newer vfio-claim, 9.9"
	printf 'FORMAT=1\nKERNEL=../..\n' >"$BATS_TEST_TMPDIR/t/run/vfio-claim/snapshot"
	tar -C "$BATS_TEST_TMPDIR/t" -czf "$FILE" .
	refused "damaged"
}

@test "--snapshot: what has no business in one is refused" {
	local outside=$BATS_TEST_TMPDIR/outside

	mkdir "$outside"
	make_tar 'add("'"$outside"'/a")'
	refused "it is absolute"
	make_tar 'add("../../../../../..'"$outside"'/a")'
	refused "'..'"
	make_tar 'add("sys/../../a")'
	refused "'..'"
	make_tar 'add("sys/a", tarfile.SYMTYPE, link="'"$outside"'")'
	refused "'sys/a' is refused: its target is absolute"
	make_tar 'add("sys/a", tarfile.SYMTYPE, link="../../../../../../..'"$outside"'")'
	refused "'sys/a' is refused: it leads out of its tree"
	make_tar 'add("sys/a/b", tarfile.SYMTYPE, link="..")' \
		'add("sys/c/d/e/f", tarfile.SYMTYPE, link="../../../a/b/../../../etc")'
	refused "'sys/c/d/e/f' is refused"
	make_tar 'add("sys/d/e/f", tarfile.DIRTYPE)' 'add("sys/a", tarfile.SYMTYPE, link="d/e/f")' \
		'add("sys/a/x")'
	refused "a member above it is no directory"
	make_tar 'add("sys/a")' 'add("sys/a/x")'
	refused "a member above it is no directory"
	make_tar 'add("sys/a")' 'add("sys/a")'
	refused "it is there twice"
	make_tar 'add("sys/a", tarfile.SYMTYPE, link="b")' 'add("sys/a")'
	refused "it is there twice"
	make_tar 'add("sys/a", tarfile.SYMTYPE, link="b")' 'add("sys/a", tarfile.DIRTYPE)'
	refused "a member above it is no directory"
	make_tar 'add("sys/a")' 'add("sys/b", tarfile.LNKTYPE, link="sys/a")'
	refused "it is a hard link"
	make_tar 'add("sys/a", tarfile.CHRTYPE)'
	refused "it is no file"
	make_tar 'add("sys/a", tarfile.FIFOTYPE)'
	refused "it is no file"
	make_tar 'add(".")'
	refused "no directory"
	make_tar 'add("sys/\x1b[31m")'
	refused "control character"
	[[ $stderr != *$'\x1b'* ]]
	make_tar 'add("sys/" + "a" * 300)'
	refused "too long"
	make_tar 'add("a/" * 200 + "a")'
	refused "too many components"
	[ -z "$(ls -A "$outside")" ]
	# The same way of making them gives one that is fine.
	make_tar 'add("sys/d/e/f", tarfile.DIRTYPE)' 'add("sys/a", tarfile.SYMTYPE, link="d/e/f")' \
		'add("sys/bus/pci/devices", tarfile.DIRTYPE)'
	look "$FILE"
	[ "$status" -eq 0 ]
}

@test "--snapshot: too large, too many, and a small file that grows" {
	make_tar 'add("sys/a", data=bytes(33 << 20))'
	refused "'sys/a' is refused: it is too large"
	# A size that is only said.
	python3 - "$FILE" <<-'END'
		import gzip, sys, tarfile
		i = tarfile.TarInfo("sys/a")
		i.size = 1 << 60
		gzip.open(sys.argv[1], "wb").write(i.tobuf(tarfile.GNU_FORMAT))
	END
	refused "too large"
	make_tar 'd = bytes(16 << 20)' 'for i in range(17): add("sys/a%d" % i, data=d)'
	refused "all files together are too large"
	# Headers of pax, which are no members; gzip lets one piece be repeated.
	python3 - "$FILE" <<-'END'
		import gzip, sys, tarfile
		i = tarfile.TarInfo("sys")
		i.type = tarfile.DIRTYPE
		i.pax_headers = {"comment": "a" * 900000}
		b = gzip.compress(i.tobuf(tarfile.PAX_FORMAT))
		open(sys.argv[1], "wb").write(b * 700)
	END
	[ "$(stat -c %s "$FILE")" -lt 2000000 ]
	refused "it uncompresses to more than 512 MiB"
}

@test "--snapshot: more members than any machine has" {
	python3 - "$FILE" <<-'END'
		import gzip, sys, tarfile
		i = tarfile.TarInfo("sys")
		i.type = tarfile.DIRTYPE
		open(sys.argv[1], "wb").write(gzip.compress(i.tobuf() * 1000) * 251)
	END
	refused "more than 250000 members"
}

# interrupted SIGNAL: the run is stopped in the middle of the unpacking.
interrupted() {
	local pid status=0

	mkfifo "$BATS_TEST_TMPDIR/pipe"
	# A shell has INT ignored behind its &.
	env --default-signal "$TOOL" cmdline --config "$CONF" --snapshot "$BATS_TEST_TMPDIR/pipe" \
		>/dev/null 2>&1 3>&- &
	pid=$!
	# The first half comes, and the rest never.
	exec 7>"$BATS_TEST_TMPDIR/pipe"
	head -c "$(($(stat -c %s "$FILE") / 2))" "$FILE" >&7
	for _ in $(seq 200); do
		[ -z "$(find "$TMPDIR" -name uevent -print -quit)" ] || break
		sleep 0.05
	done
	[ -n "$(find "$TMPDIR" -name uevent -print -quit)" ]
	[ "$(stat -c %a "$TMPDIR"/vfio-claim.*)" = 700 ]
	kill -s "$1" "$pid"
	wait "$pid" || status=$?
	exec 7>&-
	rm "$BATS_TEST_TMPDIR/pipe"
	[ "$status" -eq $((128 + $(kill -l "$1"))) ]
	[ -z "$(ls -A "$TMPDIR")" ]
}

@test "--snapshot: a run that is interrupted leaves nothing behind" {
	local signal

	machine many-functions
	take >"$FILE"
	for signal in INT TERM HUP PIPE; do
		interrupted "$signal"
	done
}

@test "--snapshot: names in other alphabets, and long ones" {
	machine workstation
	mkdir -p "$ROOT/dev/disk/by-label"
	ln -s ../../sda1 "$ROOT/dev/disk/by-label/Müll"
	ln -s "../../$(printf 'a%.0s' {1..200})" "$ROOT/dev/disk/by-label/$(printf 'b%.0s' {1..200})"
	LC_ALL=C take >"$FILE"
	LC_ALL=C look "$FILE"
	[ "$status" -eq 0 ]
	LC_ALL=C.UTF-8 tar -tzf "$FILE" | grep -qxF dev/disk/by-label/Müll
	tar -tvzf "$FILE" | grep -qE 'b{200} -> ../../a{200}$'
}

# bats test_tags=native
@test "snapshot: no memory is lost or misused, on good files and bad ones" {
	local check=(valgrind -q --error-exitcode=9 --leak-check=full)

	machine twin-gpus
	"${check[@]}" "$TOOL" snapshot --root "$ROOT" --with-hardware >"$FILE"
	run -0 "${check[@]}" "$TOOL" cmdline --config "$CONF" --snapshot "$FILE"
	make_tar 'add("sys/a", tarfile.SYMTYPE, link="/")'
	run -5 "${check[@]}" "$TOOL" cmdline --config "$CONF" --snapshot "$FILE"
	machine twin-gpus
	take | head -c 2000 >"$FILE"
	run -5 "${check[@]}" "$TOOL" cmdline --config "$CONF" --snapshot "$FILE"
}

# bats test_tags=native
@test "snapshot: a machine of 4,096 functions is quick" {
	local begin

	# In memory, as without TMPDIR: a disk has a speed of its own.
	[ -d /dev/shm ] && TMPDIR=$(mktemp -d /dev/shm/vfio-claim-test.XXXXXX)
	ROOT=$TMPDIR/tree
	python3 - "$ROOT" <<-'END'
		import os, sys
		root = sys.argv[1]
		os.makedirs(root + "/sys/bus/pci/devices")
		os.makedirs(root + "/proc")
		for n in range(4096):
		    a = "0000:%02x:%02x.%d" % (1 + n // 256, n // 8 % 32, n % 8)
		    d = "devices/pci0000:00/0000:00:01.0/" + a
		    os.makedirs(root + "/sys/" + d)
		    os.symlink("../../../" + d, root + "/sys/bus/pci/devices/" + a)
		    os.symlink("../../../../kernel/iommu_groups/%d" % n, root + "/sys/" + d + "/iommu_group")
		    for name, text in ("uevent", "PCI_CLASS=30000\nPCI_ID=10DE:1C30\n"), ("numa_node", "0\n"), \
		            ("class", "0x030000\n"), ("driver_override", "(null)\n"), ("boot_vga", "0\n"), \
		            ("reset_method", "flr bus\n"), ("modalias", "pci:v000010DEd00001C30\n"):
		        open(root + "/sys/" + d + "/" + name, "w").write(text)
	END
	begin=$(date +%s)
	take >"$FILE"
	look "$FILE"
	[ "$status" -eq 0 ]
	rm -rf "$ROOT"
	# Two seconds on a machine with nothing else to do.
	[ $(($(date +%s) - begin)) -le 30 ]
	[ -z "$(ls -A "$TMPDIR")" ]
	[[ $TMPDIR != /dev/shm/* ]] || { rmdir "$TMPDIR" && mkdir -p "$BATS_TEST_TMPDIR/tmp" && TMPDIR=$BATS_TEST_TMPDIR/tmp; }
}
