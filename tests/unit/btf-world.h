/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small kernel's worth of types, made with libbpf, for tests and fuzzers that need the same ones
 *on every machine.
 *
 *	struct inner { char text[16]; u8 mac[6]; int numbers[4]; unsigned bits:3; int sign:5; };
 *	struct node { struct node *next; union { u64 wide; struct { u32 low, high; }; };
 *	              const char *name; struct inner inner; enum color color; void (*act)(int);
 *	              struct opaque *opaque; void *data; __be32 saddr; __be16 dport; bool on;
 *	              struct node *many[100]; const char *user_text; (tagged "user") };
 *	struct pair { u64 a, b; };	typedef struct { u32 val; } kuid_t;
 *	int walk(struct node *node, int depth, const char *path, bool deep, umode_t mode, kuid_t
 *uid, u32 seventh, struct pair pair); void twice(int a); void twice(u64 b); struct node
 **find(void); void none(void);
 */
#ifndef KP_BTF_WORLD_H
#define KP_BTF_WORLD_H

#include <bpf/btf.h>

/* Where the members are */
enum {
	NODE_NEXT = 0,
	NODE_UNION = 8,
	NODE_NAME = 16,
	NODE_INNER = 24, /* 48 bytes */
	NODE_COLOR = 72,
	NODE_ACT = 80,
	NODE_OPAQUE = 88,
	NODE_DATA = 96,
	NODE_SADDR = 104,
	NODE_DPORT = 108,
	NODE_ON = 110,
	NODE_MANY = 112,
	NODE_USER_TEXT = 912,
	NODE_SIZE = 920,
};

static inline void world_member(struct btf *b, const char *name, int type, unsigned int byte)
{
	btf__add_field(b, name, type, byte * 8, 0);
}

static inline struct btf *world_new(void)
{
	struct btf *b = btf__new_empty();
	int t_int = btf__add_int(b, "int", 4, BTF_INT_SIGNED);
	int t_u32 = btf__add_int(b, "unsigned int", 4, 0);
	int t_u64 = btf__add_int(b, "long unsigned int", 8, 0);
	int t_char = btf__add_int(b, "char", 1, BTF_INT_SIGNED);
	int t_u8 = btf__add_int(b, "unsigned char", 1, 0);
	int t_u16 = btf__add_int(b, "short unsigned int", 2, 0);
	int t_bool = btf__add_int(b, "_Bool", 1, BTF_INT_BOOL);
	int t_umode = btf__add_typedef(b, "umode_t", t_u16);
	int t_be32 = btf__add_typedef(b, "__be32", btf__add_typedef(b, "u32", t_u32));
	int t_be16 = btf__add_typedef(b, "__be16", t_u16);
	int t_voidp = btf__add_ptr(b, 0);
	int t_str = btf__add_ptr(b, btf__add_const(b, t_char));
	int t_user = btf__add_ptr(b, btf__add_type_tag(b, "user", btf__add_const(b, t_char)));
	int t_text = btf__add_array(b, t_int, t_char, 16);
	int t_mac = btf__add_array(b, t_int, t_u8, 6);
	int t_numbers = btf__add_array(b, t_int, t_int, 4);
	int t_color, t_act, t_inner, t_half, t_union, t_node, t_nodep, t_opaque, t_many, t_pair;
	int t_kuid, proto;

	t_color = btf__add_enum(b, "color", 4);
	btf__add_enum_value(b, "RED", 0);
	btf__add_enum_value(b, "GREEN", 1);
	proto = btf__add_func_proto(b, 0);
	btf__add_func_param(b, "", t_int);
	t_act = btf__add_ptr(b, proto);
	t_opaque = btf__add_ptr(b, btf__add_fwd(b, "opaque", BTF_FWD_STRUCT));

	t_inner = btf__add_struct(b, "inner", 48);
	world_member(b, "text", t_text, 0);
	world_member(b, "h_dest", t_mac, 16);
	world_member(b, "numbers", t_numbers, 24);
	btf__add_field(b, "bits", t_u32, 40 * 8, 3);
	btf__add_field(b, "sign", t_int, 40 * 8 + 6, 5);

	t_half = btf__add_struct(b, "", 8);
	world_member(b, "low", t_u32, 0);
	world_member(b, "high", t_u32, 4);
	t_union = btf__add_union(b, "", 8);
	world_member(b, "wide", t_u64, 0);
	world_member(b, "", t_half, 0);

	/* The pointer's type comes behind the struct, as its number is known by then. */
	t_node = (int)btf__type_cnt(b);
	t_nodep = t_node + 1;
	t_many = t_node + 2;
	btf__add_struct(b, "node", NODE_SIZE);
	world_member(b, "next", t_nodep, NODE_NEXT);
	world_member(b, "", t_union, NODE_UNION);
	world_member(b, "name", t_str, NODE_NAME);
	world_member(b, "inner", t_inner, NODE_INNER);
	world_member(b, "color", t_color, NODE_COLOR);
	world_member(b, "act", t_act, NODE_ACT);
	world_member(b, "opaque", t_opaque, NODE_OPAQUE);
	world_member(b, "data", t_voidp, NODE_DATA);
	world_member(b, "saddr", t_be32, NODE_SADDR);
	world_member(b, "dport", t_be16, NODE_DPORT);
	world_member(b, "on", t_bool, NODE_ON);
	world_member(b, "many", t_many, NODE_MANY);
	world_member(b, "user_text", t_user, NODE_USER_TEXT);
	btf__add_ptr(b, t_node);
	btf__add_array(b, t_int, t_nodep, 100);

	t_pair = btf__add_struct(b, "pair", 16);
	world_member(b, "a", t_u64, 0);
	world_member(b, "b", t_u64, 8);
	t_kuid = btf__add_struct(b, "", 4);
	world_member(b, "val", t_u32, 0);
	t_kuid = btf__add_typedef(b, "kuid_t", t_kuid);

	proto = btf__add_func_proto(b, t_int);
	btf__add_func_param(b, "node", t_nodep);
	btf__add_func_param(b, "depth", t_int);
	btf__add_func_param(b, "path", t_str);
	btf__add_func_param(b, "deep", t_bool);
	btf__add_func_param(b, "mode", t_umode);
	btf__add_func_param(b, "uid", t_kuid);
	btf__add_func_param(b, "seventh", t_u32);
	btf__add_func_param(b, "pair", t_pair);
	btf__add_func(b, "walk", BTF_FUNC_STATIC, proto);
	proto = btf__add_func_proto(b, 0);
	btf__add_func_param(b, "a", t_int);
	btf__add_func(b, "twice", BTF_FUNC_STATIC, proto);
	proto = btf__add_func_proto(b, 0);
	btf__add_func_param(b, "b", t_u64);
	btf__add_func(b, "twice", BTF_FUNC_STATIC, proto);
	btf__add_func(b, "find", BTF_FUNC_STATIC, btf__add_func_proto(b, t_nodep));
	btf__add_func(b, "none", BTF_FUNC_STATIC, btf__add_func_proto(b, 0));
	proto = btf__add_func_proto(b, t_int);
	btf__add_func_param(b, "pair", t_pair);
	btf__add_func_param(b, "uid", t_kuid);
	btf__add_func(b, "by_value", BTF_FUNC_STATIC, proto);
	btf__add_func(b, "is_on", BTF_FUNC_STATIC, btf__add_func_proto(b, t_bool));
	btf__add_func(b, "color_of", BTF_FUNC_STATIC, btf__add_func_proto(b, t_color));
	btf__add_func(b, "text_of", BTF_FUNC_STATIC, btf__add_func_proto(b, t_str));
	btf__add_func(b, "pair_of", BTF_FUNC_STATIC, btf__add_func_proto(b, t_pair));
	btf__add_func(b, "address_of", BTF_FUNC_STATIC, btf__add_func_proto(b, t_be32));
	return b;
}

#endif
