#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Every command of docs/ is run as it stands there, with stand-ins for other systems' programs.

# shellcheck disable=SC2154 # bats sets stderr

setup() {
	load lib/machine.bash
	load lib/debian.bash
	bats_require_minimum_version 1.5.0
	WORK=$BATS_TEST_TMPDIR/work
	BIN=$BATS_TEST_TMPDIR/bin
	mkdir -p "$WORK" "$BIN"
	cd "$WORK" || return 1
	ln -s "$TOOL" "$BIN/vfio-claim"
	PATH=$BIN:$PATH
}

# stand_in NAME < SCRIPT: a program of that name.
stand_in() {
	rm -f "$BIN/$1"
	cat >"$BIN/$1"
	chmod +x "$BIN/$1"
}

# blocks PAGE: its fenced blocks, as KIND.NUMBER.
blocks() {
	awk '/^```/ && !open { file = sprintf("%s.%02d", substr($0, 4), ++n); open = 1
			printf "" > file; next }
		/^```/ { open = 0; close(file); next }
		open { print > file }' "$REPO/docs/$1"
}

@test "docs/provisioning.md: every command does what the page says" {
	local block

	blocks provisioning.md
	[ "$(ls sh.* | wc -l)" -eq 5 ]
	cp ini.* vfio-claim.conf
	"$TOOL" check --config vfio-claim.conf
	stand_in maas <<<$'#!/bin/sh\nprintf "%s\\n" "$*" >>maas.log'
	stand_in juju <<<$'#!/bin/sh\n[ "$1 $2" = "model-config --file" ] && grep -q "^cloudinit-userdata: |" "$3"'
	stand_in oc <<<$'#!/bin/sh\n[ "$1 $2" = "apply -f" ] && grep -q "^kind: MachineConfig" "$3"'
	stand_in cloud-init <<<$'#!/bin/sh\n[ "$1 $2" = "schema --config-file" ] && head -n 1 "$3" | grep -qx "#cloud-config"'
	for block in sh.*; do
		cat "$block"
		system_id=abc123 dash -eu "$block"
		shellcheck -s sh -e SC2154 "$block"
	done
	grep -q '^admin tags create name=vfio-claim-gpu ' maas.log
	grep -q '^admin machine deploy abc123 user_data=[A-Za-z0-9+/=]*$' maas.log
	# What the page says of storage.
	printf '\n[claim nvme]\nmatch = 144d:a80a\n' >>vfio-claim.conf
	"$TOOL" export maas --config vfio-claim.conf | grep ' vfio-pci.ids=10de:1c30,144d:a80a '
	echo 'when = guarded' >>vfio-claim.conf
	"$TOOL" export maas --config vfio-claim.conf >tag.sh
	grep ' vfio-pci.ids=10de:1c30 ' tag.sh
	grep 'pci:v0000144Dd0000A80A' tag.sh
}

@test "docs/fleet.md: every command, on hosts that are trees" {
	local block host

	[ "$(id -u)" -eq 0 ] || skip "chroot needs root"
	blocks fleet.md
	[ "$(ls sh.* | wc -l)" -eq 7 ]
	python3 -c 'import sys, yaml; assert len(yaml.safe_load(open(sys.argv[1]))["groups"][0]["rules"]) == 3' yaml.*
	printf '[claim gpu]\nmatch = 10de:1c30\n' >vfio-claim.conf
	mkdir snapshots textfiles
	for host in alpha beta; do
		machine twin-gpus
		make_debian "$BATS_TEST_TMPDIR/$host" 6.1.0-28-amd64
		cp -a "$ROOT/." "$BATS_TEST_TMPDIR/$host.machine"
		"$TOOL" snapshot --root "$BATS_TEST_TMPDIR/$host.machine" --with-hardware >"snapshots/$host.tar.gz"
	done
	stand_in scp <<-END
		#!/bin/sh
		to=\${2#root@}
		cp "\$1" "$BATS_TEST_TMPDIR/\${to%%:*}\${to#*:}"
	END
	# What is due and what is ready is this test's; the tool's own answers are status.bats'.
	stand_in ssh <<-END
		#!/bin/sh
		host=\${2#root@}
		shift 2
		echo "\$host: \$*" >>ssh.log
		case "\$*" in
		"vfio-claim apply") [ ! -e "broken.\$host" ] || exit 5 ;;&
		"vfio-claim apply"*) exec "$TOOL" "\$2" --root "$BATS_TEST_TMPDIR/\$host" "\${@:3}" ;;
		"vfio-claim status --reboot-due") [ ! -e "booted.\$host" ] ;;
		"vfio-claim status --now --wait 60") [ -e "booted.\$host" ] ;;
		"vfio-claim status --json")
			"$TOOL" status --snapshot "snapshots/\$host.tar.gz" --config vfio-claim.conf --json ||: ;;
		*) exit 99 ;;
		esac
	END
	sed -i '1s/sh/bash/' "$BIN/ssh"
	stand_in drain <<<$'#!/bin/sh\necho "drain $1" >>order'
	stand_in undrain <<<$'#!/bin/sh\necho "undrain $1" >>order'
	stand_in reboot_host <<<$'#!/bin/sh\necho "reboot $1" >>order; : >"booted.$1"'
	stand_in vfio-claim <<-END
		#!/bin/sh
		case "\$1 \$2" in
		"status --prometheus") exec "$TOOL" "\$@" --snapshot snapshots/alpha.tar.gz --config vfio-claim.conf ;;
		esac
		exec "$TOOL" "\$@"
	END
	# What an earlier rollout left is no part of this one.
	echo gamma >reboot.list
	for block in sh.*; do
		echo "-- $block"
		cat "$block"
		shellcheck -s sh -e SC2154 "$block"
		hosts="alpha beta" host=alpha textfiles=textfiles pause=0 dash -eu "$block" >"out.$block"
		cat "out.$block"
	done
	cat ssh.log order
	[ -s plan.alpha ] && [ -s plan.beta ]
	[ "$(cat reboot.list)" = $'alpha\nbeta' ]
	cmp vfio-claim.conf "$BATS_TEST_TMPDIR/beta/etc/vfio-claim.conf"
	# Applied: the second time there is nothing to do.
	run -0 "$TOOL" apply --root "$BATS_TEST_TMPDIR/beta"
	[[ $output == *"nothing to do"* ]]
	run ! grep changed out.sh.*
	[ "$(cat order)" = $'drain alpha\nreboot alpha\nundrain alpha\ndrain beta\nreboot beta\nundrain beta' ]
	grep -q '^not-ready$' out.sh.*
	grep -q '  fix: ' out.sh.*
	grep -q '^vfio_claim_ready 0' textfiles/vfio-claim.prom
	# Every metric that a rule names is one.
	"$TOOL" status --prometheus --snapshot snapshots/alpha.tar.gz --config vfio-claim.conf >metrics || :
	grep -oE 'vfio_claim_[a-z_]+' yaml.* | sort -u | while read -r metric; do
		grep -q "$metric" "$REPO/src/metrics.c" "$REPO/packaging/man/vfio-claim.8.scd"
	done
	# A host that does not come back stops it.
	stand_in reboot_host <<<$'#!/bin/sh\n:'
	rm booted.*
	: >order
	run -1 env pause=0 dash -eu "$(grep -l 'while read' sh.*)"
	[ "$(cat order)" = "drain alpha" ]
	[[ $output == *"alpha is not ready; the rollout stops here"* ]]
	# Nor is a host rebooted whose apply failed, and no other host is reached.
	: >broken.alpha
	: >ssh.log
	# Without -e, as in the shell of whoever pastes it.
	run -1 env hosts="alpha beta" dash -u "$(grep -l scp sh.*)"
	[ "$output" = "alpha: apply ended with 5; the rollout stops here" ]
	[ "$(cat ssh.log)" = "alpha: vfio-claim apply" ]
	[ ! -s reboot.list ]
}

@test "docs/fleet.md: a danger on one host stops before any host has it" {
	blocks fleet.md
	mkdir snapshots
	machine server-dell-matrox
	mkdir -p "$ROOT/run/vfio-claim"
	echo '0000:01:00.0 route carries the default route (eth0)' >"$ROOT/run/vfio-claim/uses"
	cp -a "$ROOT" snapshots/alpha.tar.gz # a directory is one too
	printf '[claim nic]\nmatch = 01:00.0\n' >vfio-claim.conf
	run -4 env hosts=alpha dash -eu "$(grep -l -- --snapshot sh.*)"
	[[ $output == *"alpha: exit code 4, see plan.alpha"* ]]
}

@test "docs/openstack.md: every command, on a host that is a tree" {
	local block format

	blocks openstack.md
	[ "$(ls sh.* | wc -l)" -eq 10 ]
	cp ini.* vfio-claim.conf
	"$TOOL" check --config vfio-claim.conf
	machine twin-gpus
	"$TOOL" snapshot --root "$ROOT" --with-hardware >compute-1.tar.gz
	# What has no --snapshot is called on the host itself.
	stand_in vfio-claim <<-END
		#!/bin/sh
		case "\$*" in
		*--snapshot*) exec "$TOOL" "\$@" ;;
		esac
		exec "$TOOL" "\$@" --root "$ROOT" --with-hardware --config vfio-claim.conf
	END
	mkdir nova-compute.conf.d nova.conf.d
	for block in sh.*; do
		echo "-- $block"
		cat "$block"
		shellcheck -s sh "$block"
		dash -eu "$block" >"out.$block"
	done
	tail -n "$(wc -l <text.*)" "out.$(grep -l -- '--part flavors' sh.*)" | diff -u - text.*
	grep -q '^device_spec = {"vendor_id": "10de", "product_id": "1c30"' nova-compute.conf.d/vfio-claim.conf
	grep -q '^alias = {"name": "p2000"' nova.conf.d/vfio-claim.conf
	grep -q '^passthrough_whitelist = ' "out.$(grep -l yoga sh.*)"
	grep -q '^device_spec = {"address": "0000:02:00.0"' "out.$(grep -l -- '--by address' sh.*)"
	grep -q 'report_in_placement = ' "out.$(grep -l -- --placement sh.*)"
	for format in edpm=edpm-values.yaml genestack=nova-helm-overrides.yaml charms=overlay.yaml bright=bright.sh; do
		python3 "$TESTS/tools/export-facts.py" "${format%=*}" <"${format#*=}" | grep '^spec'
	done
}

@test "docs link to files that exist" {
	local page link

	for page in "$REPO"/docs/*.md "$REPO"/packaging/image-builders/README.md; do
		grep -oE '\]\([^)#:]+\)' "$page" | sed 's/^](//; s/)$//' | while read -r link; do
			[ -e "$(dirname "$page")/$link" ] || { echo "$page: $link"; exit 1; }
		done
	done
}
