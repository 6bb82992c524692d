#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# `make dist`: the source of a release.
# bats file_tags=native

setup() {
	load lib/machine.bash
	bats_require_minimum_version 1.5.0
	cd "$REPO" || return 1
}

# dist DIR [BUILD]: the archive that is made in there.
dist() {
	make --no-print-directory -C "$1" BUILD="$BATS_TEST_TMPDIR/$2" dist | tail -n 1
}

# A repository of what is here, committed or not, so that what is tested is what is tested here.
clone() {
	local copy=$BATS_TEST_TMPDIR/clone

	[ -e .git ] || skip "there is no git here"
	mkdir "$copy"
	git ls-files --cached --others --exclude-standard -z |
		xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
		tar --null -T - -c | tar -x -C "$copy"
	git -C "$copy" init -q
	git -C "$copy" add -A
	git -C "$copy" -c user.name=test -c user.email=test@example.org \
		-c commit.gpgsign=false commit -qm test --date=2026-01-02T03:04:05Z
	echo "$copy"
}

@test "dist: two builds give the same bytes, at any time, umask and place" {
	local copy first second

	copy=$(clone)
	first=$(dist "$copy" one)
	sleep 1.1
	# What is not committed is not in it.
	echo stray >"$copy/src/stray.c"
	find "$copy" -name '*.c' -exec touch {} +
	umask 0077
	mv "$copy" "$copy-elsewhere"
	second=$(dist "$copy-elsewhere" two)
	cmp "$first" "$second"
	run -1 grep -c stray <(tar -tf "$second")
	[ "${first##*/}" = "vfio-claim-$("$TOOL" --version | grep -oE '[0-9]+\.[0-9.]+' | head -n 1).tar.gz" ]
}

@test "dist: has every file that is committed, as root's and with the commit's time" {
	local copy archive

	copy=$(clone)
	archive=$(dist "$copy" one)
	tar -tf "$archive" | grep -v '/$' | cut -d/ -f2- | sort >"$BATS_TEST_TMPDIR/packed"
	git -C "$copy" ls-files | sort | diff - "$BATS_TEST_TMPDIR/packed"
	[ "$(tar --numeric-owner -tvf "$archive" | awk '{ print $2 }' | sort -u)" = 0/0 ]
	[ "$(tar --utc --full-time -tvf "$archive" | awk '{ print $4, $5 }' | sort -u)" = \
		"$(TZ=UTC git -C "$copy" log -1 --format=%cd --date=format-local:'%Y-%m-%d %H:%M:%S')" ]
}

@test "dist: unpacked, it builds, and without git packs the same bytes again" {
	local copy archive tree

	copy=$(clone)
	archive=$(dist "$copy" one)
	tar -xf "$archive" -C "$BATS_TEST_TMPDIR"
	tree=$(echo "$BATS_TEST_TMPDIR"/vfio-claim-*/)
	[ ! -e "$tree/.git" ]
	make --no-print-directory -C "$tree" -j2 all >/dev/null
	"$tree/build/vfio-claim" --version
	# Also where the tree lies in a repository of something else.
	git -C "$BATS_TEST_TMPDIR" init -q
	cmp "$archive" "$(dist "$tree" two)"
}

@test "sbom: names the archive and every library that the programs are linked with, in SPDX" {
	local copy sbom library

	copy=$(clone)
	sbom=$(make --no-print-directory -C "$copy" BUILD="$BATS_TEST_TMPDIR/one" sbom | tail -n 1)
	[ "$(jq -r .spdxVersion "$sbom")" = SPDX-2.3 ]
	# What the specification asks for of each.
	jq -e '(.dataLicense and .SPDXID and .name and .documentNamespace and .creationInfo.created)
		and all(.packages[]; .SPDXID and .name and .downloadLocation)
		and all(.relationships[]; .spdxElementId and .relatedSpdxElement)
		and ([.packages[].SPDXID] | length == (unique | length))' "$sbom"
	# And how it wants them written (SPDX 2.3, clauses 6 to 11, and its JSON schema); Debian has no
	# program that judges it.
	jq -e '
		def only($names): (keys - $names) == [];
		(["SPDXRef-DOCUMENT"] + [.packages[].SPDXID]) as $ids |
		only(["spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace",
			"creationInfo", "packages", "relationships"])
		and .dataLicense == "CC0-1.0" and .SPDXID == "SPDXRef-DOCUMENT"
		and (.documentNamespace | test("^https://[^#]+$"))
		and (.creationInfo | only(["created", "creators"]))
		and (.creationInfo.created | test("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$"))
		and all(.creationInfo.creators[]; test("^(Person|Organization|Tool): ."))
		and all(.packages[]; only(["SPDXID", "name", "downloadLocation", "filesAnalyzed",
			"licenseConcluded", "licenseDeclared", "copyrightText", "versionInfo",
			"packageFileName", "primaryPackagePurpose", "checksums"])
			and (.SPDXID | test("^SPDXRef-[A-Za-z0-9.-]+$")) and .filesAnalyzed == false
			and (.primaryPackagePurpose | IN("APPLICATION", "LIBRARY"))
			and all(.checksums[]?; .algorithm == "SHA256"
				and (.checksumValue | test("^[0-9a-f]{64}$"))))
		and all(.relationships[]; (.relationshipType | IN("DESCRIBES", "DYNAMIC_LINK"))
			and (.spdxElementId | IN($ids[])) and (.relatedSpdxElement | IN($ids[])))
		and ([.relationships[] | select(.relationshipType == "DESCRIBES")] | length == 1)' "$sbom"
	# Licences by the names that SPDX has; these are all that there may be.
	jq -r '.packages[] | .licenseDeclared' "$sbom" | sort -u >"$BATS_TEST_TMPDIR/licences"
	run -1 grep -vxE '(L?GPL-2\.[01]-or-later|MIT|BSD-2-Clause)' "$BATS_TEST_TMPDIR/licences"
	(cd "${sbom%/*}" && jq -r '.packages[0] | "\(.checksums[0].checksumValue)  \(.packageFileName)"' \
		"$sbom" | sha256sum -c)
	# The loader's own list, libc left out, and the list of the SBOM are the same files.
	objdump -p "$TOOL" "$HELPER" | awk '$1 == "NEEDED" { print $2 }' | grep -v '^libc\.so' |
		sed 's/\.so.*//' | sort -u >"$BATS_TEST_TMPDIR/needed"
	for library in $(jq -r '.packages[1:][].name' "$sbom"); do
		pkg-config --libs-only-l "$library" | grep -oE '^-l[^ ]+' | sed 's/^-l/lib/'
	done | sort -u | diff "$BATS_TEST_TMPDIR/needed" -
	# The same again.
	make --no-print-directory -C "$copy" BUILD="$BATS_TEST_TMPDIR/two" sbom
	cmp "$sbom" "$BATS_TEST_TMPDIR/two/${sbom##*/}"
	# A library that nobody has looked at is no part of a release.
	run -1 "$REPO/packaging/make-sbom" 1 0 "$sbom" libnew
	[[ $output == *"licence of libnew is not known"* ]]
}
