/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where struct kprobe keeps what a probe has overwritten, out of the kernel's BTF. See
 * text-patch.h. */
#include <errno.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "text-patch.h"

/* Finds a member, by name; its offset in bytes and its type. */
static bool find_member(const struct btf *btf, uint32_t type, const char *name,
			uint32_t *ret_offset, uint32_t *ret_type)
{
	const struct btf_type *t = btf__type_by_id(btf, type);

	if (!t || !btf_is_composite(t))
		return false;
	for (uint16_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];

		if (strcmp(btf__name_by_offset(btf, m->name_off), name) == 0) {
			*ret_offset = btf_member_bit_offset(t, i) / 8;
			*ret_type = m->type;
			return true;
		}
	}
	return false;
}

static bool fill_kprobe(const struct btf *btf, uint32_t type, struct kprobe_layout *layout)
{
	uint32_t member;
	int64_t size;

	if (!find_member(btf, type, "hlist", &layout->hlist, &member) ||
	    !find_member(btf, type, "addr", &layout->addr, &member) ||
	    !find_member(btf, type, "opcode", &layout->opcode, &member))
		return false;
	size = btf__resolve_size(btf, member);
	if (size < 1 || size > TEXT_PATCH_MAX)
		return false;
	layout->opcode_size = (uint32_t)size;
	return true;
}

/* struct optimized_kprobe begins with its struct kprobe; a kernel may have none. */
static void fill_optimized(const struct btf *btf, uint32_t type, struct kprobe_layout *layout)
{
	uint32_t kp, insn, copied, member, bytes;
	int64_t size;

	if (!find_member(btf, type, "kp", &kp, &member) || kp != 0 ||
	    !find_member(btf, type, "optinsn", &insn, &member) ||
	    !find_member(btf, member, "copied_insn", &copied, &bytes))
		return;
	size = btf__resolve_size(btf, bytes);
	if (size < 1 || size > TEXT_PATCH_MAX)
		return;
	layout->copied = insn + copied;
	layout->copied_size = (uint32_t)size;
}

int kprobe_layout_from_btf(const struct btf *btf, struct kprobe_layout *ret)
{
	int32_t kprobe = btf__find_by_name_kind(btf, "kprobe", BTF_KIND_STRUCT);
	int32_t optimized = btf__find_by_name_kind(btf, "optimized_kprobe", BTF_KIND_STRUCT);
	struct kprobe_layout layout = {0};

	if (kprobe < 0 || !fill_kprobe(btf, (uint32_t)kprobe, &layout))
		return -ENOENT;
	if (optimized > 0)
		fill_optimized(btf, (uint32_t)optimized, &layout);
	*ret = layout;
	return 0;
}

int kprobe_layout_load(struct kprobe_layout *ret)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int r;

	if (!btf)
		return -errno;
	r = kprobe_layout_from_btf(btf, ret);
	btf__free(btf);
	return r;
}
