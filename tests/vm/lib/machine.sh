# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# One machine: its cards, its initrd, QEMU. All of it works on the array S of
# its scenario and in $dir, the machine's own directory.
#
# Slot N is the root port 00:(N+2).0, and what is in it is on bus N.

SLOTS=4

server_binary() {
	local key

	key=$(hash_of <"$VM_DIR/vfio-user-server.c")
	echo "$LAB/bin/vfio-user-server-$key"
}

build_server() {
	local binary

	binary=$(server_binary)
	[ ! -x "$binary" ] || return 0
	rm -f "$LAB"/bin/*
	"${CC:-cc}" -std=c17 -O2 -Wall -Wextra -o "$binary.part" "$VM_DIR/vfio-user-server.c"
	mv "$binary.part" "$binary"
}

# card_lines: "SLOT MODEL [WORD=VALUE...]" of every card, also the later ones.
card_lines() { printf '%s\n%s\n' "${S[card]-}" "${S[hotplug]-}" | sed '/^$/d'; }

# spec_of SLOT MODEL [WORD=VALUE...]: the model's functions, named after the
# slot; "id=10de:1db6" and the like stand for what function 0 says of itself.
spec_of() {
	local slot=$1 file=$VM_DIR/cards/$2 word script=''

	[ -e "$file" ] || die "no card '$2' in tests/vm/cards"
	shift 2
	for word; do
		script+="1,/^function 1/s/^    ${word%%=*} .*/    ${word%%=*} ${word#*=}/;"
	done
	sed -e "$script" -e "s/^function /function slot$slot./" "$file"
}

write_spec() {
	local line

	while read -r line; do
		# shellcheck disable=SC2086  # words
		spec_of $line
	done < <(card_lines) >"$dir/spec"
}

# ---- The initrd, with what the scenario adds to it

# overlay_file PATH: the standard input as a file of the overlay.
overlay_file() {
	mkdir -p "$dir/overlay/$(dirname "$1")"
	cat >"$dir/overlay/$1"
}

image_file() {
	(each_archive -i --to-stdout "$1" "./$1" <"$image/initrd")
}

# The claims table as a broken disk or another version would leave it.
damage_table() {
	local table=etc/vfio-claim/claims

	image_file "$table" >"$dir/table"
	[ -s "$dir/table" ] || die "no claims table in the image"
	case $1 in
	corrupt) sed 's/10de/10df/' "$dir/table" ;;
	truncated) head -c "$(($(stat -c %s "$dir/table") / 2))" "$dir/table" ;;
	empty) ;;
	future) sed '1s/[0-9][0-9]*/999/' "$dir/table" ;;
	*) die "unknown claims-table '$1'" ;;
	esac | overlay_file "$table"
}

# first_words NAME [HOOK]: a script that runs before all others in the initramfs, or before the
# others of one of dracut's hooks.
first_words() {
	local file hooks=var/lib/dracut/hooks

	[ "${S[release]}" != 12 ] || hooks=usr/lib/dracut/hooks
	case ${S[generator]} in
	initramfs-tools) file=conf/conf.d/$1 ;;
	*) file=$hooks/${2-cmdline}/00-$1.sh ;;
	esac
	overlay_file "$file"
	chmod 755 "$dir/overlay/$file"
}

# Modules that are loaded before vfio-claim's hook runs, as if built in.
preload() {
	first_words lab-preload <<-END
		for module in $1; do /sbin/modprobe "\$module"; done
		sleep 2
	END
}

make_initrd() {
	cp "$image/initrd" "$dir/initrd"
	[ -z "${S[claims-table]-}" ] || damage_table "${S[claims-table]}"
	[ -z "${S[preload]-}" ] || preload "${S[preload]}"
	[ "${S[agent]-}" != brief ] || soak_words
	[ "${S[disk]}" != iscsi ] || mend_records
	[ ! -d "$dir/overlay" ] || (
		cd "$dir/overlay"
		find . -mindepth 1 | cpio --quiet -o -H newc -R 0:0 >>"$dir/initrd"
	)
}

# ---- QEMU

# device_json SLOT FUNCTION: the arguments of its device_add.
device_json() {
	printf '{"driver":"vfio-user-pci","id":"slot%s-%s","bus":"rp%s","addr":"0.%s",' \
		"$1" "$2" "$1" "$2"
	printf '"multifunction":true,"socket":{"type":"unix","path":"/mnt/slot%s.%s.sock"}}' \
		"$1" "$2"
}

# functions_in SLOT: their numbers, the last first, as hot-plugging wants it.
functions_in() {
	sed -n "s/^function slot$1\.//p" "$dir/spec" | sort -r
}

# Fills the array qemu.
add_slots() {
	local slot

	for ((slot = 1; slot <= SLOTS; slot++)); do
		# Room for a card that is plugged in later.
		qemu+=(-device "pcie-root-port,id=rp$slot,bus=pcie.0,addr=$(printf '%x' $((slot + 2))).0,chassis=$slot,io-reserve=4K,mem-reserve=32M,pref64-reserve=512M")
	done
}

add_cards() {
	local slot rest number

	while read -r slot rest; do
		[ -n "$slot" ] || continue
		for number in $(functions_in "$slot" | sort); do
			qemu+=(-device "$(device_json "$slot" "$number")")
		done
	done <<<"${S[card]-}"
	while read -r slot rest; do
		[ -n "$slot" ] || continue
		qemu+=(-device "$rest,bus=rp$slot,addr=0.0")
	done <<<"${S[device]-}"
}

add_disks() {
	local root=virtio-blk-pci first=''

	[[ ${S[disk]} == virtio* ]] || root=${S[disk]%% *}
	if [ "${S[loader]}" = grub ]; then
		# One that keeps what is written to it, until the next boot.
		qemu+=(-drive "if=none,id=root,file=/mnt/disk.img,format=raw,cache=unsafe")
		first=,bootindex=0
	else
		qemu+=(-drive "if=none,id=root,file=/srv/root.img,format=raw,snapshot=on")
	fi
	[ "$root" = iscsi ] ||
		qemu+=(-device "$root,drive=root,serial=root,bus=pcie.0,addr=10.0$first")
	qemu+=(
		-drive "if=none,id=lab,file=/mnt/lab.img,format=raw,cache=unsafe"
		-device "virtio-blk-pci,drive=lab,serial=lab,bus=pcie.0,addr=11.0"
		-blockdev "null-co,node-name=spare,size=67108864,read-zeroes=on"
	)
}

add_iommu() {
	case ${S[iommu]} in
	intel) qemu+=(-device "intel-iommu,caching-mode=on,intremap=on") ;;
	amd)
		qemu+=(-device "AMDVI-PCI,id=iommu,addr=12.0")
		qemu+=(-device "amd-iommu,pci-id=iommu,intremap=on,dma-remap=on")
		;;
	none) ;;
	*) die "unknown iommu '${S[iommu]}'" ;;
	esac
}

# The processor that goes with the IOMMU. QEMU keeps the top of an AMD one's
# addresses free, which is just where the BIOS puts windows for large BARs.
processor() {
	case ${S[iommu]} in
	amd) echo qemu64 ;;
	*) echo qemu64,vendor=GenuineIntel ;;
	esac
}

kernel_arguments() {
	echo "root=$(root_argument) rw quiet $LAB_KERNEL_ARGUMENTS $(storage_arguments)" \
		"$(network_arguments) ${S[append]-} $EXTRA_ARGUMENTS" |
		tr '\n' ' '
}

qemu_command() {
	qemu=(
		qemu-system-x86_64 -nodefaults -no-reboot -display none
		-machine "q35,kernel-irqchip=split" -accel tcg -cpu "$(processor)"
		-m "${S[memory]}" -smp "${S[cpus]}"
		-serial "file:/mnt/console" -serial "file:/mnt/requests"
		-chardev "pipe,id=monitor,path=/mnt/monitor" -mon "chardev=monitor,mode=control"
	)
	[ "${S[loader]}" != none ] || qemu+=(
		-kernel "/srv/vmlinuz" -initrd /mnt/initrd -append "$(kernel_arguments)"
	)
	add_iommu
	add_slots
	add_networks
	add_cards
	add_disks
	qemu+=("${extra_qemu[@]}")
}

# lend FILE PATH: at this path too, for as long as the namespace is there.
lend() {
	touch "$2"
	mount --bind "$1" "$2"
}

# Runs in a mount namespace of its own: QEMU out of the Debian 13 tree, which
# sees the machine's directory as /mnt and nothing of this machine's files.
# start_qemu DIRECTORY SECONDS [KERNEL DISK [MORE-DISKS...]] -- COMMAND...
start_qemu() {
	local dir=$1 limit=$2 root name n=0
	local -a server=()

	root=$(tree_of 13)
	mount --bind "$root" "$root"
	if [ -e "$dir/root.img" ]; then
		mount_server "$root"
		server=(sh -ec "$(iscsi_server_script)" server)
	fi
	mount_api "$root"
	mount --bind "$dir" "$root/mnt"
	shift 2
	if [ "$1" != -- ]; then
		mount -t tmpfs tmpfs "$root/srv"
		for name in vmlinuz root.img; do
			lend "$1" "$root/srv/$name"
			shift
		done
		while [ "$1" != -- ]; do
			n=$((n + 1))
			lend "$1" "$root/srv/disk$n.img"
			shift
		done
	fi
	shift
	exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/mnt timeout -k 5 "$limit" \
		${server:+unshare --net --pid --fork --kill-child} \
		chroot "$root" "${server[@]}" "$@" </dev/null
}

# ---- While it runs

# hotplug_now SLOT: function 0 comes last, which is what makes the guest look.
hotplug_now() {
	local number

	printf '{"execute":"qmp_capabilities"}\n'
	for number in $(functions_in "$1"); do
		printf '{"execute":"device_add","arguments":%s}\n' \
			"$(device_json "$1" "$number")"
	done
}

# cut_power SECONDS: at some moment within them; what the guest has not written is lost.
cut_power() {
	sleep "$((RANDOM % $1)).$((RANDOM % 10))"
	printf '{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n' >&7
}

# Does what the guest asks for until QEMU, process $1, has ended.
attend() {
	local done_until=0 lines word argument

	exec 7<>"$dir/monitor.in"
	plug_at power-on
	while kill -0 "$1" 2>/dev/null; do
		lines=$(wc -l <"$dir/requests" 2>/dev/null || echo 0)
		while [ "$done_until" -lt "$lines" ]; do
			done_until=$((done_until + 1))
			read -r word argument < <(sed -n "${done_until}s/\r//p" "$dir/requests")
			case $word in
			hotplug) hotplug_now "$argument" >&7 ;;
			at) plug_at "$argument" ;;
			say) say "$machine $argument" ;;
			cut) cut_power "$argument" & ;;
			esac
		done
		# dracut's last word, which it repeats for ever; GRUB's, which waits for a user.
		! grep -aqE 'Boot has failed|grub rescue>' "$dir/console" 2>/dev/null ||
			kill "$1" || true
		sleep 0.3
	done
	exec 7>&-
}

start_server() {
	touch "$dir/server.log"
	(
		cd "$dir"
		# It waits for a client for ever, should the lab be killed: not with its lock.
		exec "$(server_binary)" spec accesses 8>&-
	) 2>"$dir/server.log" &
	server=$!
	until grep -q ready "$dir/server.log"; do
		kill -0 "$server" 2>/dev/null || die "$(cat "$dir/server.log")"
		sleep 0.1
	done
}

stop_all() {
	# shellcheck disable=SC2046
	kill $(jobs -p) 2>/dev/null || true
	wait
}

# Disks with storage are kept when the product changes, so they have none.
hand_in_tool() {
	local tool

	tool=$(product_layer)/usr/sbin/vfio-claim
	[ "${S[product]}" != yes ] || [ -z "${S[storage]-}" ] || [ ! -x "$tool" ] ||
		cp "$tool" "$dir/in/"
}

# make_lab_disk STEPS AFTER: hands the guest's commands in and makes room for
# what comes out.
make_lab_disk() {
	mkdir -p "$dir/in"
	[ -z "$1" ] || printf '%s\n' "$1" >"$dir/in/steps"
	[ -z "$2" ] || printf '%s\n' "$2" >"$dir/in/after"
	tar -cf "$dir/lab.img" -C "$dir/in" .
	truncate -s 32M "$dir/lab.img"
}

# power_on [KERNEL DISK [MORE-DISKS...]]: one boot, to its end; what came out is in $dir/out.
# The array extra_qemu of the caller has more of QEMU's options.
power_on() {
	local qemu_pid server=''
	local -a qemu

	write_spec
	mkfifo "$dir/monitor.in" "$dir/monitor.out"
	touch "$dir/accesses" "$dir/requests"
	trap stop_all EXIT
	trap 'exit 1' INT TERM HUP
	[ ! -s "$dir/spec" ] || start_server
	qemu_command
	cat <>"$dir/monitor.out" >"$dir/monitor.log" &
	exec_in_namespace start_qemu "$dir" "${S[limit]}" "$@" -- "${qemu[@]}" >"$dir/qemu.log" 2>&1 &
	qemu_pid=$!
	attend "$qemu_pid"
	wait "$qemu_pid" || true
	stop_all
	trap - EXIT INT TERM HUP
	mkdir -p "$dir/out"
	tar -xf "$dir/lab.img" -C "$dir/out" 2>/dev/null || true
}

# boot MACHINE: from its scenario to its facts.
boot() {
	local machine=$1
	local -A S

	load_machine "$machine"
	case ${S[loader]} in
	none) boot_kernel ;;
	grub) boot_through_grub ;;
	*) die "unknown loader '${S[loader]}'" ;;
	esac
}

# QEMU itself loads the kernel and the initrd. On the variables of boot().
boot_kernel() {
	local dir=$LAB/run/$machine image release=${S[release]} started=$EPOCHSECONDS
	local -a disks extra_qemu=()

	rm -rf "$dir"
	mkdir -p "$dir"
	write_config "$dir/config"
	image=$(image_of "$release" "${S[generator]}" "$(variants_of)" "${S[product]}" "$dir/config")
	begin_facts "$machine" "$image"
	[ "${S[boot]}" = yes ] || return 0
	[ -e "$image/initrd" ] || die "$machine: its image was not built"
	make_initrd
	mkdir "$dir/in"
	[ ! -e "$dir/config" ] || cp "$dir/config" "$dir/in/"
	[ "${S[agent]-}" != brief ] || touch "$dir/in/brief"
	hand_in_tool
	make_lab_disk "${S[steps]-}" "${S[after]-}"
	disks=("$(disk_of "$release")")
	if [ -n "${S[storage]-}" ]; then
		disks=("$(storage_disks "$release" "${S[storage]}")"/disk?.img)
		add_storage_disks
	fi
	[ "${S[disk]}" != iscsi ] || cp --sparse=always "${disks[0]}" "$dir/root.img"
	power_on "$(tree_of "$release")/boot/vmlinuz-$(kernel_of "$release")" "${disks[@]}"
	collect "$FACTS_DIR/$machine" "$(seconds_since "$started")"
}

# Several boots from a disk that keeps what is written to it: the facts of each
# are in a directory of its own. One that fails is the last. Likewise.
boot_through_grub() {
	local base=$LAB/run/$machine facts=$FACTS_DIR/$machine dir name started failed=0
	local begun=$EPOCHSECONDS key
	local -a extra_qemu=()

	for key in storage append steps after claims-table preload; do
		[ -z "${S[$key]-}" ] || die "$machine: '$key' is not for machines with GRUB"
	done
	rm -rf "$base"
	mkdir -p "$base"
	write_config "$base/config"
	make_grub_disk "$machine" "$base"
	begin_facts "$machine" "$base"
	[ -e "$base/disk.img" ] || die "$machine: its disk was not made: $facts/build.log"
	make_seed "$base"
	say "$machine: its disk was made in $(seconds_since "$begun") s"
	for name in $(boot_names); do
		dir=$base/$name
		started=$EPOCHSECONDS
		mkdir -p "$dir" "$facts/$name"
		mv "$base/disk.img" "$dir/"
		lend_seed "$base" "$dir"
		make_lab_disk "" "$(boot_commands "$name")"
		power_on
		# Without its journal played back, what is on a disk cannot be told.
		[ "${S[journal]-}" = yes ] ||
			in_namespace list_initramfs "$dir" "$facts/$name" || failed=1
		mv "$dir/disk.img" "$base/"
		collect "$facts/$name" "$(seconds_since "$started")" || failed=1
		say "$machine: $name ... $(paste -sd' ' "$facts/$name/result")"
		[ "$failed" = 0 ] || break
	done
	rm -rf "$base"
	return "$failed"
}
