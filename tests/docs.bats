#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The documentation says what the programs do: nothing less, nothing else.

setup() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/.." || return 1
	build=${VFIO_CLAIM_BUILD:-build}
	man=packaging/man
	pages=(vfio-claim.8 vfio-claim-boot.8 vfio-claim.conf.5 vfio-claim.cmdline.7)
}

# same NAME_A FILE_A NAME_B FILE_B: two lists of words, neither empty, have the same words.
same() {
	[ -s "$2" ] || { echo "no words found in $1"; return 1; }
	[ -s "$4" ] || { echo "no words found in $3"; return 1; }
	sort -u "$2" -o "$2"
	sort -u "$4" -o "$4"
	if ! cmp -s "$2" "$4"; then
		echo "only in $1:" "$(comm -23 "$2" "$4" | paste -sd' ')"
		echo "only in $3:" "$(comm -13 "$2" "$4" | paste -sd' ')"
		return 1
	fi
}

# absent PATTERN FILE...: no line of the files that exist matches.
absent() {
	if grep -sHnE "$@"; then
		return 1
	fi
}

# section PAGE NAME: the lines under one heading of a manual page.
section() {
	awk -v name="# $2" '/^# / { inside = $0 == name; next } inside' "$man/$1.scd"
}

# blocks DIR FILE...: each fenced block goes into a file of DIR, its fence's word first in the
# file's name. Prints nothing.
blocks() {
	local directory=$1

	shift
	mkdir -p "$directory"
	awk -v directory="$directory" '
		FNR == 1 { open = 0 }
		/^```/ && !open {
			word = substr($0, 4)
			open = 1
			file = sprintf("%s/%s.%d", directory, word == "" ? "plain" : word, ++count)
			printf "" > file
			next
		}
		/^```/ { open = 0; close(file); next }
		open { print > file }
	' "$@"
}

# The words that a C file's table of keys or names has: table FILE NAME
keys_of_table() {
	awk -v name="$2" 'index($0, name "[] = {") { inside = 1 } inside { print }
		inside && /};/ { exit }' "$1" | grep -oE '"[a-z_-]+"' | tr -d '"'
}

# A machine with one GPU that cannot be bound, so that boot.json has every kind of field.
make_machine() {
	local root=$1 device=sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0

	mkdir -p "$root/sys/bus/pci/devices" "$root/$device" "$root/proc"
	printf 'PCI_CLASS=30000\nPCI_ID=10DE:1C30\nPCI_SUBSYS_ID=10DE:11B3\n' >"$root/$device/uevent"
	echo '(null)' >"$root/$device/driver_override"
	ln -s "../../../../$device" "$root/sys/bus/pci/devices/0000:01:00.0"
	: >"$root/sys/bus/pci/drivers_probe"
}

@test "every config example of README and the manual pages is valid" {
	local count=0 file

	blocks "$BATS_TEST_TMPDIR/readme" README.md docs/tutorial.md
	blocks "$BATS_TEST_TMPDIR/pages" "$man"/*.scd
	for file in "$BATS_TEST_TMPDIR"/readme/ini.* "$BATS_TEST_TMPDIR"/pages/plain.*; do
		# A page's fences cannot carry a word: there the first line marks a config.
		if [[ $(head -n 1 "$file") != "# /"*.conf ]]; then
			[[ $file != */readme/* ]] || { cat "$file"; echo "no file name above"; false; }
			# Nothing that looks like a config may slip through unmarked.
			absent '^\[(claim|host)' "$file"
			continue
		fi
		cat "$file"
		"$build/vfio-claim" check --config "$file"
		count=$((count + 1))
	done
	[ "$count" -ge 6 ]
	# Neither may one without a fence's word, or an indented one.
	absent '^\[(claim|host)' "$BATS_TEST_TMPDIR"/readme/plain.*
	absent '^[[:space:]]+\[(claim|host)' README.md "$man"/*.scd
}

@test "every file of packaging/examples is valid" {
	local count=0 file

	for file in packaging/examples/*.conf; do
		"$build/vfio-claim" check --config "$file"
		[[ $(head -n 1 "$file") == "# /"*.conf ]]
		count=$((count + 1))
	done
	[ "$count" -ge 3 ]
}

@test "the way out of one boot stands everywhere in the same words, and is enough" {
	local sentence file text word

	sentence="In GRUB's menu take the recovery entry, or edit another entry (e): add rd.vfio-claim=0, and take away every word with vfio-pci or blacklist in it."
	for file in README.md docs/tutorial.md docs/troubleshooting.md docs/fleet.md \
		"$man/vfio-claim.cmdline.7.scd"; do
		text=$(tr -d '`*' <"$file" | tr -s '[:space:]' ' ')
		[[ $text == *"$sentence"* ]] || { echo "$file says something else"; false; }
	done
	printf '%s\n' '[host]' 'cpu = intel' 'blacklist = nouveau' 'unsafe_interrupts = yes' \
		'ignore_msrs = yes' 'framebuffer = off' '[claim gpu]' 'match = 10de:1c30' \
		>"$BATS_TEST_TMPDIR/conf"
	mkdir "$BATS_TEST_TMPDIR/x86"
	install -D /bin/true "$BATS_TEST_TMPDIR/x86/bin/sh"
	text=$("$build/vfio-claim" cmdline --root "$BATS_TEST_TMPDIR/x86" --config "$BATS_TEST_TMPDIR/conf")
	echo "$text"
	[[ $text == *vfio-pci.ids=*modprobe.blacklist=*rd.driver.blacklist=* ]]
	# What is left of the words that apply writes binds nothing and keeps no driver away.
	for word in $text; do
		case $word in
		*vfio-pci* | *blacklist*) ;;
		intel_iommu=on | iommu=pt | iommu.passthrough=1) ;;
		vfio_iommu_type1.allow_unsafe_interrupts=1 | kvm.ignore_msrs=1 | video=efifb:off) ;;
		*) echo "is $word to be taken away too?"; false ;;
		esac
	done
}

@test "every kernel command line example is understood" {
	local count=0 file root=$BATS_TEST_TMPDIR/machine

	blocks "$BATS_TEST_TMPDIR/page" "$man/vfio-claim.cmdline.7.scd"
	make_machine "$root"
	sed -n '/^    \(rd\.\|vfio-pci\)/s/^ *//p' README.md >"$BATS_TEST_TMPDIR/readme"
	[ -s "$BATS_TEST_TMPDIR/readme" ]
	split -l 1 "$BATS_TEST_TMPDIR/readme" "$BATS_TEST_TMPDIR/page/readme."
	for file in "$BATS_TEST_TMPDIR"/page/*; do
		cp "$file" "$root/proc/cmdline"
		"$build/vfio-claim-boot" --root "$root" --rd-driver
		cat "$file" "$root/run/vfio-claim/boot.json"
		# What is not understood is named by its argument; that nothing matches is fine here.
		run jq -r '.messages[] | select(startswith("claim ") | not)' \
			"$root/run/vfio-claim/boot.json"
		[ "$status" -eq 0 ] && [ -z "$output" ]
		# It says something to the helper: a claim, or off.
		run jq -r 'if .enabled then (.devices + .messages | length) else 1 end' \
			"$root/run/vfio-claim/boot.json"
		[ "$output" -ge 1 ]
		count=$((count + 1))
	done
	[ "$count" -ge 5 ]
}

# options_agree PROGRAM: --help and the section OPTIONS have the same options and arguments.
options_agree() {
	"$build/$1" --help >"$BATS_TEST_TMPDIR/help"
	sed -nE 's/^  (--[a-z-]+)( ([A-Z]+))?  .*/\1 \3/p; s/^  (--[a-z-]+)( ([A-Z]+))? [a-z].*/\1 \3/p' \
		"$BATS_TEST_TMPDIR/help" >"$BATS_TEST_TMPDIR/in-help"
	section "$1.8" OPTIONS | sed -nE 's/^\*(--[a-z-]+)\*( _([A-Z]+)_)?$/\1 \3/p' \
		>"$BATS_TEST_TMPDIR/in-page"
	# Each line that begins like an option was understood above.
	[ "$(grep -c '^  --' "$BATS_TEST_TMPDIR/help")" -eq "$(wc -l <"$BATS_TEST_TMPDIR/in-help")" ]
	same --help "$BATS_TEST_TMPDIR/in-help" "$1(8)" "$BATS_TEST_TMPDIR/in-page"
}

@test "vfio-claim(8) has the options of --help, and no others" {
	options_agree vfio-claim
}

@test "--help and the pages name the short options, which are two" {
	local program

	for program in vfio-claim vfio-claim-boot; do
		"$build/$program" -h | grep -qE '^  --help .* also -h$'
		"$build/$program" -h | grep -qE '^  --version .* also -V$'
		"$build/$program" -V | grep -qE "^$program [0-9.]+$"
		section "$program.8" OPTIONS | tr '\n\t' '  ' >"$BATS_TEST_TMPDIR/options"
		grep -qE '\*--help\* +[^*]*\*-h\*' "$BATS_TEST_TMPDIR/options"
		grep -qE '\*--version\* +[^*]*\*-V\*' "$BATS_TEST_TMPDIR/options"
		[ "$(grep -oE '\*-[a-zA-Z]\*' "$BATS_TEST_TMPDIR/options" | wc -l)" -eq 2 ]
	done
}

@test "vfio-claim-boot(8) has the options of --help, and no others" {
	options_agree vfio-claim-boot
}

@test "vfio-claim(8) has the commands of --help, and no others" {
	"$build/vfio-claim" --help | awk '/^Commands:/ { inside = 1; next } /^$/ { inside = 0 }
		inside { print $1 }' >"$BATS_TEST_TMPDIR/in-help"
	section vfio-claim.8 COMMANDS | sed -nE 's/^\*([a-z]+)\*$/\1/p' >"$BATS_TEST_TMPDIR/in-page"
	same --help "$BATS_TEST_TMPDIR/in-help" "vfio-claim(8)" "$BATS_TEST_TMPDIR/in-page"
}

@test "the pages have the exit codes of --help, and no others" {
	"$build/vfio-claim" --help | tr '\n' ' ' | sed 's/.*Exit codes: //' | tr ',' '\n' |
		grep -oE '^ ?[0-9]+' | tr -d ' ' >"$BATS_TEST_TMPDIR/in-help"
	section vfio-claim.8 "EXIT CODES" | sed -nE 's/^\|  ([0-9]+)$/\1/p' >"$BATS_TEST_TMPDIR/in-page"
	same --help "$BATS_TEST_TMPDIR/in-help" "vfio-claim(8)" "$BATS_TEST_TMPDIR/in-page"
	# The helper never has a code that the tool lacks.
	section vfio-claim-boot.8 "EXIT CODES" | sed -nE 's/^\|  ([0-9]+)$/\1/p' \
		>"$BATS_TEST_TMPDIR/in-boot-page"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/in-boot-page")" -ge 3 ]
	[ -z "$(grep -vxFf "$BATS_TEST_TMPDIR/in-page" "$BATS_TEST_TMPDIR/in-boot-page")" ]
}

@test "vfio-claim(8) says of each option which commands it goes with, as --help does" {
	local option

	"$build/vfio-claim" --help | sed -nE 's/^  (--[a-z-]+) .* \(([a-z ]+)\)$/\1 \2/p' \
		>"$BATS_TEST_TMPDIR/help"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/help")" -ge 20 ]
	while read -r option commands; do
		tr ' ' '\n' <<<"$commands" >"$BATS_TEST_TMPDIR/in-help"
		# "With *a*, *b* and *c --other*: ..." in the paragraph of the option.
		section vfio-claim.8 OPTIONS | awk -v option="*$option*" '
			/^\*--/ { inside = index($0, option) == 1; next } inside' | tr '\n' ' ' |
			grep -oE 'With [^:]*:' | grep -oE '\*[a-z]+[* ]' | tr -d '* ' \
			>"$BATS_TEST_TMPDIR/in-page"
		same "--help of $option" "$BATS_TEST_TMPDIR/in-help" \
			"vfio-claim(8)" "$BATS_TEST_TMPDIR/in-page"
	done <"$BATS_TEST_TMPDIR/help"
}

# A machine of the tests with virtual functions, one of which is claimed.
make_claimed() {
	tests/machines/make-tree tests/machines/sriov.txt "$1"
	printf '[claim nic]\nmatch = 05:00.0\nfunctions = matched\n' >"$1/etc/vfio-claim.conf"
}

@test "vfio-claim(8) has every code of status, and no others" {
	local root=$BATS_TEST_TMPDIR/machine

	make_claimed "$root"
	"$build/vfio-claim" status --root "$root" --with-hardware --prometheus |
		sed -nE 's/^vfio_claim_findings\{code="([a-z-]+)"\}.*/\1/p' >"$BATS_TEST_TMPDIR/in-tool"
	section vfio-claim.8 COMMANDS | awk '/^\*status\*$/ { inside = 1 } /^\*claim\*$/ { inside = 0 }
		/^\[\[ \*(Field|Metric)\*/ { inside = 0 } inside' |
		sed -nE 's/^\|  ([a-z, -]+)$/\1/p' | tr -d ' ' | tr ',' '\n' >"$BATS_TEST_TMPDIR/in-page"
	same "status --prometheus" "$BATS_TEST_TMPDIR/in-tool" \
		"vfio-claim(8)" "$BATS_TEST_TMPDIR/in-page"
}

# table_of COMMAND HEAD: the rows of the table of that head in the text on a command.
table_of() {
	section vfio-claim.8 COMMANDS | awk -v command="*$1*" -v head="[[ *$2*" '
		/^\*[a-z]+\*$/ { inside = $0 == command; table = 0 }
		inside && index($0, "[[ ") == 1 { table = $0 == head }
		table && /^$/ { table = 0 }
		table && /^(\||:)/'
}

@test "vfio-claim(8) has every field of status --json and list --json, and no others" {
	local root=$BATS_TEST_TMPDIR/machine command

	make_claimed "$root"
	for command in status list; do
		run "$build/vfio-claim" "$command" --root "$root" --with-hardware --json
		[ "$status" -le 1 ]
		jq -r '[paths | map(select(type == "string")) | .[]] | unique[]' <<<"$output" \
			>"$BATS_TEST_TMPDIR/written"
		# The tree has no modules to list.
		[ "$command" != list ] || printf '%s\n' name builtin blacklisted >>"$BATS_TEST_TMPDIR/written"
		# The first column, and in the second what is in a list of objects.
		table_of "$command" Field | sed -nE 's/^\|  //p' | tr -d ' ' | tr ',' '\n' |
			sed 's/.*\.//' >"$BATS_TEST_TMPDIR/in-page"
		table_of "$command" Field | grep 'a list of objects' | grep -oE '(^|[ (])_[a-z_]+_' |
			sed -E 's/^[ (]?_//; s/_$//' >>"$BATS_TEST_TMPDIR/in-page"
		same "$command --json" "$BATS_TEST_TMPDIR/written" \
			"vfio-claim(8)" "$BATS_TEST_TMPDIR/in-page"
	done
}

@test "vfio-claim(8) has every metric of status --prometheus with its labels" {
	local root=$BATS_TEST_TMPDIR/machine

	make_claimed "$root"
	"$build/vfio-claim" status --root "$root" --with-hardware --prometheus >"$BATS_TEST_TMPDIR/metrics" ||
		[ "$?" -eq 1 ]
	sed -nE 's/^(vfio_claim_[a-z_]+(\{.*\})?) .*/\1/p' "$BATS_TEST_TMPDIR/metrics" |
		sed -E 's/="[^"]*"//g' >"$BATS_TEST_TMPDIR/in-tool"
	# A tree has neither images of its own nor a boot of its own.
	printf '%s\n' 'vfio_claim_initramfs_current{kernel}' vfio_claim_boot_seconds \
		>>"$BATS_TEST_TMPDIR/in-tool"
	table_of status Metric | sed -nE 's/^\|  //p' >"$BATS_TEST_TMPDIR/in-page"
	same "status --prometheus" "$BATS_TEST_TMPDIR/in-tool" \
		"vfio-claim(8)" "$BATS_TEST_TMPDIR/in-page"
}

# choices COMMAND...: the names in the message for a wrong one, behind "is" or "word:".
choices() {
	"$build/vfio-claim" "$@" 2>&1 >/dev/null | sed -E 's/.*(it is one of: |or a word: |--format is )//;
		s/, and with .*//; s/,| or / /g' | tr -s ' ' '\n'
}

@test "vfio-claim(8) names every boot loader, format and class that an option takes" {
	local root=$BATS_TEST_TMPDIR/machine

	make_claimed "$root"
	choices apply --loader no-such --dry-run --root "$root" >"$BATS_TEST_TMPDIR/in-tool"
	section vfio-claim.8 "BOOT LOADERS" | sed -nE 's/^\*([a-z.-]+)\*$/\1/p' \
		>"$BATS_TEST_TMPDIR/in-page"
	same --loader "$BATS_TEST_TMPDIR/in-tool" "vfio-claim(8)" "$BATS_TEST_TMPDIR/in-page"

	choices cmdline --format no-such --root "$root" >"$BATS_TEST_TMPDIR/in-tool"
	section vfio-claim.8 OPTIONS | awk '/^\*--/ { inside = /^\*--format/ } inside' | tr '\n' ' ' |
		sed 's/.*With \*cmdline\*: //; s/\. .*//' | grep -oE '\*[a-z]+\*' | tr -d '*' \
		>"$BATS_TEST_TMPDIR/in-page"
	same --format "$BATS_TEST_TMPDIR/in-tool" "vfio-claim(8)" "$BATS_TEST_TMPDIR/in-page"

	choices list --class no-such --root "$root" --with-hardware >"$BATS_TEST_TMPDIR/in-tool"
	section vfio-claim.8 OPTIONS | awk '/^\*--/ { inside = /^\*--class/ } inside' | tr '\n' ' ' |
		sed 's/.*as a word: //; s/([^)]*)//g; s/[.,]/ /g' | tr -s ' \t' '\n' | sed '/^$/d' \
		>"$BATS_TEST_TMPDIR/in-page"
	same --class "$BATS_TEST_TMPDIR/in-tool" "vfio-claim(8)" "$BATS_TEST_TMPDIR/in-page"
}

@test "vfio-claim(8) has every format of export, and no others" {
	run "$build/vfio-claim" export
	sed -nE 's/^  ([a-z-]+) .*/\1/p' <<<"$output" >"$BATS_TEST_TMPDIR/in-help"
	section vfio-claim.8 EXPORTS | sed -nE 's/^\*([a-z-]+)\*$/\1/p' >"$BATS_TEST_TMPDIR/in-page"
	same "vfio-claim export" "$BATS_TEST_TMPDIR/in-help" \
		"vfio-claim(8)" "$BATS_TEST_TMPDIR/in-page"
}

@test "every example of an export works" {
	local count=0 line file machine=$BATS_TEST_TMPDIR/machine
	local -a words

	tests/machines/make-tree tests/machines/twin-gpus.txt "$machine"
	grep -hE '^([[:space:]]*\$ |#? *)?vfio-claim export [a-z]' README.md "$man"/*.scd \
		packaging/examples/* | sed 's/.*vfio-claim export/export/' >"$BATS_TEST_TMPDIR/lines"
	while read -r line; do
		# The machine and the files of the example are stood in for.
		read -ra words < <(sed -E 's/ >.*//; s/--(output|snapshot|config) [^ ]+//g' <<<"$line")
		for file in packaging/examples/gpu.conf packaging/examples/openstack.conf; do
			echo "${words[*]} with $file"
			"$build/vfio-claim" "${words[@]}" --root "$machine" --with-hardware \
				--config "$file" >"$BATS_TEST_TMPDIR/out"
			[ -s "$BATS_TEST_TMPDIR/out" ]
		done
		count=$((count + 1))
	done <"$BATS_TEST_TMPDIR/lines"
	[ "$count" -ge 6 ]
}

@test "vfio-claim.conf(5) has every key, in its section, and no others" {
	local name

	for name in host claim; do
		keys_of_table src/config.c "${name}_keys" >"$BATS_TEST_TMPDIR/in-code"
		section vfio-claim.conf.5 "${name^^} SECTION" |
			sed -nE 's/^\*([a-z_]+)\* = .*/\1/p' >"$BATS_TEST_TMPDIR/in-page"
		same "[$name] of the code" "$BATS_TEST_TMPDIR/in-code" \
			"vfio-claim.conf(5)" "$BATS_TEST_TMPDIR/in-page"
	done
}

@test "vfio-claim.conf(5) names the values of every key that has a choice" {
	local keys key value file=$BATS_TEST_TMPDIR/try.conf

	# By the error for a wrong value, which lists what there is.
	keys=$(sed -nE 's/^\*([a-z_]+)\* = (.*\*[A-Za-z-]+\*.*)/\1/p' "$man/vfio-claim.conf.5.scd")
	[ "$(wc -w <<<"$keys")" -ge 8 ]
	for key in $keys; do
		grep -E "^\*$key\* = " "$man/vfio-claim.conf.5.scd" | sed 's/.* = //' |
			grep -oE '\*[A-Za-z-]+\*' | tr -d '*' >"$BATS_TEST_TMPDIR/in-page"
		while read -r value; do
			if grep -qx "$key" <(keys_of_table src/config.c host_keys); then
				printf '[host]\n%s = %s\n' "$key" "$value" >"$file"
			else
				printf '[claim a]\nmatch = 10de:1c30\n%s = %s\n' "$key" "$value" >"$file"
			fi
			cat "$file"
			"$build/vfio-claim" check --config "$file"
		done <"$BATS_TEST_TMPDIR/in-page"
		sed 's/= .*/= no-such-vfio-value/; /^match/s/=.*/= 10de:1c30/' -i "$file"
		run "$build/vfio-claim" check --config "$file"
		# blacklist takes any name, driver any that has vfio in it.
		[ "$status" -ne 0 ] || continue
		grep -oE 'it is one of: .*' <<<"$output" | sed 's/.*: //' | tr -d ' ' | tr ',' '\n' \
			>"$BATS_TEST_TMPDIR/in-code"
		same "the values of $key" "$BATS_TEST_TMPDIR/in-code" \
			"vfio-claim.conf(5)" "$BATS_TEST_TMPDIR/in-page"
	done
}

@test "vfio-claim-boot(8) has every field of boot.json, and no others" {
	grep -oE '\\"[a-z_]+\\":|add_(string|field)\([^"]*"[^"]*"(, "[a-z_]+")?' src/record.c |
		grep -oE '"?[a-z_]+\\?":?$' | tr -cd 'a-z_\n' >"$BATS_TEST_TMPDIR/in-code"
	section vfio-claim-boot.8 RECORD | grep -E '^\*' | grep -oE '\*[a-z_]+\*' | tr -d '*' \
		>"$BATS_TEST_TMPDIR/in-page"
	same src/record.c "$BATS_TEST_TMPDIR/in-code" \
		"vfio-claim-boot(8)" "$BATS_TEST_TMPDIR/in-page"

	# A record that was really written has no field that the source's text did not show.
	make_machine "$BATS_TEST_TMPDIR/machine"
	mkdir "$BATS_TEST_TMPDIR/machine/etc"
	printf '[claim gpu]\nmatch = 10de:1c30\nwhen = guarded\n' \
		>"$BATS_TEST_TMPDIR/machine/etc/vfio-claim.conf"
	echo ro >"$BATS_TEST_TMPDIR/machine/proc/cmdline"
	"$build/vfio-claim" image --root "$BATS_TEST_TMPDIR/machine" \
		--dest "$BATS_TEST_TMPDIR/machine"
	"$build/vfio-claim-boot" --root "$BATS_TEST_TMPDIR/machine"
	"$build/vfio-claim-boot" --root "$BATS_TEST_TMPDIR/machine" --late /sysroot
	jq -r '[paths | map(select(type == "string")) | .[]] | unique[]' \
		"$BATS_TEST_TMPDIR/machine/run/vfio-claim/boot.json" >"$BATS_TEST_TMPDIR/written"
	same boot.json "$BATS_TEST_TMPDIR/written" \
		"vfio-claim-boot(8)" "$BATS_TEST_TMPDIR/in-page"
}

@test "vfio-claim-boot(8) has every word that boot.json's fields can have" {
	local table word

	section vfio-claim-boot.8 RECORD >"$BATS_TEST_TMPDIR/page"
	for table in step_names outcome_names table_names; do
		keys_of_table src/record.c "$table" >"$BATS_TEST_TMPDIR/words"
		[ -s "$BATS_TEST_TMPDIR/words" ]
		while read -r word; do
			grep -q "\"$word\"" "$BATS_TEST_TMPDIR/page" || { echo "no \"$word\""; false; }
		done <"$BATS_TEST_TMPDIR/words"
	done
	grep -qxE "	$(awk '/RECORD_SCHEMA = /{ gsub(/[^0-9]/, ""); print }' src/record.h)\. .*" \
		"$BATS_TEST_TMPDIR/page"
}

@test "vfio-claim(8) has every code of a warning, with its severity, and no others" {
	local code severity

	keys_of_table src/warnings.c warning_codes >"$BATS_TEST_TMPDIR/in-code"
	section vfio-claim.8 WARNINGS | sed -nE '/Code/d; s/^\|  ([a-z-]+)$/\1/p' \
		>"$BATS_TEST_TMPDIR/in-page"
	same src/warnings.c "$BATS_TEST_TMPDIR/in-code" "vfio-claim(8)" "$BATS_TEST_TMPDIR/in-page"
	# Every code is given by a line of the code with the severity that the page names.
	while read -r code; do
		severity=$(section vfio-claim.8 WARNINGS | grep -A1 -x "|  $code" | sed -n 's/^:  //p')
		grep -qhE "SEVERITY_${severity^^}[^;]*\"$code\"|\"$code\", (need|use->text)" \
			<(cat src/warnings_*.c | tr '\n' ' ' | sed 's/;/;\n/g') ||
			{ echo "$code is no $severity"; false; }
	done <"$BATS_TEST_TMPDIR/in-code"
}

@test "vfio-claim(8) has every field of plan --json, and no others" {
	local root=$BATS_TEST_TMPDIR/machine

	make_machine "$root"
	echo rd.vfio-claim=10de:1c30 >"$root/proc/cmdline"
	run "$build/vfio-claim" plan --root "$root" --with-hardware --json
	jq -r '[paths | map(select(type == "string")) | .[]] | unique[]' <<<"$output" \
		>"$BATS_TEST_TMPDIR/written"
	# A tree of no distribution has no boot loader.
	echo why >>"$BATS_TEST_TMPDIR/written"
	section vfio-claim.8 COMMANDS | awk '/^\*plan\*$/ { inside = 1 } /^\*apply\*$/ { inside = 0 } inside' |
		sed -n '/Field/,$p' | grep -E '^(\||:)' | grep -oE '^\|  [a-z_]+| _[a-z_]+_' |
		sed 's/^|  //; s/^ _//; s/_$//' >"$BATS_TEST_TMPDIR/in-page"
	same plan "$BATS_TEST_TMPDIR/written" "vfio-claim(8)" "$BATS_TEST_TMPDIR/in-page"
}

@test "vfio-claim.cmdline(7) has every argument that the helper reads, and no others" {
	grep -oE '(value_of|is_name)\(argument, "[^"]+"' src/cmdline.c | cut -d'"' -f2 |
		sort -u >"$BATS_TEST_TMPDIR/in-code"
	section vfio-claim.cmdline.7 ARGUMENTS | sed -nE 's/^\*([a-z.-]+)(=.*)?\*.*/\1/p' \
		>"$BATS_TEST_TMPDIR/in-page"
	same src/cmdline.c "$BATS_TEST_TMPDIR/in-code" \
		"vfio-claim.cmdline(7)" "$BATS_TEST_TMPDIR/in-page"
}

# examples PAGE: the commands in its section EXAMPLES, one a line.
examples() {
	section "$1" EXAMPLES | awk '/^```/ { open = !open; next } open && !/^#/'
}

@test "the manual pages' examples are commands that the programs understand" {
	local page line count=0
	local -a words

	for page in vfio-claim.8 vfio-claim-boot.8; do
		# A fence that is not closed turns text and examples about.
		[ $(($(grep -c '^```' "$man/$page.scd") % 2)) = 0 ]
		section "$page" EXAMPLES | awk '/^```/ { open = !open; next } !open' |
			tee "$BATS_TEST_TMPDIR/prose" | absent '^(vfio-claim|/usr|ssh) '
		grep -qE '^[A-Z].*:$' "$BATS_TEST_TMPDIR/prose"
		examples "$page" | sed -E 's/^ssh host //; s/ \|.*//; s/ >.*//' |
			grep -E '^(/usr/lib/vfio-claim/)?vfio-claim' >"$BATS_TEST_TMPDIR/commands"
		while read -r line; do
			read -ra words <<<"$line"
			# All of the line is judged before --help is done.
			"$build/${words[0]##*/}" "${words[@]:1}" --help >/dev/null ||
				{ echo "$page: $line"; false; }
			count=$((count + 1))
		done <"$BATS_TEST_TMPDIR/commands"
	done
	[ "$count" -ge 20 ]
}

@test "every page has worked examples" {
	local page

	for page in "${pages[@]}"; do
		[ "$(sed -n '/^# EXAMPLES/,/^# SEE ALSO/p' "$man/$page.scd" | grep -c '^```')" -ge 6 ] ||
			{ echo "$page has too few"; false; }
	done
}

@test "the pages have every file that the programs know or that is installed, and no others" {
	local page

	{
		# The paths that the sources have names for; a snapshot's own two are no files of a host.
		sed -nE 's/^#define [A-Z_]*(PATH|FILE|DROP_INS) "([^"]+)".*/\2/p' src/*.[ch] |
			grep -vxE 'run/vfio-claim/(uses|snapshot)'
		grep -oE '"usr/lib/vfio-claim\.conf\.d"' src/config_files.c | tr -d '"'
		sed -n '/owned_file_paths\[/,/^};/s/^\t"\(.*\)",/\1/p' src/owned_files.c
		grep -ohE '"etc/default/grub\.d/[^"]*vfio-claim[^"]*"' src/loader*.c | tr -d '"'
		make --no-print-directory BUILD="$build" DESTDIR="$BATS_TEST_TMPDIR/root" PREFIX=/usr \
			DRACUT_MODULES_DIR=/usr/lib/dracut/modules.d \
			INITRAMFS_TOOLS_DIR=/usr/share/initramfs-tools \
			MAN_PAGES= install >/dev/null
		(cd "$BATS_TEST_TMPDIR/root" && find usr -type f ! -path '*completions*' \
			! -path '*site-functions*' ! -path 'usr/sbin/*')
	} | sed 's|^/||; s|/50vfio-claim/.*|/50vfio-claim|; s|\.conf\.d$|.conf.d/*.conf|' |
		grep vfio-claim >"$BATS_TEST_TMPDIR/known"
	for page in vfio-claim.8 vfio-claim-boot.8; do
		section "$page" FILES | grep '^/'
	done | tr -d '\\' | sed 's/, /\n/g' | sed 's|^/||; s|/$||' >"$BATS_TEST_TMPDIR/in-pages"
	same "sources and installation" "$BATS_TEST_TMPDIR/known" "FILES" "$BATS_TEST_TMPDIR/in-pages"
}

@test "the manual pages build, without a warning" {
	local page

	for page in "${pages[@]}"; do
		scdoc <"$man/$page.scd" >"$BATS_TEST_TMPDIR/$page"
		# Its header is the file's name: vfio-claim.conf.5 is vfio-claim.conf(5).
		grep -qF ".TH \"${page%.*}\" \"${page##*.}\"" "$BATS_TEST_TMPDIR/$page"
		run -0 --separate-stderr man --warnings -E UTF-8 -l "$BATS_TEST_TMPDIR/$page"
		[[ $output == *NAME*"SEE ALSO"* ]]
		# shellcheck disable=SC2154 # bats sets stderr
		[ -z "$stderr" ]
	done
	[ "$(find "$man" -name '*.scd' | wc -l)" -eq "${#pages[@]}" ]
}

@test "pages and README refer only to pages of ours that exist" {
	local page

	grep -ohE '\*?vfio-claim[a-z.-]*\*?\([0-9]\)' README.md "$man"/*.scd | tr -d '*' | sort -u \
		>"$BATS_TEST_TMPDIR/references"
	[ -s "$BATS_TEST_TMPDIR/references" ]
	while read -r page; do
		page=${page%)}
		[ -e "$man/${page%(*}.${page#*(}.scd" ] || { echo "no page $page"; false; }
	done <"$BATS_TEST_TMPDIR/references"
}

@test "the paths that README names in the tree exist, and NEWS and packages have this version" {
	local path version

	sed -n '/^## What is where/,/^## Licence/s/^| \([^ ]*\/\) |.*/\1/p' README.md \
		>"$BATS_TEST_TMPDIR/paths"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/paths")" -ge 6 ]
	while read -r path; do
		[ -d "$path" ] || { echo "no $path"; false; }
	done <"$BATS_TEST_TMPDIR/paths"
	version=$(sed -n 's/.*VFIO_CLAIM_VERSION "\(.*\)"/\1/p' src/version.h)
	[[ $(head -n 1 NEWS) == "vfio-claim $version "* ]]
	[[ $(head -n 1 packaging/debian/changelog) == "vfio-claim ($version) "* ]]
	grep -qxE "Version: +$version" packaging/rpm/vfio-claim.spec
	grep -qE "^\* .* - $version-1$" packaging/rpm/vfio-claim.spec
}

@test "docs/RELEASING.md: one command sets who publishes the packages, everywhere" {
	local directory=$BATS_TEST_TMPDIR/tree file

	mkdir -p "$directory"
	cp -r packaging "$directory/"
	[ "$(grep -rlE 'example\.(org|com)|debian\.org>' "$directory/packaging" |
		grep -cE '/(control|changelog|vfio-claim\.spec)$')" = 3 ]
	(cd "$directory" && awk '/^ +sed -i/ { on = 1 } on { print; if (!/\\$/) exit }' \
		"$OLDPWD/docs/RELEASING.md" | sed 's/NAME <ADDRESS>/A. Person <a@person.test>/' | sh -e)
	for file in debian/control debian/changelog rpm/vfio-claim.spec; do
		grep -qF 'A. Person <a@person.test>' "$directory/packaging/$file"
	done
	run -1 grep -rnE 'vfio-claim developers|vfio-claim@' "$directory/packaging"
}

@test "docs/troubleshooting.md has every code of status, and no others" {
	local directory=$BATS_TEST_TMPDIR

	sed -n 's/^### //p' docs/troubleshooting.md | sed 's/, /\n/g' >"$directory/page"
	sed -n '/finding_code_names/,/^};/s/.*= "\(.*\)",/\1/p' src/findings.c >"$directory/table"
	same docs/troubleshooting.md "$directory/page" src/findings.c "$directory/table"
}

# leftover_block NUMBER: the text of that block.
leftover_block() {
	awk -v want="$1" '
		/^```left-over / { inside = ++number == want; next }
		/^```/ { inside = 0 }
		inside' docs/coming-from.md
}

# Each block "left-over PATH" is a file that check finds something in.
@test "check finds every left-over that docs/coming-from.md shows" {
	local directory=$BATS_TEST_TMPDIR/left path count=0

	mkdir -p "$directory"
	while read -r _ path; do
		count=$((count + 1))
		[[ $path != proc/* ]] || continue
		rm -rf "$directory/root"
		mkdir -p "$directory/root/$(dirname "$path")"
		leftover_block "$count" >"$directory/root/$path"
		[ -s "$directory/root/$path" ]
		run -0 --separate-stderr "$build/vfio-claim" check --root "$directory/root"
		[[ $stderr == *"$path:1: warning:"* ]] || { echo "$path: $stderr"; false; }
	done < <(grep '^```left-over ' docs/coming-from.md)
	[ "$count" -ge 12 ]
}

@test "check finds what docs/coming-from.md shows of the booted command line" {
	local number path count=0

	[ "$(id -u)" -eq 0 ] || skip "a mount needs root"
	while IFS=: read -r number path; do
		leftover_block "$number" >"$BATS_TEST_TMPDIR/cmdline"
		[ -s "$BATS_TEST_TMPDIR/cmdline" ]
		# It only reads; what this machine itself has in files is its own affair.
		run --separate-stderr unshare --mount --propagation private sh -ec '
			mount --bind "$1" /proc/cmdline
			exec "$2" check' sh "$BATS_TEST_TMPDIR/cmdline" "$build/vfio-claim"
		[[ $stderr == *"/$path:1: warning: "* ]] || { echo "$status: $stderr"; false; }
		count=$((count + 1))
	done < <(grep '^```left-over ' docs/coming-from.md | awk '/ proc\// { print NR ":" $2 }')
	[ "$count" -ge 1 ]
}

@test "docs/coming-from.md has a part with a left-over for each way that people come" {
	local part

	for part in "hand-edited GRUB" grubby "/etc/initramfs-tools/modules" dracut.conf.d driverctl vfio-pci-bind \
		Genestack "OpenStack charms" EDPM Bright; do
		awk -v part="$part" '/^## / { inside = index($0, part) > 0; seen += inside }
			inside && /^```left-over / { shown = 1 }
			END { exit !(seen == 1 && shown) }' docs/coming-from.md ||
			{ echo "nothing for $part"; false; }
	done
}
