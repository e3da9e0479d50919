/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probes and their registry: names, selectors, claims, and who counts for what. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "probe.h"

static struct probe *new_probe(const char *definition, unsigned int id)
{
	struct probe_spec spec = PROBE_SPEC_INIT;
	struct probe *p;

	assert_int_equal(probe_spec_parse(definition, &spec, NULL), 0);
	assert_int_equal(probe_new(&spec, &p), 0);
	/* It has been taken over. */
	assert_null(spec.symbol);
	p->id = id;
	snprintf(p->id_text, sizeof(p->id_text), "%u", id);
	snprintf(p->name, sizeof(p->name), "%s", p->spec.name ? p->spec.name : "unnamed");
	snprintf(p->event, sizeof(p->event), "%.40s_%u", p->name, id);
	return p;
}

static struct requester session(uint64_t number, uid_t uid)
{
	return (struct requester){.session = number, .uid = uid};
}

/* A registered probe of that session. */
static struct probe *add(struct registry *r, const char *definition, unsigned int id,
			 uint64_t session_number, uid_t uid)
{
	struct probe *p = new_probe(definition, id);
	struct requester who = session(session_number, uid);

	assert_int_equal(probe_add_owner(p, &who, LIFETIME_CONNECTION, false), 0);
	registry_insert(r, p);
	return p;
}

static void free_all(struct registry *r)
{
	struct probe *p;

	while ((p = r->all)) {
		registry_remove(r, p);
		probe_free(p);
	}
	assert_null(r->names);
	assert_null(r->events);
	assert_int_equal(r->n_live, 0);
	assert_int_equal(r->n_parked, 0);
}

static void park(struct registry *r, struct probe *p)
{
	while (p->owners)
		probe_drop_owner(p, p->owners);
	registry_park(r, p);
}

static void test_site_says_where_it_is(void **state)
{
	static const struct {
		const char *definition, *site;
	} rows[] = {
		{"p:x vfs_read", "vfs_read+0x0"},
		{"p:x vfs_read+0x1f", "vfs_read+0x1f"},
		{"r:x vfs_read", "vfs_read+0x0"},
		{"p:x 0xffffffff81000000", "0xffffffff81000000"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct probe *p = new_probe(rows[i].definition, 1);

		assert_string_equal(p->site, rows[i].site);
		assert_non_null(p->definition);
		probe_free(p);
	}
}

static void test_registry_finds_by_name_and_event(void **state)
{
	struct registry r = {0};
	struct probe *a = add(&r, "p:opens vfs_open", 1, 1, 0);
	struct probe *b = add(&r, "p:reads vfs_read", 2, 1, 0);

	assert_int_equal(r.n_live, 2);
	assert_int_equal(r.n_parked, 0);
	assert_ptr_equal(registry_find_name(&r, "opens"), a);
	assert_ptr_equal(registry_find_name(&r, "reads"), b);
	assert_null(registry_find_name(&r, "open"));
	assert_null(registry_find_name(&r, ""));
	assert_ptr_equal(registry_find_event(&r, "opens_1"), a);
	assert_null(registry_find_event(&r, "opens"));
	free_all(&r);
}

static void test_parked_probe_gives_its_name_back(void **state)
{
	struct registry r = {0};
	struct probe *a = add(&r, "p:opens vfs_open", 1, 1, 0), *b;
	struct requester who = session(2, 0);

	park(&r, a);
	assert_true(probe_is_parked(a));
	assert_int_equal(r.n_live, 0);
	assert_int_equal(r.n_parked, 1);
	assert_null(registry_find_name(&r, "opens"));
	assert_ptr_equal(registry_find_event(&r, "opens_1"), a);
	/* Others may have it meanwhile. */
	b = add(&r, "p:opens vfs_read", 2, 2, 0);
	assert_ptr_equal(registry_find_name(&r, "opens"), b);
	registry_remove(&r, b);
	probe_free(b);
	/* It comes back. */
	assert_int_equal(probe_add_owner(a, &who, LIFETIME_CONNECTION, false), 0);
	registry_unpark(&r, a);
	assert_ptr_equal(registry_find_name(&r, "opens"), a);
	assert_int_equal(r.n_live, 1);
	assert_int_equal(r.n_parked, 0);
	free_all(&r);
}

static void test_equal_definitions_are_found(void **state)
{
	struct registry r = {0};
	struct probe *a = add(&r, "p:opens vfs_open a=%di:u64", 1, 1, 0);
	struct probe *same = new_probe("p:other vfs_open a=%di:u64", 2);
	struct probe *differs = new_probe("p:opens vfs_open a=%di:u32", 3);

	assert_ptr_equal(registry_find_equal(&r, &same->spec, NULL), a);
	assert_ptr_equal(registry_find_equal(&r, &same->spec, "opens"), a);
	assert_null(registry_find_equal(&r, &same->spec, "other"));
	assert_null(registry_find_equal(&r, &differs->spec, NULL));
	assert_null(registry_find_parked(&r, &same->spec, "opens"));

	a->is_gone = true;
	assert_null(registry_find_equal(&r, &same->spec, NULL));
	a->is_gone = false;
	park(&r, a);
	assert_null(registry_find_equal(&r, &same->spec, NULL));
	/* A parked one is of use only while it is in the kernel. */
	assert_null(registry_find_parked(&r, &same->spec, "opens"));
	a->type = 100;
	assert_ptr_equal(registry_find_parked(&r, &same->spec, "opens"), a);
	assert_null(registry_find_parked(&r, &same->spec, "other"));
	assert_null(registry_find_parked(&r, &differs->spec, "opens"));
	a->is_gone = true;
	assert_null(registry_find_parked(&r, &same->spec, "opens"));
	probe_free(same);
	probe_free(differs);
	free_all(&r);
}

static void test_selectors_are_ids_names_and_globs(void **state)
{
	struct probe *p = new_probe("p:opens vfs_open", 17);

	assert_true(probe_matches(p, "opens"));
	assert_true(probe_matches(p, "17"));
	assert_true(probe_matches(p, "*"));
	assert_true(probe_matches(p, "op*"));
	assert_true(probe_matches(p, "open[rst]"));
	assert_true(probe_matches(p, "?????"));
	assert_false(probe_matches(p, "open"));
	assert_false(probe_matches(p, "1"));
	assert_false(probe_matches(p, "017"));
	assert_false(probe_matches(p, "1*")); /* globs are for names */
	assert_false(probe_matches(p, ""));
	assert_false(probe_matches(p, "OPENS"));
	probe_free(p);
}

static void assert_made_name(struct registry *r, const char *definition, const char *want)
{
	struct probe_spec spec;
	char name[PROBE_NAME_MAX + 1];

	assert_int_equal(probe_spec_parse(definition, &spec, NULL), 0);
	registry_make_name(r, &spec, name, sizeof(name));
	assert_string_equal(name, want);
	assert_true(probe_name_is_valid(name));
	probe_spec_done(&spec);
}

static void test_names_are_made_from_symbols(void **state)
{
	struct registry r = {0};

	assert_made_name(&r, "vfs_read", "vfs_read");
	assert_made_name(&r, "vfs_read+0x10", "vfs_read_0x10");
	assert_made_name(&r, "vfs_read%return", "vfs_read_return");
	assert_made_name(&r, "tcp_sendmsg.isra.0", "tcp_sendmsg_isra_0");
	assert_made_name(&r, "p 0xffffffff81000000", "at_ffffffff81000000");
	assert_made_name(&r, "p a_function_with_a_name_that_is_longer_than_forty_characters_are",
			 "a_function_with_a_name_that_is_longer_th");
	free_all(&r);
}

static void test_made_names_are_free(void **state)
{
	struct registry r = {0};
	char definition[128], want[PROBE_NAME_MAX + 1];

	add(&r, "p:vfs_read vfs_read", 1, 1, 0);
	for (unsigned int i = 2; i < 120; i++) {
		snprintf(want, sizeof(want), "vfs_read_%u", i);
		assert_made_name(&r, "vfs_read", want);
		snprintf(definition, sizeof(definition), "p:%s vfs_read", want);
		add(&r, definition, i, 1, 0);
	}
	/* A parked probe's name is free. */
	park(&r, registry_find_name(&r, "vfs_read_7"));
	assert_made_name(&r, "vfs_read", "vfs_read_7");
	free_all(&r);
}

static void test_claims_belong_to_sessions_and_users(void **state)
{
	struct probe *p = new_probe("p:x vfs_read", 1);
	struct requester a = session(1, 1000), b = session(2, 1000), c = session(3, 1001);

	assert_null(probe_find_claim(p, &a));
	assert_int_equal(probe_add_owner(p, &a, LIFETIME_CONNECTION, false), 0);
	assert_ptr_equal(probe_find_claim(p, &a), p->owners);
	assert_null(probe_find_claim(p, &b));
	/* One that lives with the daemon is its user's, whatever the session. */
	p->owners->lifetime = LIFETIME_DAEMON;
	assert_ptr_equal(probe_find_claim(p, &b), p->owners);
	assert_null(probe_find_claim(p, &c));
	/* The session's own comes first. */
	assert_int_equal(probe_add_owner(p, &b, LIFETIME_CONNECTION, false), 0);
	assert_ptr_equal(probe_find_claim(p, &b), p->owners->next);
	probe_drop_owner(p, p->owners);
	assert_false(probe_is_parked(p));
	assert_null(probe_find_claim(p, &a));
	probe_drop_owner(p, p->owners);
	assert_true(probe_is_parked(p));
	probe_free(p);
}

static void test_wanted_as_long_as_one_owner_wants_it(void **state)
{
	struct probe *p = new_probe("p:x vfs_read", 1);
	struct requester a = session(1, 0), b = session(2, 0);

	assert_false(probe_is_wanted(p));
	probe_add_owner(p, &a, LIFETIME_CONNECTION, true);
	assert_false(probe_is_wanted(p));
	probe_add_owner(p, &b, LIFETIME_CONNECTION, false);
	assert_true(probe_is_wanted(p));
	probe_find_claim(p, &b)->is_disabled = true;
	assert_false(probe_is_wanted(p));
	probe_free(p);
}

static void test_state_is_one_word(void **state)
{
	struct probe *p = new_probe("p:x no_such_module_at_all:foo", 1);

	assert_string_equal(probe_state(p), "pending");
	p->module_id = 17;
	assert_string_equal(probe_state(p), "disabled");
	p->is_enabled = true;
	assert_string_equal(probe_state(p), "enabled");
	/* Its module went, and returned as another build */
	p->was_armed = true;
	p->module_id = 0;
	assert_string_equal(probe_state(p), "gone");
	p->module_id = 18;
	p->trouble = strdup("elsewhere");
	assert_string_equal(probe_state(p), "gone");
	free(p->trouble);
	p->trouble = NULL;
	assert_string_equal(probe_state(p), "enabled");
	p->is_gone = true;
	assert_string_equal(probe_state(p), "gone");
	probe_free(p);
}

static void test_probes_are_counted_for_who_came_first(void **state)
{
	struct registry r = {0};
	struct probe *a = add(&r, "p:a vfs_open", 1, 1, 1000);
	struct requester other = session(2, 1001);

	add(&r, "p:b vfs_read", 2, 1, 1000);
	add(&r, "p:c vfs_write", 3, 3, 1000);
	assert_int_equal(registry_count_session(&r, 1), 2);
	assert_int_equal(registry_count_session(&r, 3), 1);
	assert_int_equal(registry_count_session(&r, 2), 0);
	assert_int_equal(registry_count_uid(&r, 1000), 3);
	/* Who joins is not charged; who is left is. */
	probe_add_owner(a, &other, LIFETIME_CONNECTION, false);
	assert_int_equal(registry_count_uid(&r, 1001), 0);
	probe_drop_owner(a, a->owners);
	assert_int_equal(registry_count_uid(&r, 1001), 1);
	assert_int_equal(registry_count_session(&r, 1), 1);
	park(&r, a);
	assert_int_equal(registry_count_uid(&r, 1001), 0);
	free_all(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_site_says_where_it_is),
		cmocka_unit_test(test_registry_finds_by_name_and_event),
		cmocka_unit_test(test_parked_probe_gives_its_name_back),
		cmocka_unit_test(test_equal_definitions_are_found),
		cmocka_unit_test(test_selectors_are_ids_names_and_globs),
		cmocka_unit_test(test_names_are_made_from_symbols),
		cmocka_unit_test(test_made_names_are_free),
		cmocka_unit_test(test_claims_belong_to_sessions_and_users),
		cmocka_unit_test(test_wanted_as_long_as_one_owner_wants_it),
		cmocka_unit_test(test_state_is_one_word),
		cmocka_unit_test(test_probes_are_counted_for_who_came_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
