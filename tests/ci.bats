#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The checks of a public forge, .github/workflows: valid, modest, and they call what is here.
# bats file_tags=native

setup() {
	load lib/machine.bash
	bats_require_minimum_version 1.5.0
	cd "$REPO" || return 1
	WORKFLOWS=(.github/workflows/*.yml)
}

# all_jobs FILTER: jq's, on the workflows, read as YAML without its own ideas of `on`.
all_jobs() {
	python3 -c 'import json, sys, yaml
for name in sys.argv[1:]:
    print(json.dumps(yaml.load(open(name), yaml.BaseLoader)))' "${WORKFLOWS[@]}" |
		jq -r "$1"
}

@test "CI: yamllint finds nothing" {
	local rules="document-start: disable, truthy: {check-keys: false}, line-length: {max: 95}"

	yamllint --strict -d "{extends: default, rules: {$rules}}" "${WORKFLOWS[@]}"
}

@test "CI: runs on every push to main and pull request, may read only, and ends" {
	[ "$(all_jobs '.on | has("push") and has("pull_request")')" = true ]
	[ "$(all_jobs '.permissions | tojson')" = '{"contents":"read"}' ]
	[ "$(all_jobs '[.jobs[] | has("permissions")] | any')" = false ]
	[ "$(all_jobs '[.jobs[]."timeout-minutes" // "" | test("^[1-9][0-9]+$")] | all')" = true ]
	# Nothing of who opened the request gets into a shell.
	[ "$(all_jobs '[.jobs[].steps[].run // "" | contains("${{")] | any')" = false ]
}

@test "CI: actions are the forge's own, at a major version" {
	all_jobs '.jobs[].steps[].uses // empty' >"$BATS_TEST_TMPDIR/uses"
	[ -s "$BATS_TEST_TMPDIR/uses" ]
	run -1 grep -vE '^actions/[a-z-]+@v[0-9]+$' "$BATS_TEST_TMPDIR/uses"
	# What failed can be looked at.
	[ "$(all_jobs '[.jobs[].steps | map(select(.if == "failure()" and
		(.with.path | contains("build/check")))) | length == 1] | all')" = true ]
}

@test "CI: calls the scripts of this tree, which are there, and nothing else" {
	local line target

	all_jobs '.jobs[].steps[].run // empty' | sed '/^$/d' >"$BATS_TEST_TMPDIR/lines"
	grep -qx '\.ci/run' "$BATS_TEST_TMPDIR/lines"
	grep -qx 'make check VM=0' "$BATS_TEST_TMPDIR/lines"
	while read -r line; do
		case $line in
		"apt-get "* | "git config --system "*) ;;
		"make "*)
			target=${line#make }
			grep -qE "^${target%% *}:" Makefile || { echo "no target: $line"; false; }
			;;
		*) [ -x "${line%% *}" ] || { echo "no script: $line"; false; } ;;
		esac
	done <"$BATS_TEST_TMPDIR/lines"
}

@test "CI: the quick checks run on each Debian that packages are built for" {
	[ "$(all_jobs '.jobs.quick.strategy.matrix.debian | join(" ")')" = "12 13" ]
	[ "$(all_jobs '[.jobs[].container.image | startswith("debian:")] | all')" = true ]
}
