# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For the tests in bash that run in the guest: source "$(dirname "$0")/../lib.sh".
#
# A test is an executable tests/NN-name: exit 0 is passed, 77 skipped (its last line is the reason), all else failed. It
# has 300 seconds, or as many as a line "# timeout: N" in its head says. It starts with nothing running and leaves
# nothing running; what it leaves all the same is killed.

set -Eeuo pipefail

tracefs=/sys/kernel/tracing
kprobed_socket=/run/kprobed/io.kprobed
# The group of kprobed's events in the kernel.
kprobed_group=kprobed
export tracefs kprobed_socket kprobed_group

# fail WHY...: ends the test as failed, saying from where
fail() {
	printf 'FAIL %s:%s: %s\n' "${BASH_SOURCE[1]##*/}" "${BASH_LINENO[0]}" "$*"
	exit 1
}

# skip WHY...: ends the test as skipped
skip() {
	printf '%s\n' "$*"
	exit 77
}

# An unexpected failure under "set -e" says where it was (-E: in functions too).
trap 'printf "FAIL %s:%s: %s: exit status %s\n" "${BASH_SOURCE[0]##*/}" "$LINENO" "$BASH_COMMAND" "$?"' ERR

# assert_eq ACTUAL EXPECTED [WHAT]
assert_eq() {
	[[ $1 == "$2" ]] && return
	printf 'FAIL %s:%s: %s\n  expected: %s\n  actual:   %s\n' "${BASH_SOURCE[1]##*/}" "${BASH_LINENO[0]}" \
		"${3:-not equal}" "$2" "$1"
	exit 1
}

# assert_match ACTUAL REGEX [WHAT]
assert_match() {
	[[ $1 =~ $2 ]] && return
	printf 'FAIL %s:%s: %s\n  expected to match: %s\n  actual:            %s\n' "${BASH_SOURCE[1]##*/}" \
		"${BASH_LINENO[0]}" "${3:-no match}" "$2" "$1"
	exit 1
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds, which is tried ten times a second; fails the test when it does not
wait_for() {
	local seconds=$1 deadline
	shift
	deadline=$((SECONDS + seconds))
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS >= deadline)); then
			printf 'FAIL %s:%s: not within %s seconds: %s\n' "${BASH_SOURCE[1]##*/}" \
				"${BASH_LINENO[0]}" "$seconds" "$*"
			exit 1
		fi
		sleep 0.1
	done
}

# kprobed_start: the service, up and answering; whatever it was before
kprobed_start() {
	systemctl reset-failed kprobed.service kprobed.socket 2>/dev/null || true
	if ! systemctl start kprobed.service; then
		systemctl status --no-pager --full kprobed.service || true
		fail "kprobed.service does not start"
	fi
	wait_for 30 test -S "$kprobed_socket"
}

# kprobed_stop: the service and its socket, so that nothing starts it again
kprobed_stop() {
	systemctl stop kprobed.socket 2>/dev/null || true
	systemctl stop kprobed.service 2>/dev/null || true
}

kprobed_pid() {
	systemctl show -P MainPID kprobed.service
}

# kprobed_log [SINCE]: what the service said in this boot
kprobed_log() {
	journalctl -q -b -u kprobed.service -o cat ${1:+--since "$1"}
}

# kernel_probes: kprobed's lines of kprobe_events
kernel_probes() {
	grep -E "^[pr][0-9]*:$kprobed_group/" "$tracefs/kprobe_events" || true
}

# assert_no_probes_left: for after the service was stopped, when no persistent probes are meant to stay
assert_no_probes_left() {
	local left instances
	left=$(kernel_probes)
	[[ -z $left ]] || fail "kprobe_events still holds: $left"
	instances=$(find "$tracefs/instances" -maxdepth 1 -name 'kprobed*')
	[[ -z $instances ]] || fail "instances still there: $instances"
}
