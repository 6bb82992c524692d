// SPDX-License-Identifier: GPL-2.0-or-later
/* vfio-claim list: the machine's PCI functions, who has them and which claim takes which. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "survey.h"
#include "text.h"
#include "tool.h"

enum { LIST_SCHEMA = 1, COLUMNS_LEAST = 40, COLUMNS_MOST = 1000 };

static enum exit_code say_usage(const char *sentence)
{
	(void)fprintf(stderr, PROGRAM ": %s\n", sentence);
	return EXIT_USAGE;
}

/* Reads --class, --group, --claimed and the words into `filter`; selectors are malloced. */
static enum exit_code read_filter(const struct tool *tool, struct selector *selectors,
				  struct inventory_filter *filter)
{
	char reason[SELECTOR_TEXT_SIZE];
	unsigned group;

	*filter = (struct inventory_filter){ .group = -1, .claimed = tool->claimed };
	if (tool->class_name != NULL && class_filter_parse(tool->class_name, filter) < 0) {
		const char *nearest = nearest_name(tool->class_name, class_words);

		(void)fprintf(stderr,
			      PROGRAM ": --class is two, four or six hex digits or a word%s%s:",
			      nearest ? "; did you mean " : "", nearest ? nearest : "");
		for (size_t i = 0; class_words[i] != NULL; i++)
			(void)fprintf(stderr, " %s", class_words[i]);
		(void)fprintf(stderr, "\n");
		return EXIT_USAGE;
	}
	if (tool->group != NULL) {
		if (parse_decimal(tool->group, 0, INT_MAX, &group) < 0)
			return say_usage("--group is the number of an IOMMU group");
		filter->group = (int)group;
	}
	for (size_t i = 0; i < tool->word_count; i++)
		if (selector_parse(tool->words[i], true, &selectors[i], reason) < 0)
			return say_usage(reason);
	filter->selectors = selectors;
	filter->selector_count = tool->word_count;
	return EXIT_AS_WANTED;
}

static json_object *string_or_null(const char *string)
{
	char cleaned[INVENTORY_NAME_SIZE];

	return string == NULL || *string == '\0'
		       ? NULL
		       : json_object_new_string(clean_text(string, cleaned, sizeof(cleaned)));
}

static json_object *number_or_null(int number)
{
	return number < 0 ? NULL : json_object_new_int(number);
}

static void add(json_object *object, const char *key, json_object *value)
{
	(void)json_object_object_add(object, key, value);
}

static void add_hex(json_object *object, const char *key, unsigned digits, uint32_t value)
{
	char out[16];

	(void)snprintf(out, sizeof(out), "%0*x", (int)digits, value);
	add(object, key, json_object_new_string(out));
}

static json_object *address_json(const struct pci_address *address)
{
	char out[PCI_ADDRESS_SIZE];

	return json_object_new_string(pci_address_format(address, out));
}

static json_object *modules_json(const struct inventory_item *item)
{
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < item->module_count; i++) {
		const struct native_module *module = &item->modules[i];
		json_object *object = json_object_new_object();

		add(object, "name", string_or_null(module->name));
		add(object, "builtin", json_object_new_boolean(module->builtin));
		add(object, "blacklisted", json_object_new_boolean(module->blacklisted));
		(void)json_object_array_add(array, object);
	}
	return array;
}

static json_object *sriov_json(const struct details *details)
{
	if (details->sriov_totalvfs == 0)
		return NULL;
	json_object *object = json_object_new_object();
	add(object, "total_vfs", json_object_new_int((int)details->sriov_totalvfs));
	add(object, "enabled_vfs", json_object_new_int((int)details->sriov_numvfs));
	add(object, "autoprobe", json_object_new_boolean(details->sriov_autoprobe));
	return object;
}

/* A list of words, or null where the kernel does not tell. */
static json_object *reset_json(const struct details *details)
{
	char methods[RESET_METHODS_SIZE];
	char *rest = NULL;

	if (!details->reset_known)
		return NULL;
	json_object *array = json_object_new_array();
	(void)clean_text(details->reset_methods, methods, sizeof(methods));
	for (const char *word = strtok_r(methods, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		(void)json_object_array_add(array, json_object_new_string(word));
	return array;
}

static json_object *claim_json(const struct inventory_item *item)
{
	const struct decision *decision = item->decision;

	if (decision == NULL)
		return NULL;
	json_object *object = json_object_new_object();
	add(object, "name", json_object_new_string(decision->claim->name));
	add(object, "taken", json_object_new_boolean(item_taken(item)));
	add(object, "driver", item_taken(item) ? string_or_null(decision->driver) : NULL);
	add(object, "late", json_object_new_boolean(decision->late));
	add(object, "companion", json_object_new_boolean(decision->companion));
	add(object, "reason", json_object_new_string(decision->reason));
	return object;
}

static void add_warning(void *context, const char *sentence)
{
	(void)json_object_array_add(context, json_object_new_string(sentence));
}

static void add_identity(json_object *object, const struct inventory_item *item)
{
	const struct device *device = item->device;

	add(object, "address", address_json(&device->address));
	add_hex(object, "vendor", 4, device->ids.vendor);
	add_hex(object, "device", 4, device->ids.device);
	add_hex(object, "subsystem_vendor", 4, device->ids.subvendor);
	add_hex(object, "subsystem_device", 4, device->ids.subdevice);
	add_hex(object, "class", 6, device->class_code);
	add(object, "kind", json_object_new_string(class_word(device->class_code)));
	add(object, "vendor_name", string_or_null(item->vendor));
	add(object, "device_name", string_or_null(item->model));
	add(object, "class_name", string_or_null(item->class_name));
}

static json_object *device_json(const struct inventory *inventory,
				const struct inventory_item *item)
{
	const struct details *details = item->details;
	json_object *object = json_object_new_object();
	json_object *warnings = json_object_new_array();
	char path[PCI_PATH_SIZE];

	add_identity(object, item);
	add(object, "path",
	    item->device->has_path
		    ? json_object_new_string(pci_path_format(&item->device->path, path))
		    : NULL);
	add(object, "parent",
	    details->parent == NO_PARENT
		    ? NULL
		    : address_json(&inventory->items[details->parent].device->address));
	add(object, "bridge", json_object_new_boolean(details->is_bridge));
	add(object, "iommu_group", number_or_null(item->device->iommu_group));
	add(object, "numa_node", number_or_null(details->numa_node));
	add(object, "driver", string_or_null(item->device->driver));
	add(object, "driver_override", string_or_null(details->override));
	add(object, "modules", modules_json(item));
	add(object, "boot_display",
	    details->boot_vga < 0 ? NULL : json_object_new_boolean(details->boot_vga == 1));
	add(object, "sriov", sriov_json(details));
	add(object, "vf", json_object_new_boolean(details->is_vf));
	add(object, "pf", details->has_physfn ? address_json(&details->physfn) : NULL);
	add(object, "reset_methods", reset_json(details));
	add(object, "needed_for", string_or_null(item->need));
	add(object, "claim", claim_json(item));
	item_warnings(item, add_warning, warnings);
	add(object, "warnings", warnings);
	return object;
}

static void print_json(const struct tool *tool, const struct survey *survey)
{
	const struct inventory *inventory = &survey->inventory;
	json_object *object = json_object_new_object();
	json_object *devices = json_object_new_array();

	for (size_t i = 0; i < inventory->count; i++)
		if (inventory->items[i].shown)
			(void)json_object_array_add(
				devices, device_json(inventory, &inventory->items[i]));
	add(object, "schema", json_object_new_int(LIST_SCHEMA));
	add(object, "config_valid", json_object_new_boolean(tool->diagnostics.count == 0));
	add(object, "devices", devices);
	print_json_object(object);
}

static bool is_terminal(void)
{
	return isatty(STDOUT_FILENO) == 1;
}

/* 0: nothing is to be cut. */
static size_t terminal_columns(void)
{
	struct winsize size;

	if (!is_terminal() || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 0;
	return size.ws_col < COLUMNS_LEAST  ? COLUMNS_LEAST
	       : size.ws_col > COLUMNS_MOST ? COLUMNS_MOST
					    : size.ws_col;
}

/* https://no-color.org: set to anything but nothing. */
static bool wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR");

	return is_terminal() && (no_colour == NULL || *no_colour == '\0');
}

static int render(const struct tool *tool, const struct survey *survey, char **ret_text)
{
	char title[128];
	char host[64];

	if (tool->svg) {
		(void)snprintf(title, sizeof(title), "PCI devices%s%s",
			       survey->host[0] != '\0' ? " of " : "",
			       clean_text(survey->host, host, sizeof(host)));
		return inventory_svg(&survey->inventory, title, ret_text);
	}
	return (tool->tree ? inventory_render_tree : inventory_table)(
		&survey->inventory, terminal_columns(), wants_colour(), ret_text);
}

static enum exit_code print_survey(const struct tool *tool, const struct survey *survey)
{
	AUTO_FREE char *text = NULL;

	if (tool->json) {
		print_json(tool, survey);
	} else {
		int r = render(tool, survey, &text);

		if (r < 0)
			return report_system("the list cannot be made", r);
		(void)fputs(text, stdout);
	}
	return fflush(stdout) == 0 ? EXIT_AS_WANTED : report_system("standard output", -errno);
}

/* A device that was asked for and is not there: by its words, or as one that is claimed and goes
 * to VFIO. */
static bool nothing_found(const struct tool *tool, const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->count; i++)
		if (inventory->items[i].shown &&
		    (!tool->claimed || item_taken(&inventory->items[i])))
			return false;
	return tool->word_count > 0 || tool->claimed;
}

static enum exit_code list(struct tool *tool, const struct inventory_filter *filter)
{
	bool valid = tool->diagnostics.count == 0;
	struct survey survey;
	int r = survey_make(&tool->root, valid ? &tool->config.claims : NULL, &survey);

	if (r == -ENOENT)
		return say_usage("there is no PCI bus in sys/bus/pci/devices"), EXIT_SYSTEM;
	if (r < 0)
		return report_system("the machine's devices cannot be read", r);
	r = inventory_filter(&survey.inventory, &survey.snapshot, filter);
	enum exit_code code = r < 0 ? report_system("the list cannot be made", r)
				    : print_survey(tool, &survey);
	if (code == EXIT_AS_WANTED && nothing_found(tool, &survey.inventory)) {
		(void)fprintf(stderr, PROGRAM ": no device is like that\n");
		code = EXIT_NOT_AS_WANTED;
	}
	survey_free(&survey);
	return code;
}

enum exit_code run_list(struct tool *tool)
{
	struct inventory_filter filter;
	AUTO_FREE struct selector *selectors =
		calloc(tool->word_count + 1, sizeof(struct selector));

	if (selectors == NULL)
		return report_system("the list cannot be made", -ENOMEM);
	if (tool->json + tool->tree + tool->svg > 1)
		return say_usage("--json, --tree and --svg are three forms: choose one");
	if (!tool->has_machine)
		return say_usage("an image (--root) has no hardware; for what was recorded of "
				 "a machine add --with-hardware");
	enum exit_code code = read_filter(tool, selectors, &filter);
	if (code != EXIT_AS_WANTED)
		return code;
	int r = read_config(tool);
	if (r < 0)
		return report_system("the configuration cannot be read", r);
	print_diagnostics(&tool->diagnostics, "error");
	if (tool->diagnostics.count > 0)
		(void)fprintf(stderr, PROGRAM ": warning: the configuration is invalid, so its "
					      "claims are not shown\n");
	return list(tool, &filter);
}
