/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See btf-show.h.
 *
 * Whether a string is the kernel's or a program's: a kernel whose compiler writes the tag says so
 * in the type ("char __user *"). For all others it is "string", and the kernel decides by the
 * address: where user and kernel addresses do not overlap (x86-64, arm64:
 * ARCH_HAS_NON_OVERLAPPING_ADDRESS_ SPACE) fetch_store_string() in kernel/trace/trace_kprobe.c
 * reads what lies below TASK_SIZE as user memory. So both are right, and ":ustring" is there for
 * those who want to say it.
 */
#include "btf-show.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "btf-type.h"
#include "cleanup.h"

/* How a value is taken: where it lies decides what the kernel has to be told. */
enum form {
	FORM_LOAD,     /* a number */
	FORM_IN_PLACE, /* a string or an array that lies there itself */
	FORM_POINTEE,  /* what the value points to */
};

static int too_long(int position, struct kp_error *reterr)
{
	return kp_error_definition(reterr, "argTooLong", position,
				   "the kernel takes 63 characters for one argument",
				   "The path is too long for the kernel.");
}

static int write_fetch(struct btf_value *v, enum form form, const char *type, int position,
		       struct btf_fetch *ret, struct kp_error *reterr)
{
	char text[BTF_FETCH_SIZE];
	int r;

	if (form == FORM_IN_PLACE && !v->in_memory)
		return kp_error_definition(
			reterr, "notAValue", position, "its members can be fetched one by one",
			"\"%.*s\" lies in registers, and no string or array can be "
			"fetched from there.",
			(int)(v->name.n < 64 ? v->name.n : 64), v->name.p);
	if (form == FORM_POINTEE) {
		uint32_t pointee;
		unsigned int pointers;

		/* A number may be an address as well, when somebody says so. */
		if (!btf_value_is_pointer(v, &pointee, &pointers)) {
			v->type = 0;
			v->pointers = 1;
		}
		r = btf_value_deref(v);
		if (r < 0)
			return too_long(position, reterr);
	}
	/* The kernel's "ustring" is not in need of the u that memory of programs has in front. */
	r = btf_value_load(v, text);
	if (r < 0)
		return too_long(position, reterr);
	snprintf(ret->text, sizeof(ret->text), "%s:%s", text, type);
	return 0;
}

/* "b3@5/8": the smallest piece of memory around it that the kernel can load */
static int write_bits(struct btf_value *v, unsigned int size, int position, struct btf_fetch *ret,
		      struct kp_error *reterr)
{
	char type[PROBE_TYPE_MAX];

	if (!v->in_memory) {
		/* A part of a register: v->bit counts from the argument's first. */
		if (v->bit % 64 + size > 64)
			return kp_error_definition(reterr, "badBitfield", position, NULL,
						   "The value lies in two registers.");
		snprintf(type, sizeof(type), "b%u@%u/64", size, (unsigned int)(v->bit % 64));
		return write_fetch(v, FORM_LOAD, type, position, ret, reterr);
	}
	for (unsigned int container = 8; container <= 64; container *= 2) {
		int64_t bytes = v->offset % (container / 8);
		uint64_t start;

		if (bytes < 0)
			bytes += container / 8;
		start = (uint64_t)bytes * 8 + v->bit;
		if (start + size > container)
			continue;
		v->offset -= bytes;
		snprintf(type, sizeof(type), "b%u@%u/%u", size, (unsigned int)start, container);
		return write_fetch(v, FORM_LOAD, type, position, ret, reterr);
	}
	return kp_error_definition(reterr, "badBitfield", position, NULL,
				   "The bitfield is wider than the kernel can fetch.");
}

static bool is_name_of(struct span name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(name, names[i]))
			return true;
	return false;
}

/* Flags of open() by the member or parameter they are in */
static bool is_open_flags(const struct btf_scope *scope, const struct btf_value *v)
{
	static const char *const functions[] = {
		"do_sys_open",	  "filp_open",	      "file_open_name", "dentry_open",
		"file_open_root", "kernel_file_open", "dentry_create",	"backing_file_open",
		"build_open_how", "do_sys_openat",    "ksys_open",	"open_with_fake_path",
	};

	if (span_is(v->owner, "file"))
		return span_is(v->name, "f_flags");
	if (span_is(v->owner, "open_how"))
		return span_is(v->name, "flags");
	if (span_is(v->owner, "open_flags"))
		return span_is(v->name, "open_flag");
	return v->owner.n == 0 && span_is(v->name, "flags") && scope->function &&
	       is_name_of(span_of(scope->function), functions, ARRAY_SIZE(functions));
}

/*
 * The types that are known by name. A type's own name decides where it says enough (dev_t); where
 * it only says how wide a number is and in which order (__be32), the member's does.
 */
static const char *find_number_type(const struct btf_scope *scope, const struct btf_value *v,
				    uint64_t size)
{
	static const char *const ip4[] = {
		"saddr",       "daddr",	 "s_addr",     "skc_daddr",   "skc_rcv_saddr", "inet_saddr",
		"rcv_saddr",   "ip_src", "inet_daddr", "gw4",	      "nh_gw",	       "nexthop",
		"src_ip",      "dst_ip", "ifa_local",  "ifa_address", "ifa_broadcast", "rt_gw4",
		"fib_prefsrc", "addr",	 "ip",	       "ipv4",	      "gateway",       "s_addr_be",
	};
	static const char *const ports[] = {
		"sport",     "dport",	  "skc_dport",	"sin_port",  "sin6_port",
		"source",    "dest",	  "inet_sport", "port",	     "inet_dport",
		"fl4_sport", "fl4_dport", "fl6_sport",	"fl6_dport", "snum",
	};

	if (btf_type_is_called(v->btf, v->type, "__be32") &&
	    is_name_of(v->name, ip4, ARRAY_SIZE(ip4)))
		return "ip4";
	if (btf_type_is_called(v->btf, v->type, "__be16") &&
	    is_name_of(v->name, ports, ARRAY_SIZE(ports)))
		return "port";
	if (size == 4 && (btf_type_is_called(v->btf, v->type, "dev_t") ||
			  btf_type_is_called(v->btf, v->type, "__kernel_dev_t")))
		return "dev";
	if (size == 2 && btf_type_is_called(v->btf, v->type, "umode_t"))
		return "mode";
	if (is_open_flags(scope, v))
		return size == 8 ? "flags(open)/64" : size == 4 ? "flags(open)" : NULL;
	return NULL;
}

static bool is_mac(struct span name)
{
	static const char *const names[] = {"h_source",	 "h_dest", "dev_addr", "perm_addr",
					    "broadcast", "mac",	   "ha",       "lladdr"};

	return is_name_of(name, names, ARRAY_SIZE(names));
}

/* The kernel has some texts in unsigned char, and calls them names: qstr.name, dentry.d_iname. */
static bool is_text(const struct btf *btf, uint32_t id, struct span name)
{
	const struct btf_type *t = btf_type_strip(btf, id, NULL);

	if (btf_type_is_char(btf, id))
		return true;
	return t && btf_is_int(t) && t->size == 1 && !(btf_int_encoding(t) & BTF_INT_BOOL) &&
	       name.n >= 4 && span_is(span_from(name, name.n - 4), "name");
}

/* "s32", "u8": a number of @size bytes, or NULL */
static const char *number_type(const struct btf *btf, uint32_t id, uint64_t size, char buf[8])
{
	const struct btf_type *t = btf_type_strip(btf, id, NULL);
	bool is_signed = false;
	char letter;

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return NULL;
	if (!t || btf_is_ptr(t) || btf_is_float(t) || btf_is_func_proto(t)) {
		letter = 'x';
	} else {
		if (btf_is_int(t))
			is_signed = btf_int_encoding(t) & BTF_INT_SIGNED;
		else if (btf_is_enum(t) || btf_is_enum64(t))
			is_signed = btf_kflag(t);
		letter = is_signed ? 's' : 'u';
	}
	snprintf(buf, 8, "%c%u", letter, (unsigned int)size * 8);
	return buf;
}

/* A number wherever it lies, as @type; a part of a register is a bitfield of it. */
static int write_number(struct btf_value *v, const char *type, uint64_t size, int position,
			struct btf_fetch *ret, struct kp_error *reterr)
{
	if (!v->in_memory && v->bit % 64)
		return write_bits(v, (unsigned int)size * 8, position, ret, reterr);
	return write_fetch(v, FORM_LOAD, type, position, ret, reterr);
}

static int read_names(const struct btf *btf, const struct btf_type *t, struct value_names **ret)
{
	size_t n = btf_vlen(t);
	struct value_name *rows;
	int r;

	if (n == 0 || n > VALUE_NAMES_MAX)
		return 0;
	rows = calloc(n, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (btf_is_enum64(t)) {
			rows[i].value = (int64_t)btf_enum64_value(&btf_enum64(t)[i]);
			rows[i].name = btf__name_by_offset(btf, btf_enum64(t)[i].name_off);
		} else {
			int32_t value = btf_enum(t)[i].val;

			/* Without its flag an enumeration has no sign, but for kernels before 6.0.
			 */
			rows[i].value = btf_kflag(t) ? value : (int64_t)(uint32_t)value;
			rows[i].name = btf__name_by_offset(btf, btf_enum(t)[i].name_off);
		}
		if (!rows[i].name)
			rows[i].name = "";
	}
	r = value_names_new(rows, n, ret);
	free(rows);
	/* Without names it is a number. */
	return r == -ENOMEM ? r : 0;
}

static bool is_ip6(const struct btf_value *v)
{
	const struct btf_type *t = v->pointers ? NULL : btf_type_strip(v->btf, v->type, NULL);

	return t && btf_is_struct(t) && t->size == 16 && v->in_memory &&
	       strcmp(btf_type_name(v->btf, t), "in6_addr") == 0;
}

static int show_struct(struct btf_value *v, int position, struct btf_fetch *ret,
		       struct kp_error *reterr)
{
	char list[160], hint[256], text[BTF_TEXT_MAX];

	if (is_ip6(v))
		return write_fetch(v, FORM_IN_PLACE, "ip6", position, ret, reterr);
	btf_member_list(v->btf, v->type, list, sizeof(list));
	snprintf(hint, sizeof(hint), "fetch one of its members, such as %.*s.NAME: %s",
		 (int)(v->name.n < 40 ? v->name.n : 40), v->name.p, list);
	return kp_error_definition(reterr, "notAValue", position, hint,
				   "\"%.*s\" is a whole \"%.80s\", which is no single value.",
				   (int)(v->name.n < 64 ? v->name.n : 64), v->name.p,
				   btf_value_type_text(v, text, sizeof(text)));
}

static int show_array(struct btf_value *v, int position, struct btf_fetch *ret,
		      struct kp_error *reterr)
{
	uint64_t n = 1, size;
	uint32_t id = v->type;
	const struct btf_type *t;
	char number[8], type[PROBE_TYPE_MAX];

	while ((t = btf_type_strip(v->btf, id, &id)) && btf_is_array(t)) {
		if (n <= UINT32_MAX)
			n *= btf_array(t)->nelems;
		id = btf_array(t)->type;
	}
	size = btf_type_size(v->btf, id);
	/* A dentry's short name is "string" of a shortname_store since 6.13. */
	if (is_text(v->btf, id, v->name) || (span_is(v->owner, "shortname_store") && size == 1))
		return write_fetch(v, FORM_IN_PLACE, v->is_user ? "ustring" : "string", position,
				   ret, reterr);
	if (!t || btf_is_composite(t) || !number_type(v->btf, id, size, number))
		return kp_error_definition(reterr, "notAValue", position,
					   "take one: name[0], and a member of it",
					   "\"%.*s\" is an array of what is no single value.",
					   (int)(v->name.n < 64 ? v->name.n : 64), v->name.p);
	if (n == 0 || n > PROBE_ARRAY_MAX)
		return kp_error_definition(
			reterr, n ? "arrayTooBig" : "incompleteType", position,
			"say how many, as in :u8[16], or take one, as in name[0]",
			n ? "The array has %llu elements, and %d can be fetched."
			  : "How long the array is, is not known (%llu elements, %d can be "
			    "fetched).",
			(unsigned long long)n, PROBE_ARRAY_MAX);
	if (n >= 6 && size == 1 && is_mac(v->name))
		return write_fetch(v, FORM_IN_PLACE, "mac", position, ret, reterr);
	snprintf(type, sizeof(type), "%s[%u]", number, (unsigned int)n);
	return write_fetch(v, FORM_IN_PLACE, type, position, ret, reterr);
}

/* Pointers to char that are no strings: room for bytes, whose number stands elsewhere. */
static bool is_buffer(struct span name)
{
	static const char *const names[] = {"buf", "buffer", "ubuf", "optval"};

	return is_name_of(name, names, ARRAY_SIZE(names));
}

static int show_pointer(struct btf_value *v, uint32_t pointee, unsigned int pointers, int position,
			struct btf_fetch *ret, struct kp_error *reterr)
{
	const struct btf_type *t = pointers ? NULL : btf_type_strip(v->btf, pointee, NULL);

	if (t && is_text(v->btf, pointee, v->name) && !is_buffer(v->name))
		return write_fetch(v, FORM_POINTEE,
				   btf_type_is_user(v->btf, pointee) ? "ustring" : "string",
				   position, ret, reterr);
	if (t && btf_is_func_proto(t))
		return write_number(v, "symbol", 8, position, ret, reterr);
	/* The address of a network device is a pointer since 5.15. */
	if (t && btf_is_int(t) && t->size == 1 && span_is(v->name, "dev_addr"))
		return write_fetch(v, FORM_POINTEE, "mac", position, ret, reterr);
	return write_number(v, "x64", 8, position, ret, reterr);
}

static int show_number(const struct btf_scope *scope, struct btf_value *v, const struct btf_type *t,
		       int position, struct btf_fetch *ret, struct kp_error *reterr)
{
	uint64_t size = btf_type_size(v->btf, v->type);
	const char *type = find_number_type(scope, v, size);
	char number[8], text[BTF_TEXT_MAX];

	if (!type && btf_is_int(t) && (btf_int_encoding(t) & BTF_INT_BOOL) && size == 1)
		type = "bool";
	if (!type && btf_type_is_char(v->btf, v->type))
		type = "char";
	if (!type)
		type = number_type(v->btf, v->type, size, number);
	if (type)
		return write_number(v, type, size, position, ret, reterr);
	if (size == 16 && v->in_memory)
		return write_fetch(v, FORM_IN_PLACE, "x64[2]", position, ret, reterr);
	return kp_error_definition(reterr, "notAValue", position, NULL,
				   "A \"%.80s\" of %llu bytes is no number that can be fetched.",
				   btf_value_type_text(v, text, sizeof(text)),
				   (unsigned long long)size);
}

int btf_show_value(const struct btf_scope *scope, struct btf_value *v, int position,
		   struct btf_fetch *ret, struct kp_error *reterr)
{
	const struct btf_type *t;
	uint32_t pointee;
	unsigned int pointers;
	int r = 0;

	*ret = (struct btf_fetch){.names = NULL};
	if (!v->bit_size && btf_value_is_pointer(v, &pointee, &pointers))
		return show_pointer(v, pointee, pointers, position, ret, reterr);
	for (int depth = 0; depth < BTF_DEPTH_MAX && !is_ip6(v) && btf_value_unwrap(v); depth++)
		;
	t = btf_type_strip(v->btf, v->type, NULL);
	if (!v->bit_size && btf_value_is_pointer(v, &pointee, &pointers))
		return show_pointer(v, pointee, pointers, position, ret, reterr);
	if (!t) {
		if (v->in_memory)
			return kp_error_definition(reterr, "incompleteType", position,
						   "give it a type: :x64, or cast the pointer",
						   "What \"%.*s\" points to has no type.",
						   (int)(v->name.n < 64 ? v->name.n : 64),
						   v->name.p);
		return write_fetch(v, FORM_LOAD, "x64", position, ret, reterr);
	}
	if (btf_is_any_enum(t))
		r = read_names(v->btf, t, &ret->names);
	if (r == 0) {
		if (v->bit_size)
			r = write_bits(v, v->bit_size, position, ret, reterr);
		else if (btf_is_composite(t) || btf_is_fwd(t))
			r = show_struct(v, position, ret, reterr);
		else if (btf_is_array(t))
			r = show_array(v, position, ret, reterr);
		else
			r = show_number(scope, v, t, position, ret, reterr);
	}
	if (r < 0)
		ret->names = value_names_unref(ret->names);
	return r;
}

int btf_show_as(struct btf_value *v, const struct probe_arg *arg, int position,
		struct btf_fetch *ret, struct kp_error *reterr)
{
	bool is_block = arg->show == ARG_STRING || arg->count || arg->parts > 1;
	bool is_path = arg->type[0] == '%';
	char type[PROBE_TYPE_MAX + 16];
	const struct btf_type *t;
	uint32_t pointee;
	unsigned int pointers;
	bool is_pointer;

	*ret = (struct btf_fetch){.names = NULL};
	snprintf(type, sizeof(type), arg->count ? "%s[%u]" : "%s", arg->type, arg->count);
	if (v->bit_size)
		return kp_error_definition(reterr, "badType", arg->type_position,
					   "leave the type out", "A bitfield has the type it has.");
	is_pointer = btf_value_is_pointer(v, &pointee, &pointers);
	t = btf_type_strip(v->btf, v->type, NULL);
	if (is_path)
		return write_fetch(v, FORM_LOAD, type, position, ret, reterr);
	/* What is larger than a number lies here, if this is larger than one, or is pointed to. */
	if (is_block && !is_pointer && v->in_memory &&
	    (!t || btf_is_composite(t) || btf_is_array(t) || t->size > 8 || arg->count))
		return write_fetch(v, FORM_IN_PLACE, type, position, ret, reterr);
	if (is_block)
		return write_fetch(v, FORM_POINTEE, type, position, ret, reterr);
	if (!is_pointer && t && btf_is_array(t) && !v->in_memory)
		return write_fetch(v, FORM_IN_PLACE, type, position, ret, reterr);
	return write_number(v, type, arg->size, position, ret, reterr);
}
