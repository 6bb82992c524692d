# SPDX-License-Identifier: GPL-2.0-or-later
# grub.d/90-vfio-claim.cfg under the real grub-mkconfig of GRUB 2.06, 2.12 and 2.14, each in
# its release's tree: whatever the configuration says, grub.cfg is written, GRUB can read it,
# nothing of the configuration was executed, and each entry has just the arguments that it is
# to have. No machine boots for these.
#
# A test is a script that runs in the tree, with the functions of `prelude`, and then looks at
# what it left. The file that a payload would make has "canary" in its name.

VM=$BATS_TEST_DIRNAME
RELEASES="12 13 testing"

setup() {
	mkdir -p "${VFIO_CLAIM_LAB:=/var/cache/vfio-claim-lab}/run"
	T=$(mktemp -d "$VFIO_CLAIM_LAB/run/grub.XXXXXX")
	export VFIO_CLAIM_LAB
}

teardown() { rm -rf "$T"; }

fail() {
	echo "$*" >&2
	return 1
}

# What the tests' scripts have in the tree.
prelude() {
	cat <<'SCRIPT'
out=/out
cfg=/etc/default/grub.d/90-vfio-claim.cfg
mkdir -p $out /etc/default/grub.d /boot/grub
cp /usr/share/grub/default/grub /etc/default/grub
for kernel in /boot/vmlinuz-*; do
	: >"/boot/initrd.img-${kernel#/boot/vmlinuz-}"
done

# admin TEXT: more lines in /etc/default/grub.
admin() { printf '%s\n' "$1" >>/etc/default/grub; }

# config TEXT, whose last byte is whatever it is
config() { printf '%s' "$1" >/etc/vfio-claim.conf; }

good='[host]
extra_args = last.good=1

[claim p2000]
match = 10de:1c30
'

# without: grub.cfg as it is on a machine that has no vfio-claim
without() {
	rm -f $cfg
	grub-mkconfig -o $out/without || return
}

# with NAME: the same on a machine that has it
with() {
	cp /usr/share/vfio-claim/90-vfio-claim.cfg $cfg
	status=0
	grub-mkconfig -o "$out/$1" >"$out/$1.errors" 2>&1 || status=$?
	echo $status >"$out/$1.status"
	grub-script-check "$out/$1"
}

# arguments NAME: what the entries of that grub.cfg are to have
arguments() { vfio-claim cmdline >"$out/$1.arguments" 2>/dev/null; }

# sourced: what 90-vfio-claim.cfg alone, sourced as grub-mkconfig does it, makes of the
# variables; a line for each call
sourced() {
	(
		set -e
		GRUB_CMDLINE_LINUX_DEFAULT=quiet
		. /usr/share/vfio-claim/90-vfio-claim.cfg
		printf '%s\n' "$GRUB_CMDLINE_LINUX_DEFAULT|$GRUB_CMDLINE_LINUX_RECOVERY"
	) >>$out/sourced 2>>$out/sourced.errors || echo "status $?" >>$out/sourced
}
SCRIPT
}

# in_tree_of RELEASE, with the script as the standard input.
in_tree_of() {
	R=$1
	O=$T/$R/upper/out
	mkdir -p "$T/$R"
	{
		prelude
		cat
	} >"$T/$R/script"
	"$VM/lab" _call exec_in_namespace in_grub_tree "$R" "$T/$R" <"$T/$R/script" \
		>"$T/$R/log" 2>&1 || fail "Debian $R: $(tail -n 20 "$T/$R/log")"
}

nothing_was_executed() {
	local found

	found=$(find "$T/$R/upper" -name '*canary*')
	[ -z "$found" ] || fail "Debian $R: executed: $found"
}

# expected ARGUMENTS RECOVERY: $O/without with ARGUMENTS at the end of each normal entry's
# kernel line and, where GRUB lets us, rd.vfio-claim=0 behind the word RECOVERY of the others.
expected() {
	[ "$R" = 12 ] && set -- "$1" "$2" "" || set -- "$1" "$2" " rd.vfio-claim=0"
	ARGUMENTS=$1 RECOVERY=" ro $2 " OFF=$3 awk '
		/^[ \t]*(menuentry|submenu) / { recovery = /\(recovery mode\)/ }
		/^[ \t]*linux[ \t]/ && recovery {
			at = index($0, ENVIRON["RECOVERY"])
			end = at + length(ENVIRON["RECOVERY"]) - 1
			$0 = substr($0, 1, end - 1) ENVIRON["OFF"] substr($0, end)
			off += at > 0
		}
		/^[ \t]*linux[ \t]/ && !recovery {
			if (ENVIRON["ARGUMENTS"] != "")
				$0 = $0 (/ $/ ? "" : " ") ENVIRON["ARGUMENTS"]
			normal++
		}
		{ print }
		END { exit !(normal >= 2 && off >= 1) }' "$O/without"
}

# entries NAME ARGUMENTS [RECOVERY]: grub.cfg differs in nothing else from one without
# vfio-claim.
entries() {
	[ "$(cat "$O/$1.status")" = 0 ] || fail "Debian $R: $(cat "$O/$1.errors")"
	nothing_was_executed
	expected "$2" "${3-single}" >"$T/expected" ||
		fail "Debian $R: entries are missing: $(cat "$O/without")"
	run diff "$T/expected" "$O/$1"
	[ "$status" = 0 ] || fail "Debian $R: $1: $output"
}

# unchanged NAME: there is nothing of ours in it.
unchanged() {
	[ "$(cat "$O/$1.status")" = 0 ] || fail "Debian $R: $(cat "$O/$1.errors")"
	nothing_was_executed
	cmp "$O/without" "$O/$1"
}

# kept NAME WORD...: the arguments of that name are there, with these among them.
kept() {
	A=$(<"$O/$1.arguments")
	shift
	for word; do
		[[ " $A " == *" $word "* ]] || fail "Debian $R: no $word in $A"
	done
}

# says NAME REGEX...: on standard error, for whoever ran update-grub.
says() {
	local file=$O/$1.errors regex

	shift
	for regex; do
		grep -Eq "$regex" "$file" || fail "Debian $R: no '$regex' in: $(cat "$file")"
	done
}

@test "the measure: a payload that is executed is seen" {
	local release

	for release in $RELEASES; do
		in_tree_of "$release" <<-'END'
			without
			config '[host]
			extra_args = $(touch /tmp/canary)
			'
			sed -n 's/extra_args = //p' /etc/vfio-claim.conf >/tmp/words
			echo 'eval "ours=$(cat /tmp/words)"' >>/usr/share/vfio-claim/90-vfio-claim.cfg
			with broken
		END
		run nothing_was_executed
		[ "$status" = 1 ]
	done
}

@test "GRUB 2.06, 2.12 and 2.14 are what is tested" {
	local release

	for release in 12=2.06 13=2.12 testing=2.14; do
		in_tree_of "${release%=*}" <<<'grub-mkconfig --version >$out/version'
		grep -F "${release#*=}" "$O/version"
	done
}

@test "a valid configuration" {
	local release

	for release in $RELEASES; do
		in_tree_of "$release" <<-'END'
			without
			config '[host]
			cpu = any
			unsafe_interrupts = yes
			ignore_msrs = yes
			framebuffer = off
			extra_args = hugepagesz=1G hugepages=64

			[claim p2000]
			match = 10de:1c30
			'
			arguments first
			with first
			with again
		END
		kept first vfio-pci.ids=10de:1c30 intel_iommu=on iommu=pt hugepages=64 kvm.ignore_msrs=1
		entries first "$A"
		entries again "$A"
	done
}

@test "every character that extra_args takes, where it is most like a shell's" {
	local release

	for release in $RELEASES; do
		in_tree_of "$release" <<-'END'
			without
			config '[host]
			extra_args = ~ ~root a=~/x:~ %s %n %% %%d=%1$ -n -e -o / /etc @x +y ,z :w = == .. _ -=+
			'
			sed -i 's/%1[$]/%1/' /etc/vfio-claim.conf
			arguments worst
			with worst
			long=$(printf '%01500d' 7)
			config "[host]
			extra_args = long=$long
			"
			arguments long
			with long
		END
		kept worst '~' '~root' 'a=~/x:~' %s %n %% %%d=%1 -n -e -o / /etc @x +y ,z :w = == .. _ -=+
		entries worst "$A"
		kept long "long=$(printf '%01500d' 7)"
		entries long "$A"
	done
}

@test "every byte that extra_args does not take: the last good arguments" {
	local release

	for release in $RELEASES; do
		in_tree_of "$release" <<-'END'
			config "$good"
			arguments good
			sourced
			n=0
			while [ $n -le 255 ]; do
				octal=$(printf '%03o' $n)
				n=$((n + 1))
				case $octal in
				# Of the bytes past ASCII, three.
				200 | 240 | 377) ;;
				2?? | 3??) continue ;;
				# Letters, digits, the blank and _-.,:=/@+%~
				040 | 045 | 05[3-7] | 06? | 07[0-2] | 075 | 100) continue ;;
				1[0-2]? | 13[0-2] | 137 | 14[1-7] | 1[56]? | 17[0-2] | 176) continue ;;
				esac
				{
					printf '[host]\nextra_args = a=1'
					printf "\\$octal"
					printf 'touch /canary'
					printf "\\$octal"
					printf 'b\n[claim p2000]\nmatch = 10de:1c30\n'
				} >/etc/vfio-claim.conf
				sourced
				echo >>$out/bytes
			done
		END
		nothing_was_executed
		kept good last.good=1 vfio-pci.ids=10de:1c30
		[ "$(wc -l <"$O/bytes")" = 57 ]
		[ "$(sort "$O/sourced" | uniq -c | sed 's/^ *//')" = \
			"58 quiet $A|single rd.vfio-claim=0" ] ||
			fail "Debian $R: $(sort "$O/sourced" | uniq -c)"
		[ "$(grep -c 'last valid configuration are used' "$O/sourced.errors")" = 57 ]
	done
}

@test "hostile values of every key: the last good arguments" {
	local release

	for release in $RELEASES; do
		in_tree_of "$release" <<-'END'
			config "$good"
			arguments good
			without
			with good
			long=$(printf '%04096d' 0)
			n=0
			# hostile LINES: between a claim and another
			hostile() {
				n=$((n + 1))
				config "[claim p2000]
			match = 10de:1c30
			$1
			"
				sourced
				cat /etc/vfio-claim.conf >>/tmp/all
			}
			for payload in '"$(touch /canary-1)"' '`touch /canary-2`' 'a;touch /canary-3;' \
				"'; touch /canary-4; '" '"; touch /canary-5; "' '$(touch /canary-6)' \
				'\$(touch /canary-7)\' '
			touch /canary-8
			' '| touch /canary-9' '&& touch /canary-10 #' '${IFS:=$(touch /canary-11)}' \
				'} touch /canary-12 {' "$long"; do
				hostile "[host]
			extra_args = $payload"
				hostile "[host]
			blacklist = nouveau $payload"
				hostile "driver = $payload"
				hostile "match = $payload"
				hostile "except = 10de:$payload"
				hostile "expect = 1$payload"
				hostile "when = $payload"
				hostile "[claim $payload]
			match = 10de:1c31"
				hostile "[$payload]"
				hostile "$payload"
				hostile "$payload = 1"
			done
			echo $n >$out/count
			cp /tmp/all /etc/vfio-claim.conf
			with all
		END
		kept good last.good=1
		entries good "$A"
		entries all "$A"
		says all 'vfio-claim.conf:[0-9]+: ' 'last valid configuration are used'
		[ "$(cat "$O/count")" = 143 ]
		[ "$(sort "$O/sourced" | uniq -c | sed 's/^ *//')" = \
			"143 quiet $A|single rd.vfio-claim=0" ] ||
			fail "Debian $R: $(sort "$O/sourced" | uniq -c)"
	done
}

@test "hostile names of files, and kept arguments that are not ours" {
	local release

	for release in $RELEASES; do
		in_tree_of "$release" <<-'END'
			without
			mkdir /etc/vfio-claim.conf.d
			config "$good"
			cp /etc/vfio-claim.conf '/etc/vfio-claim.conf.d/"$(touch canary)`touch canary`; touch canary.conf'
			arguments good
			with named
			echo nonsense >>'/etc/vfio-claim.conf.d/"$(touch canary)`touch canary`; touch canary.conf'
			with wrong
			rm -r /etc/vfio-claim.conf.d
			config nonsense
			for kept in '$(touch /canary)' '"; touch /canary; "' '`touch /canary`' 'a
			touch /canary
			'; do
				printf '%s\n' "$kept" >/var/lib/vfio-claim/arguments
				sourced
			done
		END
		rm -f "$T/$R/upper/etc/vfio-claim.conf.d/"*.conf
		kept good last.good=1
		entries named "$A"
		entries wrong "$A"
		says wrong 'canary.conf:[0-9]+: '
		# Of several lines the first counts.
		[ "$(<"$O/sourced")" = "$(printf 'quiet|single rd.vfio-claim=0\n%.0s' 1 2 3
			echo 'quiet a|single rd.vfio-claim=0')" ] || fail "Debian $R: $(<"$O/sourced")"
	done
}

@test "an invalid configuration, with and without a last good one" {
	local release

	for release in $RELEASES; do
		in_tree_of "$release" <<-'END'
			without
			config '[claim p2000]
			match = 10de:xyz
			'
			with never-good
			config "$good"
			arguments good
			with good
			config '[claim p2000]
			match = 10de:xyz
			'
			with not-any-more
			long=$(printf '%01980d' 7)
			config "[host]
			extra_args = $long
			"
			with too-long
		END
		kept good last.good=1
		entries never-good ""
		says never-good 'vfio-claim.conf:2: ' 'no arguments of a valid configuration'
		entries good "$A"
		entries not-any-more "$A"
		says not-any-more 'vfio-claim.conf:2: ' 'last valid configuration are used'
		entries too-long "$A"
		says too-long 'the kernel reads [0-9]+' 'last valid configuration are used'
	done
}

@test "a cloud image's 50-cloudimg-settings.cfg assigns the variable" {
	local release

	for release in $RELEASES; do
		in_tree_of "$release" <<-'END'
			cat >/etc/default/grub.d/50-cloudimg-settings.cfg <<-'CFG'
				# Cloud Image specific Grub settings for Generic Cloud Images
				GRUB_TIMEOUT=0
				GRUB_CMDLINE_LINUX_DEFAULT="console=tty1 console=ttyS0"
				GRUB_TERMINAL=serial
			CFG
			without
			config "$good"
			arguments good
			with cloud
		END
		kept good last.good=1
		entries cloud "$A"
		grep -qF "console=tty1 console=ttyS0 $A" "$O/cloud"
	done
}

@test "the administrator's own arguments, with quotes, and none at all" {
	local release

	for release in $RELEASES; do
		in_tree_of "$release" <<-'END'
			config "$good"
			arguments good
			admin "GRUB_CMDLINE_LINUX_DEFAULT='quiet dyndbg=\"file drivers/usb/* +p\" a='\\''b c'\\'' d=\$e'"
			admin 'GRUB_CMDLINE_LINUX="x=\"y z\""'
			without
			with quotes
		END
		kept good last.good=1
		entries quotes "$A"
		grep -qF "x=\"y z\" quiet dyndbg=\"file drivers/usb/* +p\" a='b c' d=\$e $A" "$O/quotes"

		in_tree_of "$release" <<-'END'
			config "$good"
			arguments good
			admin 'GRUB_CMDLINE_LINUX_DEFAULT='
			admin 'GRUB_CMDLINE_LINUX_RECOVERY="single nomodeset"'
			without
			with none
		END
		kept good last.good=1
		# GRUB 2.06 assigns the one of recovery entries itself.
		[ "$R" = 12 ] && entries none "$A" || entries none "$A" "single nomodeset"

		in_tree_of "$release" <<-'END'
			config "$good"
			arguments good
			mkdir -p /lib/recovery-mode
			install -m 755 /bin/true /lib/recovery-mode/recovery-menu
			unset GRUB_CMDLINE_LINUX_RECOVERY
			without
			with menu
		END
		kept good last.good=1
		entries menu "$A" recovery
	done
}

@test "no configuration, and a vfio-claim that is gone or fails" {
	local release

	for release in $RELEASES; do
		in_tree_of "$release" <<-'END'
			without
			with no-config
			config "$good"
			ln -sf /bin/false /usr/sbin/vfio-claim
			with false
			printf '#!/bin/sh\nkill -9 $$\n' >/tmp/killed
			chmod 755 /tmp/killed
			ln -sf /tmp/killed /usr/sbin/vfio-claim
			with killed
			rm /usr/sbin/vfio-claim
			with gone
		END
		unchanged no-config
		unchanged false
		unchanged killed
		says killed 'grub.cfg gets no kernel arguments of vfio-claim'
		unchanged gone
		says gone 'grub.cfg gets no kernel arguments of vfio-claim'
	done
}
