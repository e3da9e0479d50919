/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kprobectl add, kprobectl check: the same request, planted or only looked at.
 */
#include <stdio.h>
#include <string.h>

#include "kprobectl.h"
#include "output-added.h"
#include "output-error.h"
#include "output-text.h"
#include "specs.h"

/* What add would do: where the probe would sit, and what the kernel would be told. */
static void put_plan(const struct ctl *ctl, struct text *t, json_object *probe)
{
	const struct {
		const char *label, *member;
	} parts[] = {{"at      ", "site"}, {"kernel  ", "kernelLine"}, {"filter  ", "filter"}};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *value = member_string(probe, parts[i].member);

		if (!*value)
			continue;
		text_color(t, ctl->color, COLOR_DIM);
		text_printf(t, "    %s", parts[i].label);
		text_plain(t, ctl->color);
		text_safe(t, value, strlen(value));
		text_putc(t, '\n');
	}
}

static void print_probe(const struct ctl *ctl, json_object *probe)
{
	const char *id = member_string(probe, "id"), *state = member_string(probe, "state");
	const char *definition = member_string(probe, "definition");
	_cleanup_text_ struct text t = {0};

	if (ctl->json) {
		print_json(ctl, probe);
		return;
	}
	/* What was only checked has no id. */
	if (*id)
		text_printf(&t, "%s  ", id);
	text_color(&t, ctl->color, COLOR_PROBE);
	text_safe(&t, member_string(probe, "name"), strlen(member_string(probe, "name")));
	text_plain(&t, ctl->color);
	text_puts(&t, "  ");
	text_safe(&t, definition, strlen(definition));
	if (*id && strcmp(state, "enabled") != 0)
		text_printf(&t, "  (%s)", state);
	text_putc(&t, '\n');
	if (!*id)
		put_plan(ctl, &t, probe);
	text_write(&t, stdout);
}

/* Sends the definitions to @method and prints the probes of the answer. */
static int request(struct ctl *ctl, const char *method, const char *lifetime, struct specs *specs)
{
	_cleanup_kprobed_ struct kprobed *k = NULL;
	_cleanup_json_ json_object *parameters = NULL, *reply = NULL;
	json_object *probes;
	size_t n;
	int r;

	if (!ctl_connect(ctl, &k))
		return EXIT_FAILURE;
	parameters = json_object_new_object();
	json_object_object_add(parameters, "probes", json_object_get(specs->array));
	if (lifetime)
		json_object_object_add(parameters, "lifetime", json_object_new_string(lifetime));
	r = ctl_call(k, method, parameters, &reply);
	if (r < 0)
		return print_failure(ctl, k, r, specs);
	probes = json_object_object_get(reply, "probes");
	n = json_object_is_type(probes, json_type_array) ? json_object_array_length(probes) : 0;
	for (size_t i = 0; i < n; i++)
		print_probe(ctl, json_object_array_get_idx(probes, i));
	print_added(ctl, reply);
	return EXIT_SUCCESS;
}

/* Options of both; @lifetime NULL for check, which has no use for some of them. */
static int run(struct ctl *ctl, int argc, char **argv, const char *method, const char *lifetime)
{
	static const struct option longs[] = {
		SPEC_LONGS,
		{"disabled", no_argument, NULL, 'D'},
		{"pending", no_argument, NULL, 'P'},
		{0},
	};
	_cleanup_specs_ struct specs specs = {0};
	struct spec_options options = {0};
	int c;

	while ((c = ctl_getopt(ctl, argc, argv, SPEC_SHORTS, longs)) != -1) {
		if (c == 'D')
			options.disabled = true;
		else if (c == 'P')
			options.pending = true;
		else
			specs_option(ctl, &options, c, optarg);
	}
	if (!specs_gather(ctl, &options, argc - optind, argv + optind, &specs))
		return EXIT_FAILURE;
	return request(ctl, method, lifetime, &specs);
}

static int run_add(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, "io.kprobed.Probes.Add", "daemon");
}

static int run_check(struct ctl *ctl, int argc, char **argv)
{
	return run(ctl, argc, argv, "io.kprobed.Probes.Check", NULL);
}

#define DEFINITION_HELP                                                                            \
	"A DEFINITION is one argument, so put it in quotes:\n"                                     \
	"  p[:NAME] [MODULE:]SYMBOL[+OFFSET] [ARGUMENT...]  a probe at an instruction\n"           \
	"  r[MAXACTIVE][:NAME] SYMBOL [ARGUMENT...]         a probe at a return\n"                 \
	"  SYMBOL[+OFFSET] [ARGUMENT...]                    in short for p\n"                      \
	"  SYMBOL%return [ARGUMENT...]                      in short for r\n"                      \
	"A SYMBOL may be SYM#2 or SYM#*, the second or all of several of that name, and a\n"       \
	"glob ('tcp_send*'), which stands for all functions that match and can be probed.\n"

const struct cmd_entry cmd_add = {
	.name = "add",
	.arguments = "DEFINITION...",
	.summary = "Plant probes that stay",
	.help = DEFINITION_HELP
	"\nAll of them are planted, or none. They live until they are removed or kprobed\n"
	"stops: a lifetime of the connection would end with this command (\"kprobectl\n"
	"trace\" has it). Prints the id, name and normal form of each.\n"
	"\nOptions:\n" SPEC_HELP
	"  --disabled          plant them, but record nothing until \"kprobectl enable\"\n"
	"  --pending           accept modules that are not loaded yet\n"
	"\nExamples:\n"
	"  kprobectl add 'p:opens do_sys_openat2 dfd=%di:s32 name=+0(%si):ustring'\n"
	"  kprobectl add 'r100:opened do_sys_openat2 $retval:s32' vfs_unlink\n"
	"  kprobectl add --stack --name slow 'p blk_mq_submit_bio'\n"
	"  kprobectl add -f probes.txt\n"
	"  kprobectl add --name tcp 'tcp_send*'\n",
	.run = run_add,
};

const struct cmd_entry cmd_check = {
	.name = "check",
	.arguments = "DEFINITION...",
	.summary = "Say whether definitions are right, and plant nothing",
	.help = DEFINITION_HELP
	"\nPrints what \"kprobectl add\" would plant: its name and normal form, where it\n"
	"would sit, and the line that the kernel would be given.\n"
	"\nOptions:\n" SPEC_HELP "  --disabled, --pending  as for add\n"
	"\nExamples:\n"
	"  kprobectl check 'p do_sys_openat2 dfd=%dii'\n"
	"  kprobectl check 'tcp_send*'\n"
	"  kprobectl check -f /etc/probes.txt && echo fine\n",
	.run = run_check,
};
