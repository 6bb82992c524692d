#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The completions of bash and zsh, on a made-up sysfs.
# bats file_tags=native

setup() {
	load lib/machine.bash
	bats_require_minimum_version 1.5.0
	export VFIO_CLAIM_SYSFS=$BATS_TEST_TMPDIR/machine/sys
	"$TESTS/machines/make-tree" "$TESTS/machines/sriov.txt" "$BATS_TEST_TMPDIR/machine"
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s "$TOOL" "$BATS_TEST_TMPDIR/bin/vfio-claim"
	export PATH=$BATS_TEST_TMPDIR/bin:$PATH
	BASH_FILE=$REPO/packaging/completions/vfio-claim.bash
	ZSH_FILE=$REPO/packaging/completions/_vfio-claim
}

# in_bash LINE: what bash is offered at the end of it, one a line, sorted.
in_bash() {
	LINE=$1 bash --norc --noprofile -c '
		source "$1"
		COMP_LINE=$LINE COMP_POINT=${#LINE}
		# As readline cuts it.
		read -ra COMP_WORDS <<<"${LINE//:/ : }"
		[[ $LINE != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		COMP_WORDBREAKS=$'\'' \t\n"'\''"'\''"'\''><=;|&(:'\''
		$(complete -p vfio-claim | sed -E "s/.*-F ([^ ]+).*/\1/")
		printf "%s\n" "${COMPREPLY[@]}"
	' bash "$BASH_FILE" | sort
}

# in_zsh LINE: what zsh inserts or lists when tab is pressed behind it, in a terminal of its own.
in_zsh() {
	zsh -f "$TESTS/tools/complete.zsh" "${ZSH_FILE%/*}" "$1"
}

commands() {
	"$TOOL" --help | awk '/^Commands:/ { inside = 1; next } /^$/ { inside = 0 } inside { print $1 }'
}

# options COMMAND: those that --help has for it.
options() {
	"$TOOL" --help | awk -v command="$1" '/^  --/ { if (match($0, /\([a-z ]+\)$/)) {
			list = " " substr($0, RSTART + 1, RLENGTH - 2) " "
			if (!index(list, " " command " ")) next
		} print $1 }' | sort
}

@test "completion: bash offers every command of --help" {
	[ "$(in_bash 'vfio-claim ')" = "$(commands | sort)" ]
	[ "$(in_bash 'vfio-claim --root / sta')" = status ]
	[ "$(in_bash 'vfio-claim --json s')" = "$(printf '%s\n' snapshot status)" ]
}

@test "completion: bash offers the options that go with the command, of every command" {
	local command

	for command in $(commands); do
		diff <(options "$command") <(in_bash "vfio-claim $command --")
	done
	[ "$(in_bash 'vfio-claim --wa' | wc -l)" = 2 ]
	[ "$(in_bash 'vfio-claim apply --dr')" = --dry-run ]
}

@test "completion: bash offers this machine's addresses and IDs, colons and all" {
	run -0 in_bash 'vfio-claim release '
	[[ $output == *0000:05:10.5* && $output == *$'\n'05:10.5* && $output != *8086:* ]]
	[ "$(in_bash 'vfio-claim claim 8086:4' | tr '\n' ' ')" = "4940 4941 " ]
	[ "$(in_bash 'vfio-claim list --json 0000:06:')" = \
		"$(printf '%s\n' 00.0 00.1 00.2 00.3)" ]
	[ "$(in_bash 'vfio-claim claim 06:00.0 05:10' | tr '\n' ' ')" = "10.0 10.1 10.4 10.5 " ]
	# No devices for what takes none.
	[ -z "$(in_bash 'vfio-claim check ')" ]
}

@test "completion: bash offers what an option takes" {
	local list option

	[ "$(in_bash 'vfio-claim list --group ')" = "$(ls "$VFIO_CLAIM_SYSFS/kernel/iommu_groups" | sort)" ]
	[ "$(in_bash 'vfio-claim cmdline --format b' | tr '\n' ' ')" = "bls bootc " ]
	mkdir "$BATS_TEST_TMPDIR/here"
	[ "$(in_bash "vfio-claim apply --root $BATS_TEST_TMPDIR/he")" = "$BATS_TEST_TMPDIR/here" ]
	# The very names that the tool knows.
	printf '[claim a]\nmatch = class=02\n' >"$BATS_TEST_TMPDIR/machine/etc/vfio-claim.conf"
	list=$("$TOOL" apply --dry-run --loader '?' --root "$BATS_TEST_TMPDIR/machine" 2>&1 || :)
	[ "$(in_bash 'vfio-claim apply --loader ')" = \
		"$(sed 's/.*one of: //' <<<"$list" | tr ' ' '\n' | sort)" ]
	list=$("$TOOL" cmdline --format '?' --root "$BATS_TEST_TMPDIR/machine" 2>&1 || :)
	[ "$(in_bash 'vfio-claim cmdline --format ')" = \
		"$(sed 's/.*--format is //; s/, and .*//; s/,\| or / /g' <<<"$list" | tr -s ' ' '\n' | sort)" ]
	list=$("$TOOL" list --class '?' --root "$BATS_TEST_TMPDIR/machine" --with-hardware 2>&1 || :)
	[ "$(in_bash 'vfio-claim list --class ')" = \
		"$(sed 's/.*or a word: //' <<<"$list" | tr ' ' '\n' | sort)" ]
	list=$("$TOOL" export nova --release '?' --root "$BATS_TEST_TMPDIR/machine" 2>&1 || :)
	[ "$(in_bash 'vfio-claim export nova --release ')" = \
		"$(sed 's/.*one of: //' <<<"$list" | tr ' ' '\n' | sort)" ]
	for option in by part; do
		list=$("$TOOL" export nova "--$option" '?' --root "$BATS_TEST_TMPDIR/machine" 2>&1 || :)
		[ "$(in_bash "vfio-claim export nova --$option ")" = \
			"$(sed "s/.*--$option is //; s/,\| or / /g" <<<"$list" | tr -s ' ' '\n' | sort)" ]
	done
	: >"$BATS_TEST_TMPDIR/here.deb"
	[ "$(in_bash "vfio-claim export juju --package $BATS_TEST_TMPDIR/here.")" = \
		"$BATS_TEST_TMPDIR/here.deb" ]
}

@test "completion: bash offers what an option takes behind an equals sign too" {
	local here=$BATS_TEST_TMPDIR/here

	[ "$(in_bash 'vfio-claim apply --loader=gr' | tr '\n' ' ')" = "grub-default grub.d grubby " ]
	[ "$(in_bash 'vfio-claim cmdline --format=b' | tr '\n' ' ')" = "bls bootc " ]
	mkdir -p "$here"
	: >"$here/a.conf"
	[ "$(in_bash "vfio-claim check --config=$here/")" = "$here/a.conf" ]
	# What is behind it is no command's argument; and this option takes none.
	[ "$(in_bash 'vfio-claim --loader=grubby app')" = apply ]
	[ -z "$(in_bash 'vfio-claim plan --json=')" ]
}

@test "completion: bash goes on behind a blank in a path, however it is quoted" {
	local here=$BATS_TEST_TMPDIR/here line

	mkdir -p "$here/a b/c d"
	: >"$here/a b/one.conf"
	for line in "$here/a\\ b/o" "\"$here/a b/o" "'$here/a b/o" "=$here/a\\ b/o"; do
		[[ $line == =* ]] || line=" $line"
		[ "$(in_bash "vfio-claim check --config$line")" = "$here/a b/one.conf" ]
	done
	[ "$(in_bash "vfio-claim check --root $here/a\\ b/c")" = "$here/a b/c d" ]
	# It is one word, whatever comes next.
	[ "$(in_bash "vfio-claim --root '$here/a b' sta")" = status ]
}

# The arguments of options that no list can have: numbers, and a line of arguments.
FREE="--base --wait"

@test "completion: every option that takes something has its words, in bash and in zsh" {
	local option

	for option in $("$TOOL" --help | sed -nE 's/^  (--[a-z-]+) [A-Z]+ .*/\1/p'); do
		[[ " $FREE " != *" $option "* ]] || continue
		sed -n '/^_vfio_claim_argument()/,/^}/p' "$BASH_FILE" | grep -qE -- "(^|[[:space:]|])$option( \||\))" ||
			{ echo "bash: $option"; false; }
		sed -n '/^_vfio-claim_arguments()/,/^}/p' "$ZSH_FILE" | grep -qE -- "[(|]${option}[|)]" ||
			{ echo "zsh: $option"; false; }
	done
}

# formats: of export, as it names them itself.
formats() {
	"$TOOL" export 2>&1 | sed -nE 's/^  ([a-z-]+) .*/\1/p' | sort
}

@test "completion: bash offers the formats of export, once" {
	[ "$(formats | wc -l)" -ge 9 ]
	diff <(formats) <(in_bash 'vfio-claim export ')
	[ "$(in_bash 'vfio-claim export --by ids m' | tr '\n' ' ')" = "maas machineconfig " ]
	[ -z "$(in_bash 'vfio-claim export nova ')" ]
}

@test "completion: zsh has the same words for options" {
	local option

	command -v zsh >/dev/null || skip "zsh is not installed"
	zsh -n "$ZSH_FILE"
	for option in format loader class release by part; do
		diff <(awk -v name="(--$option)" 'index($0, name) { inside = 1 } inside { print }
				inside && /;;/ { exit }' "$ZSH_FILE" | tr -d '\\' | tr '\n' ' ' |
				sed 's/.*compadd //; s/;;.*//' | tr -s ' \t' '\n' | sed '/^$/d' | sort) \
			<(in_bash "vfio-claim x --$option ")
	done
}

# listed LINE: the words that zsh lists with what they mean, one a line, sorted.
listed() {
	in_zsh "$1" | sed -nE 's/^([^ ]+) +-- .*/\1/p' | sort
}

@test "completion: zsh offers every command, and the options that go with it" {
	local command

	command -v zsh >/dev/null || skip "zsh is not installed"
	diff <(commands | sort) <(listed 'vfio-claim ')
	for command in $(commands); do
		diff <(options "$command") <(listed "vfio-claim $command --")
	done
}

@test "completion: zsh offers the formats of export, once" {
	command -v zsh >/dev/null || skip "zsh is not installed"
	diff <(formats) <(listed 'vfio-claim export ')
	diff <(formats | grep '^ma') <(listed 'vfio-claim export --by ids ma')
	[ -z "$(listed 'vfio-claim export nova ')" ]
}

@test "completion: zsh offers this machine's addresses and IDs" {
	command -v zsh >/dev/null || skip "zsh is not installed"
	run -0 in_zsh 'vfio-claim claim 0000:06'
	[[ $output == *0000:06:00.0*8086:4940*0000:06:00.1* && $output != *0000:05* ]]
	run -0 in_zsh 'vfio-claim list 06:'
	[[ $output == *$'\n'06:00.0*$'\n'06:00.3* ]]
	run -0 in_zsh 'vfio-claim claim 8086:4'
	[[ $output == *"8086:4940  8086:4941"* ]]
	# IDs are not for release, as in bash; nor are devices for what takes none.
	run -0 in_zsh 'vfio-claim release 8086:4'
	[[ $output != *8086:4940* ]]
	run -0 in_zsh 'vfio-claim check 0000:06'
	[[ $output != *0000:06:00.0* ]]
}

@test "completion: zsh offers what an option takes" {
	command -v zsh >/dev/null || skip "zsh is not installed"
	run -0 in_zsh 'vfio-claim list --group '
	[[ $output == *10*11*12* ]]
	run -0 in_zsh 'vfio-claim cmdline --format boo'
	[[ $output == *bootc* ]]
	run -0 in_zsh 'vfio-claim export nova --release 2025'
	[[ $output == *2025.1*2025.2* && $output != *2024* ]]
	run -0 in_zsh 'vfio-claim apply --loader=grub'
	[[ $output == *grub-default*grub.d*grubby* ]]
	run -0 in_zsh 'vfio-claim cmdline --format=boo'
	[[ $output == *--format=bootc* ]]
}
