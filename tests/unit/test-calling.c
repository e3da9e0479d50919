/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where arguments lie: what the rules say, and (on x86-64) where the compiler of this test puts
 * them. A stub that is called with arguments of many types keeps the registers and the stack as
 * they are at its first instruction, which is what a probe there sees.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "calling.h"
#include "cleanup.h"

#define SCALAR(bytes) ((struct call_param){.size = (bytes), .align = (bytes)})
#define STRUCT(bytes, alignment)                                                                   \
	((struct call_param){.size = (bytes), .align = (alignment), .is_struct = true})

static const struct call_param nothing = {.size = 0};

static void assert_places(enum call_arch arch, struct call_param result,
			  const struct call_param *params, size_t n, const char *expected)
{
	struct call_place places[16];
	char text[256] = "", word[CALL_TEXT_MAX];

	call_layout(arch, &result, params, n, places);
	for (size_t i = 0; i < n; i++) {
		strcat(text, i ? " " : "");
		if (places[i].is_reference)
			strcat(text, "*");
		if (!call_place_text(arch, &places[i], 0, word))
			strcpy(word, "-");
		strcat(text, word);
		if (places[i].kind == CALL_REGISTERS && places[i].n == 2) {
			assert_true(call_place_text(arch, &places[i], 1, word));
			strcat(text, ",");
			strcat(text, word);
		}
		if (places[i].kind == CALL_REGISTERS)
			assert_false(call_place_text(arch, &places[i], places[i].n, word));
	}
	assert_string_equal(text, expected);
}

#define ASSERT_PLACES(arch, result, expected, ...)                                                 \
	do {                                                                                       \
		const struct call_param params_[] = {__VA_ARGS__};                                 \
		assert_places(arch, result, params_, ARRAY_SIZE(params_), expected);               \
	} while (0)

static void test_x86_64_seventh_is_above_the_return_address(void **state)
{
	ASSERT_PLACES(CALL_X86_64, nothing, "%di %si %dx %cx %r8 %r9 +8(%sp) +16(%sp)", SCALAR(8),
		      SCALAR(4), SCALAR(4), SCALAR(8), SCALAR(8), SCALAR(4), SCALAR(8), SCALAR(4));
	ASSERT_PLACES(CALL_X86_64, nothing, "%di %si %dx", SCALAR(1), SCALAR(2), SCALAR(1));
}

static void test_x86_64_structs_by_value(void **state)
{
	ASSERT_PLACES(CALL_X86_64, nothing, "%di,%si %dx", STRUCT(16, 8), SCALAR(4));
	ASSERT_PLACES(CALL_X86_64, nothing, "+8(%sp) %di", STRUCT(24, 8), SCALAR(4));
	/* What does not fit into the registers leaves the last one to who is behind. */
	ASSERT_PLACES(CALL_X86_64, nothing, "%di %si %dx %cx %r8 +8(%sp) %r9 +24(%sp)", SCALAR(8),
		      SCALAR(8), SCALAR(8), SCALAR(8), SCALAR(8), STRUCT(12, 4), SCALAR(8),
		      SCALAR(8));
	ASSERT_PLACES(
		CALL_X86_64, nothing, "+8(%sp) %di",
		(struct call_param){.size = 6, .align = 4, .is_struct = true, .is_packed = true},
		SCALAR(4));
	ASSERT_PLACES(CALL_X86_64, nothing, "- %di", STRUCT(0, 1), SCALAR(4));
	ASSERT_PLACES(CALL_X86_64, nothing, "-", (struct call_param){.size = 8, .is_float = true});
}

static void test_x86_64_result_in_memory_takes_a_register(void **state)
{
	ASSERT_PLACES(CALL_X86_64, STRUCT(24, 8), "%si %dx", SCALAR(8), SCALAR(8));
	ASSERT_PLACES(CALL_X86_64, STRUCT(16, 8), "%di %si", SCALAR(8), SCALAR(8));
}

static void test_arm64(void **state)
{
	ASSERT_PLACES(CALL_ARM64, nothing, "%x0 %x1 %x2 %x3 %x4 %x5 %x6 %x7 +0(%sp) +8(%sp)",
		      SCALAR(8), SCALAR(4), SCALAR(4), SCALAR(8), SCALAR(8), SCALAR(4), SCALAR(8),
		      SCALAR(4), SCALAR(4), SCALAR(1));
	ASSERT_PLACES(CALL_ARM64, STRUCT(24, 8), "%x0,%x1 *%x2 %x3", STRUCT(16, 8), STRUCT(24, 8),
		      SCALAR(8));
	/* An even register for what is aligned to 16, and none for all behind what does not fit. */
	ASSERT_PLACES(CALL_ARM64, nothing, "%x0 %x2,%x3", SCALAR(4), SCALAR(16));
	ASSERT_PLACES(CALL_ARM64, nothing, "%x0,%x1 %x2,%x3 %x4,%x5 %x6 +0(%sp) +16(%sp)",
		      STRUCT(16, 8), STRUCT(16, 8), STRUCT(16, 8), SCALAR(8), STRUCT(16, 8),
		      SCALAR(8));
}

#ifdef __x86_64__
/* di si dx cx r8 r9 sp, and what is on the stack */
uint64_t captured[7];
unsigned char captured_stack[256];

void capture(void);
__asm__(".text\n"
	".globl capture\n"
	".type capture, @function\n"
	"capture:\n"
	"	endbr64\n"
	"	lea captured(%rip), %rax\n"
	"	mov %rdi, 0(%rax)\n"
	"	mov %rsi, 8(%rax)\n"
	"	mov %rdx, 16(%rax)\n"
	"	mov %rcx, 24(%rax)\n"
	"	mov %r8, 32(%rax)\n"
	"	mov %r9, 40(%rax)\n"
	"	mov %rsp, 48(%rax)\n"
	"	mov %rsp, %rsi\n"
	"	lea captured_stack(%rip), %rdi\n"
	"	mov $256, %ecx\n"
	"	rep movsb\n"
	"	ret\n"
	".size capture, .-capture\n");

/* The @size bytes at @place */
static void fetch(const struct call_place *place, uint64_t size, unsigned char *ret)
{
	if (place->kind == CALL_REGISTERS)
		memcpy(ret, &captured[place->first], size);
	else
		memcpy(ret, captured_stack + place->offset, size);
}

static void check_captured(struct call_param result, const struct call_param *params, size_t n,
			   const void *const *values)
{
	struct call_place places[16];
	unsigned char found[64];

	call_layout(CALL_X86_64, &result, params, n, places);
	for (size_t i = 0; i < n; i++) {
		assert_int_not_equal(places[i].kind, CALL_NOWHERE);
		fetch(&places[i], params[i].size, found);
		assert_memory_equal(found, values[i], params[i].size);
	}
}

struct word {
	uint64_t a;
};
struct pair {
	uint64_t a, b;
};
struct three {
	uint64_t a, b, c;
};
struct odd {
	uint8_t a;
	uint32_t b;
	uint8_t c;
};
struct bytes {
	uint8_t a[5];
};
struct packed {
	uint8_t a;
	uint32_t b;
} __attribute__((__packed__));
typedef unsigned __int128 wide;

#define P(type)                                                                                    \
	{                                                                                          \
		.size = sizeof(type), .align = _Alignof(type)                                      \
	}
#define S(type)                                                                                    \
	{                                                                                          \
		.size = sizeof(type), .align = _Alignof(type), .is_struct = true                   \
	}
#define S_PACKED(type)                                                                             \
	{                                                                                          \
		.size = sizeof(type), .align = 4, .is_struct = true, .is_packed = true             \
	}

/* Through a variable, as the compiler would not call what it knows to be of another type. */
static void (*volatile target)(void) = capture;
#define CALL(...) ((void (*)(__VA_ARGS__))(uintptr_t)target)

static void test_compiler_agrees_on_numbers(void **state)
{
	uint64_t a = 0x1122334455667788, d = 0x99aabbccddeeff00;
	int32_t b = -77, f = 12345678;
	uint16_t c = 0xbeef;
	_Bool e = 1;
	int8_t g = -3;
	uint32_t h = 0xcafebabe;
	void *i = &a;

	CALL(uint64_t, int32_t, uint16_t, uint64_t, _Bool, int32_t, int8_t, uint32_t, void *)
	(a, b, c, d, e, f, g, h, i);
	check_captured(nothing,
		       (const struct call_param[]){P(uint64_t), P(int32_t), P(uint16_t),
						   P(uint64_t), P(_Bool), P(int32_t), P(int8_t),
						   P(uint32_t), P(void *)},
		       9, (const void *const[]){&a, &b, &c, &d, &e, &f, &g, &h, &i});
}

static void test_compiler_agrees_on_structs(void **state)
{
	struct word a = {1};
	struct pair b = {2, 3};
	struct three c = {4, 5, 6};
	struct odd d = {7, 8, 9};
	struct bytes e = {{10, 11, 12, 13, 14}};
	struct packed f = {15, 16};
	struct pair g = {17, 18};
	uint32_t h = 19, i = 20;

	CALL(struct word, struct pair, struct three, struct odd, struct bytes, struct packed,
	     struct pair, uint32_t, uint32_t)
	(a, b, c, d, e, f, g, h, i);
	/* Padding has no value: the members of d are compared, not its bytes in between. */
	{
		struct call_param params[] = {
			S(struct word), S(struct pair),	 S(struct three),
			S(struct odd),	S(struct bytes), S_PACKED(struct packed),
			S(struct pair), P(uint32_t),	 P(uint32_t)};
		struct call_place places[9];
		struct odd found;

		call_layout(CALL_X86_64, &nothing, params, 9, places);
		fetch(&places[3], sizeof(found), (unsigned char *)&found);
		assert_int_equal(found.a, 7);
		assert_int_equal(found.b, 8);
		assert_int_equal(found.c, 9);
		memcpy(&d, &found, sizeof(d));
		check_captured(nothing, params, 9,
			       (const void *const[]){&a, &b, &c, &d, &e, &f, &g, &h, &i});
	}
}

static void test_compiler_agrees_on_128_bits(void **state)
{
	uint64_t a = 1, c = 5, d = 6, e = 7, g = 9;
	wide b = (wide)3 << 64 | 2, f = (wide)0xabc << 64 | 0xdef;

	CALL(uint64_t, wide, uint64_t, uint64_t, uint64_t, wide, uint64_t)(a, b, c, d, e, f, g);
	check_captured(nothing,
		       (const struct call_param[]){P(uint64_t), P(wide), P(uint64_t), P(uint64_t),
						   P(uint64_t), P(wide), P(uint64_t)},
		       7, (const void *const[]){&a, &b, &c, &d, &e, &f, &g});
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x86_64_seventh_is_above_the_return_address),
		cmocka_unit_test(test_x86_64_structs_by_value),
		cmocka_unit_test(test_x86_64_result_in_memory_takes_a_register),
		cmocka_unit_test(test_arm64),
#ifdef __x86_64__
		cmocka_unit_test(test_compiler_agrees_on_numbers),
		cmocka_unit_test(test_compiler_agrees_on_structs),
		cmocka_unit_test(test_compiler_agrees_on_128_bits),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
