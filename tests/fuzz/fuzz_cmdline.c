// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzzes the reader of the kernel command line; its claims must fit into a table. */
#include "cmdline.h"
#include "fuzz.h"
#include "udev_rule.h"

static void check_modules(const struct module_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		MUST(driver_name_valid(list->items[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cmdline cmdline;
	char *string = malloc(size + 1);
	char *rule;

	MUST(string != NULL);
	if (size > 0)
		memcpy(string, data, size);
	string[size] = '\0';
	MUST(cmdline_parse(string, &cmdline) == 0);
	check_round_trip(&cmdline.claims);
	check_modules(&cmdline.pre);
	check_modules(&cmdline.post);
	check_modules(&cmdline.blacklist);
	MUST(udev_rule_render(&cmdline.claims, NULL, &rule) == 0);
	free(rule);
	cmdline_free(&cmdline);
	free(string);
	return 0;
}
