# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An apt of our own, with its own sources and lists and the machine's settings for fetching: packages of other releases
# of Debian are fetched without the machine's apt learning of them. Sourced after common.sh.

# private_apt DIRECTORY SUITE...: sets the array apt_options and reads the lists
private_apt() {
	local apt_dir=$1
	shift
	mkdir -p "$apt_dir/lists/partial" "$apt_dir/archives/partial"
	: >"$apt_dir/status"
	# shellcheck disable=SC2154 # common.sh's
	"$vm_dir/host/apt-sources" "$@" >"$apt_dir/sources.list"
	apt_options=(-qq -o Dir::Etc::SourceList="$apt_dir/sources.list" -o Dir::Etc::SourceParts=-
		-o Dir::State::Lists="$apt_dir/lists" -o Dir::State::Status="$apt_dir/status" -o Dir::Cache="$apt_dir"
		-o APT::Sandbox::User="")
	apt-get "${apt_options[@]}" update
}
