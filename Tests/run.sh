#!/usr/bin/env bash
# run.sh            every test of a build that is there, in groups; `make test` builds first
# run.sh GROUP      one of them
# run.sh -f REGEX   those that match, to the terminal
#
# A group is a target of Tests/ or a folder of Tests/IntegrationTests. It has a process of its own
# and runs one test at a time, since tests that fork must not starve each other; most of them wait
# for other processes, so one group more than there are processors runs. What they say goes to
# .build/tests/GROUP.log.
set -euo pipefail
cd "$(dirname "$0")/.."

# What `swift test` runs. Several of those at once would disturb each other in the database of the
# build (`unable to attach DB`).
tests=.build/debug/shuntPackageTests.xctest

# The longest, first, so that no group is left to run alone at the end; the others in any order.
longest=(Environments Remote Containers Faults UserTests SSHTransportTests BadInput Content)

run_group() {
	local name=$1 filter suites=()
	if [[ -d Tests/$name ]]; then
		filter="^$name\\."
	else
		# Each file has the suite that it is called after.
		for file in "Tests/IntegrationTests/$name"/*Tests.swift; do
			suites+=("$(basename "$file" .swift)")
		done
		filter="^IntegrationTests\\.($(IFS='|'; echo "${suites[*]}"))/"
	fi
	local log=.build/tests/${name//\//-}.log code=0 begin=$SECONDS
	rm -f "$log.failed"
	"$tests" --testing-library swift-testing --no-parallel --filter "$filter" \
		>"$log" 2>&1 || code=$?
	# A filter that matches nothing passes too.
	grep -qaE 'Test run with [1-9][0-9]* tests? ' "$log" || code=1
	if (( code == 0 )); then
		local count
		count=$(grep -aoE 'Test run with [0-9]+' "$log" | tail -1)
		echo "$name: ${count##* } passed in $((SECONDS - begin)) s"
		return
	fi
	echo "$name: FAILED, .build/tests/${name//\//-}.log"
	touch "$log.failed"
}

mkdir -p .build/tests
if [[ ${1:-} == -f ]]; then
	exec "$tests" --testing-library swift-testing --no-parallel --filter "$2"
fi
if (( $# > 0 )); then
	run_group "$1"
	[[ ! -e .build/tests/${1//\//-}.log.failed ]]
	exit
fi
rm -f .build/tests/*
{
	printf '%s\n' "${longest[@]}"
	{
		find Tests -mindepth 1 -maxdepth 1 -name '*Tests' ! -name IntegrationTests -printf '%f\n'
		find Tests/IntegrationTests -name '*Tests.swift' -printf '%P\n' | xargs -n 1 dirname
	} | sort -u | grep -vxF -f <(printf '%s\n' "${longest[@]}")
} | xargs -P $(($(nproc) + 2)) -n 1 Tests/run.sh || true  # Those that failed have left a mark.
if compgen -G '.build/tests/*.failed' >/dev/null; then
	for failed in .build/tests/*.failed; do
		echo "== ${failed%.failed}"
		grep -aA 8 -E '^✘|Fatal error|error:' "${failed%.failed}" | grep -avE '^[◇✔]' \
			|| tail -20 "${failed%.failed}"
	done
	echo 'make test: failed'
	exit 1
fi
