# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the host's side of the VM tests shares: where the cache is, how progress is told, and how a thing
# is built into the cache exactly once.
#
# An entry of the cache is a directory named by a hash of everything it is made from. It is built under
# another name and renamed when complete, so that one which was interrupted is never taken for good, and
# under a lock, so that two runs do not build the same at once.

vm_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
top_dir=$(cd "$vm_dir/../.." && pwd)
cache_dir=${KPROBED_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/kprobed}
# Some of what we need (mke2fs, modprobe, depmod) is not in the PATH of an ordinary user.
PATH=$PATH:/usr/sbin:/sbin
export vm_dir top_dir cache_dir PATH

# Progress goes to stderr: the scripts here answer on stdout.
say() {
	printf '== %s\n' "$*" >&2
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# hash_of FILE-OR-WORD...: a short hash of the files' contents and of the words that are no files
hash_of() {
	local item
	for item in "$@"; do
		if [[ -f $item ]]; then
			cat "$item"
		else
			printf '%s\n' "$item"
		fi
	done | sha256sum | cut -c1-12
}

# cached NAME COMMAND...: prints the path of entry NAME, made by COMMAND DIRECTORY when it is not there
cached() {
	local name=$1 entry=$cache_dir/$1
	shift
	if [[ ! -d $entry ]]; then
		mkdir -p "$cache_dir"
		(
			flock 9
			# Another run may have made it while this one waited.
			[[ -d $entry ]] && exit 0
			rm -rf "$entry.part"
			# Not left to "set -e", which is off in here: this is the left side of "||".
			mkdir "$entry.part" && "$@" "$entry.part" && mv "$entry.part" "$entry" || exit 1
			drop_older "$name"
		) 9>"$cache_dir/.lock-${name%-*}" >&2 || return 1
	fi
	touch "$entry"
	printf '%s\n' "$entry"
}

# drop_older NAME: removes the entries that NAME replaces, unless used within the last day (a run may be in there)
drop_older() {
	find "$cache_dir" -maxdepth 1 -type d -name "${1%-*}-*" ! -name "$1" -mmin +1440 -exec rm -rf {} +
}

# need PROGRAM...: one line of advice instead of a failure in the middle
need() {
	local program
	for program in "$@"; do
		command -v "$program" >/dev/null || die "$program is missing (./quickstart --deps installs all that is needed)"
	done
}
