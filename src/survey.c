// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads all that `vfio-claim list` shows of a machine. */
#include "survey.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmdline.h"
#include "kargs.h"
#include "lookup.h"
#include "match.h"
#include "modules.h"
#include "names.h"
#include "needs.h"
#include "scan.h"
#include "target.h"
#include "text.h"
#include "tool.h"

enum { CMDLINE_SIZE_MOST = 1 << 16, RELEASE_SIZE = 65, HOST_SIZE = 65 };

/* A device's modules are those of its modalias; many devices have the same one. */
struct alias_list {
	struct native_module *items;
	size_t count;
	struct modules *modules;
	const struct kargs *arguments;
};

/* Empty where it cannot be read. */
static char *read_command_line(const struct root *root)
{
	char *line = NULL;
	size_t length;

	if (root_read(root, "proc/cmdline", CMDLINE_SIZE_MOST, &line, &length) < 0)
		return strdup("");
	cut_last_newline(line);
	return line;
}

static int read_arguments(const struct root *root, struct survey *survey, const char *line)
{
	struct cmdline cmdline;
	int r = cmdline_parse(line, &cmdline);

	if (r < 0)
		return r;
	for (size_t i = 0; i < cmdline.problem_count; i++)
		say(stderr, PROGRAM ": warning: kernel command line: %s\n",
		    cmdline.problems[i]);
	if (cmdline.disabled)
		(void)fprintf(stderr,
			      "note: %s on the kernel command line: this boot claims nothing\n",
			      cmdline.disabled_by);
	survey->guards.phase = PHASE_WHOLE;
	survey->guards.network_boot = network_boot_sign(root, &cmdline) != NULL;
	r = claims_append(&survey->claims, &cmdline.claims);
	cmdline_free(&cmdline);
	return r;
}

/* The kernel whose modules count, in a tree: the one that was running, else the newest. */
static void find_kernel(const struct root *root, char release[RELEASE_SIZE])
{
	struct kernels kernels;

	if (read_attribute(root->fd, "proc/sys/kernel/osrelease", release, RELEASE_SIZE) > 0 &&
	    strchr(release, '/') == NULL)
		return;
	release[0] = '\0';
	if (kernels_find(root, &kernels) < 0)
		return;
	if (kernels.count > 0)
		(void)copy_field(release, RELEASE_SIZE, kernels.items[kernels.count - 1]);
	kernels_free(&kernels);
}

/* NULL where libkmod has nothing to say: devices are then without modules. */
static struct modules *open_modules(const struct root *root)
{
	struct modules *modules = NULL;
	char release[RELEASE_SIZE] = "";

	if (!root->is_host)
		find_kernel(root, release);
	/* Without any kernel a name that none has: libkmod would take this host's. */
	if (release[0] == '\0')
		(void)copy_field(release, sizeof(release), "none");
	int r = modules_open(root, root->is_host ? NULL : release, &modules);
	if (r < 0)
		(void)report_system("libkmod", r);
	return r < 0 ? NULL : modules;
}

static int scan(const struct root *root, struct modules *modules, struct survey *survey)
{
	int r = scan_devices(root, &survey->snapshot);

	if (r < 0)
		return r;
	/* A variant driver matters to what is claimed alone. */
	snapshot_mark_candidates(&survey->snapshot, &survey->claims);
	for (size_t i = 0; modules != NULL && i < survey->snapshot.count; i++)
		if (survey->snapshot.devices[i].candidate)
			modules_find_variant(modules, &survey->snapshot.devices[i]);
	return details_read(root, &survey->snapshot, &survey->details);
}

static int make_plan(const struct root *root, struct survey *survey)
{
	int r = needs_find(root, "", NEEDS_BOOT | NEEDS_NOW, &survey->snapshot,
			   &survey->guards);

	return r == 0 ? plan_make(&survey->claims, &survey->snapshot, &survey->guards,
				  &survey->plan)
		      : r;
}

/* modprobe.blacklist= is libkmod's and module_blacklist= the kernel's (kernel/module/main.c). */
static bool argument_blacklists(const struct kargs *arguments, const char *module)
{
	static const char *const keys[] = { "modprobe.blacklist", "module_blacklist" };
	size_t length = strlen(module);

	for (size_t i = 0; i < arguments->count; i++)
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
			const char *value = kargs_value_of(arguments->items[i], keys[k]);

			for (; value != NULL && *value != '\0'; value += strcspn(value, ",")) {
				value += strspn(value, ",");
				if (strcspn(value, ",") == length &&
				    strncmp(value, module, length) == 0)
					return true;
			}
		}
	return false;
}

static int add_module(void *context, const char *module, const char *path)
{
	struct alias_list *list = context;
	struct native_module *slot = array_grow(&list->items, list->count, sizeof(*slot));

	if (slot == NULL)
		return -ENOMEM;
	if (copy_field(slot->name, sizeof(slot->name), module) < 0)
		return 0;
	slot->builtin = path == NULL;
	slot->blacklisted = modules_is_blacklisted(list->modules, module) ||
			    argument_blacklists(list->arguments, module);
	list->count++;
	return 0;
}

static int compare_aliases(const void *a, const void *b)
{
	const struct inventory_item *left = *(struct inventory_item *const *)a;
	const struct inventory_item *right = *(struct inventory_item *const *)b;

	return strcmp(left->details->modalias, right->details->modalias);
}

static int copy_modules(struct inventory_item *item, const struct alias_list *list)
{
	if (list->count == 0)
		return 0;
	item->modules = calloc(list->count, sizeof(*item->modules));
	if (item->modules == NULL)
		return -ENOMEM;
	memcpy(item->modules, list->items, list->count * sizeof(*item->modules));
	item->module_count = list->count;
	return 0;
}

/* Each modalias is looked up once. */
static int find_modules(struct inventory *inventory, struct modules *modules,
			const struct kargs *arguments)
{
	AUTO_FREE struct inventory_item **sorted =
		calloc(inventory->count + 1, sizeof(struct inventory_item *));
	struct alias_list list = { .modules = modules, .arguments = arguments };
	int r = sorted == NULL ? -ENOMEM : 0;

	for (size_t i = 0; r == 0 && i < inventory->count; i++)
		sorted[i] = &inventory->items[i];
	if (r == 0)
		qsort(sorted, inventory->count, sizeof(struct inventory_item *),
		      compare_aliases);
	for (size_t i = 0; r == 0 && i < inventory->count; i++) {
		if (i == 0 || compare_aliases(&sorted[i - 1], &sorted[i]) != 0) {
			list.count = 0;
			free(list.items);
			list.items = NULL;
			r = modules_each_of_alias(modules, sorted[i]->details->modalias,
						  add_module, &list);
			/* An alias that libkmod cannot take has no modules. */
			r = r == -ENOMEM ? r : 0;
		}
		if (r == 0)
			r = copy_modules(sorted[i], &list);
	}
	free(list.items);
	return r;
}

static int find_names(const struct root *root, struct inventory *inventory)
{
	struct names *names;
	char out[NAME_SIZE];
	int r = names_open(root, &names);

	for (size_t i = 0; r == 0 && i < inventory->count; i++) {
		struct inventory_item *item = &inventory->items[i];
		const struct pci_ids *ids = &item->device->ids;

		item->vendor = strdup(names_vendor(names, ids, out));
		item->model = strdup(names_model(names, ids, out));
		item->class_name = strdup(names_class(names, item->device->class_code, out));
		if (item->vendor == NULL || item->model == NULL || item->class_name == NULL)
			r = -ENOMEM;
	}
	if (r == 0)
		names_close(names);
	return r;
}

static int note_needs(struct survey *survey)
{
	for (size_t i = 0; i < survey->guards.need_count; i++) {
		const struct need *need = &survey->guards.needs[i];
		size_t index = snapshot_find(&survey->snapshot, &need->address);

		/* Of several for one device the first is what counts. */
		if (index == survey->snapshot.count ||
		    survey->inventory.items[index].need != NULL)
			continue;
		survey->inventory.items[index].need = strdup(need->reason);
		if (survey->inventory.items[index].need == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int make_inventory(const struct root *root, struct modules *modules,
			  const struct kargs *arguments, struct survey *survey)
{
	struct inventory *inventory = &survey->inventory;
	int r = inventory_make(&survey->snapshot, survey->details, inventory);

	if (r < 0)
		return r;
	inventory_decide(inventory, &survey->plan);
	r = inventory_prepare(inventory);
	if (r == 0 && modules != NULL)
		r = find_modules(inventory, modules, arguments);
	if (r == 0)
		r = find_names(root, inventory);
	return r == 0 ? note_needs(survey) : r;
}

static void read_host(const struct root *root, struct survey *survey)
{
	char host[HOST_SIZE];

	if (read_attribute(root->fd, "proc/sys/kernel/hostname", host, sizeof(host)) < 0)
		host[0] = '\0';
	survey->host = strdup(host);
}

int survey_make(const struct root *root, struct claims *claims, struct survey *survey)
{
	AUTO_FREE char *line = read_command_line(root);
	struct kargs arguments = { 0 };
	int r = line == NULL ? -ENOMEM : kargs_parse(line, &arguments);

	*survey = (struct survey){ 0 };
	if (r < 0)
		return r;
	if (claims != NULL)
		r = claims_append(&survey->claims, claims);
	if (r == 0)
		r = read_arguments(root, survey, line);
	struct modules *modules = open_modules(root);
	if (r == 0)
		r = scan(root, modules, survey);
	if (r == 0)
		r = make_plan(root, survey);
	if (r == 0)
		r = make_inventory(root, modules, &arguments, survey);
	read_host(root, survey);
	modules_close(modules);
	kargs_free(&arguments);
	if (r == 0 && survey->host == NULL)
		r = -ENOMEM;
	if (r < 0)
		survey_free(survey);
	return r;
}

void survey_free(struct survey *survey)
{
	inventory_free(&survey->inventory);
	plan_free(&survey->plan);
	guards_free(&survey->guards);
	claims_free(&survey->claims);
	free(survey->details);
	snapshot_free(&survey->snapshot);
	free(survey->host);
	*survey = (struct survey){ 0 };
}
