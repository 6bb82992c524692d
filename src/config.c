// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration: [host] settings and [claim NAME] sections. */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cmdline.h"
#include "kargs.h"
#include "text.h"

enum section { SECTION_NONE, SECTION_UNKNOWN, SECTION_HOST, SECTION_CLAIM };

/* What a file's reader has to remember from line to line. */
struct reader {
	struct config *config;
	struct diagnostics *diagnostics;
	const char *file;
	unsigned line;
	int error; /* -ENOMEM, sticky */

	enum section section;
	size_t claim;        /* index of the open claim; array items move */
	unsigned claim_line; /* where it began */
	bool claim_failed;  /* a line was not understood, a match perhaps: no second complaint */
	unsigned seen;      /* keys of this section, by bit */
	unsigned seen_host; /* keys of the file's [host] sections so far */
	char **names;       /* of this file's claims so far */
	size_t name_count;
};

struct key {
	const char *name;
	bool repeats;
	/* Takes the value, or reports what is wrong with it. */
	void (*set)(struct reader *reader, const struct key *key, char *value);
};

static void complain(struct reader *reader, const char *format, ...) PRINTF_LIKE(2, 3);

static int add_diagnostic(struct diagnostics *diagnostics, const char *file, unsigned line,
			  const char *message)
{
	struct diagnostic *item =
		array_grow(&diagnostics->items, diagnostics->count, sizeof(*item));

	if (item == NULL)
		return -ENOMEM;
	item->line = line;
	item->file = strdup(file);
	item->message = strdup(message);
	diagnostics->count++;
	if (item->file == NULL || item->message == NULL)
		return -ENOMEM;
	/* Bytes of the file that a terminal would obey, or that are not UTF-8 in JSON. */
	for (char *c = item->message; *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	return 0;
}

int diagnostics_add(struct diagnostics *diagnostics, const char *file, unsigned line,
		    const char *format, ...)
{
	char message[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return add_diagnostic(diagnostics, file, line, message);
}

static void complain(struct reader *reader, const char *format, ...)
{
	char message[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (add_diagnostic(reader->diagnostics, reader->file, reader->line, message) < 0)
		reader->error = -ENOMEM;
}

/* Reports an unknown word with the nearest valid one, or with all of them. */
static void complain_choice(struct reader *reader, const char *what, const char *word,
			    const char *const *names)
{
	const char *nearest = nearest_name(word, names);
	char list[512] = "";
	size_t used = 0;

	if (nearest != NULL) {
		complain(reader, "%s '%.64s' is not known; did you mean '%s'?", what, word,
			 nearest);
		return;
	}
	for (; *names != NULL && used < sizeof(list); names++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
					 used ? ", " : "", *names);
	complain(reader, "%s '%.64s' is not known; it is one of: %s", what, word, list);
}

static struct claim *open_claim(struct reader *reader)
{
	return &reader->config->claims.items[reader->claim];
}

/* The index of `value` among `names`, or -1 after a complaint. */
static int choose(struct reader *reader, const struct key *key, const char *value,
		  const char *const *names)
{
	char what[64];

	for (int i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], value) == 0)
			return i;
	(void)snprintf(what, sizeof(what), "value of %s", key->name);
	complain_choice(reader, what, value, names);
	return -1;
}

static void set_iommu(struct reader *reader, const struct key *key, char *value)
{
	static const char *const names[] = { "pt", "on", "off", NULL };
	int chosen = choose(reader, key, value, names);

	if (chosen >= 0)
		reader->config->host.iommu = (enum host_iommu)chosen;
}

static void set_cpu(struct reader *reader, const struct key *key, char *value)
{
	static const char *const names[] = { "auto", "any", "intel", "amd", "arm", NULL };
	int chosen = choose(reader, key, value, names);

	if (chosen >= 0)
		reader->config->host.cpu = (enum host_cpu)chosen;
}

static void set_framebuffer(struct reader *reader, const struct key *key, char *value)
{
	static const char *const names[] = { "keep", "off", NULL };
	int chosen = choose(reader, key, value, names);

	if (chosen >= 0)
		reader->config->host.framebuffer = (enum host_framebuffer)chosen;
}

static void set_yes_no(struct reader *reader, const struct key *key, const char *value,
		       bool *field)
{
	static const char *const names[] = { "no", "yes", NULL };
	int chosen = choose(reader, key, value, names);

	if (chosen >= 0)
		*field = chosen == 1;
}

static void set_unsafe_interrupts(struct reader *reader, const struct key *key, char *value)
{
	set_yes_no(reader, key, value, &reader->config->host.unsafe_interrupts);
}

static void set_ignore_msrs(struct reader *reader, const struct key *key, char *value)
{
	set_yes_no(reader, key, value, &reader->config->host.ignore_msrs);
}

/* The modules of VFIO itself; a variant driver may be blacklisted for vfio-pci's sake. */
static bool is_vfio_module(const char *module)
{
	return strncmp(module, "vfio", 4) == 0;
}

static void add_blacklisted(struct reader *reader, const char *module)
{
	struct host *host = &reader->config->host;

	if (strcmp(module, "auto") == 0 || strcmp(module, "none") == 0) {
		complain(reader, "blacklist: '%s' stands alone or not at all", module);
		return;
	}
	if (!driver_name_valid(module)) {
		complain(reader,
			 "'%.64s' is not the name of a module (letters, digits, _ and -, at "
			 "most "
			 "%d)",
			 module, DRIVER_NAME_SIZE - 1);
		return;
	}
	if (is_vfio_module(module)) {
		complain(reader, "blacklist: %s is VFIO's own, which every claim needs",
			 module);
		return;
	}
	char(*slot)[DRIVER_NAME_SIZE] =
		array_grow(&host->modules, host->module_count, sizeof(*slot));
	if (slot == NULL) {
		reader->error = -ENOMEM;
		return;
	}
	(void)copy_field(*slot, sizeof(*slot), module);
	host->module_count++;
}

static void set_blacklist(struct reader *reader, const struct key *key, char *value)
{
	struct host *host = &reader->config->host;
	char *rest = NULL;

	(void)key;
	host->module_count = 0;
	free(host->modules);
	host->modules = NULL;
	if (strcmp(value, "auto") == 0 || strcmp(value, "none") == 0) {
		host->blacklist = *value == 'a' ? BLACKLIST_AUTO : BLACKLIST_NONE;
		return;
	}
	host->blacklist = BLACKLIST_LIST;
	for (char *word = strtok_r(value, " \t,", &rest); word != NULL;
	     word = strtok_r(NULL, " \t,", &rest))
		add_blacklisted(reader, word);
}

/*
 * One of the modules that `word` blacklists. libkmod compares those of modprobe.blacklist= with
 * a module's name letter by letter (libkmod-config.c: kcmdline_parse_result()), and so does the
 * kernel those of module_blacklist= (kernel/module/main.c: blacklisted()). dracut writes those
 * of rd.driver.blacklist= into a file, where - and _ are alike.
 */
static void check_extra_module(struct reader *reader, const char *word, const char *module)
{
	if (is_vfio_module(module))
		complain(reader,
			 "extra_args: '%.80s' blacklists VFIO's own %.60s, which every "
			 "claim needs",
			 word, module);
	else if (strchr(module, '-') != NULL &&
		 kargs_value_of(word, "rd.driver.blacklist") == NULL)
		complain(reader,
			 "extra_args: '%.80s' does nothing: names have '_' there; write "
			 "'blacklist = %.60s', which takes both",
			 word, module);
}

static void check_extra_blacklist(struct reader *reader, const char *word)
{
	static const char *const keys[] = { "modprobe.blacklist", "module_blacklist",
					    "rd.driver.blacklist" };
	char modules[CONFIG_LINE_MOST + 1];
	const char *value = NULL;
	char *rest = NULL;

	for (size_t i = 0; value == NULL && i < sizeof(keys) / sizeof(keys[0]); i++)
		value = kargs_value_of(word, keys[i]);
	if (value == NULL || copy_field(modules, sizeof(modules), value) < 0)
		return;
	for (char *module = strtok_r(modules, ",", &rest); module != NULL;
	     module = strtok_r(NULL, ",", &rest))
		check_extra_module(reader, word, module);
}

/* iommu=, intel_iommu= and amd_iommu= are lists with commas between (arch/x86, drivers/iommu). */
static bool turns_iommu_off(const char *word)
{
	static const char *const keys[] = { "iommu", "intel_iommu", "amd_iommu" };
	const char *value = NULL;

	for (size_t i = 0; value == NULL && i < sizeof(keys) / sizeof(keys[0]); i++)
		value = kargs_value_of(word, keys[i]);
	while (value != NULL && *value != '\0') {
		size_t length = strcspn(value, ",");

		if (length == 3 && strncmp(value, "off", 3) == 0)
			return true;
		value += length + (value[length] == ',' ? 1 : 0);
	}
	return false;
}

/* Words that would undo the very thing that is configured here. */
static void check_extra_words(struct reader *reader, const struct kargs *words)
{
	for (size_t i = 0; i < words->count; i++) {
		const char *word = words->items[i];

		check_extra_blacklist(reader, word);
		if (strcmp(word, "--") == 0)
			complain(reader,
				 "extra_args: what stands behind '--' goes to init and not "
				 "to the kernel; leave it out");
		else if (turns_iommu_off(word))
			complain(reader,
				 "extra_args: '%.80s' turns the IOMMU off, and VFIO takes no "
				 "device without it",
				 word);
	}
}

/* The boot helper's own reader says whether it would claim anything then. */
static void check_extra_args(struct reader *reader, const char *value)
{
	struct cmdline cmdline = { 0 };
	struct kargs words = { 0 };
	int r = kargs_parse(value, &words);

	if (r == 0) {
		check_extra_words(reader, &words);
		r = cmdline_parse(value, &cmdline);
	}
	if (r < 0)
		reader->error = r;
	else if (cmdline.disabled)
		complain(reader, "extra_args: %s switches every claim off in every boot",
			 cmdline.disabled_by);
	cmdline_free(&cmdline);
	kargs_free(&words);
}

static void set_extra_args(struct reader *reader, const struct key *key, char *value)
{
	struct host *host = &reader->config->host;

	(void)key;
	/* These reach GRUB's shell-like language and other boot loaders: no quoting at all. */
	for (const char *c = value; *c != '\0'; c++) {
		char word[2] = { *c, '\0' };

		if (*c != ' ' && !is_plain_word(word, 1, "_-.,:=/@+%~")) {
			complain(reader,
				 "extra_args: character '%s' is not allowed (letters, digits, "
				 "blanks "
				 "and _-.,:=/@+%%~ are)",
				 (unsigned char)*c > 0x20 && (unsigned char)*c < 0x7f ? word
										      : "?");
			return;
		}
	}
	if (copy_field(host->extra_args, sizeof(host->extra_args), value) < 0)
		complain(reader, "extra_args: %zu bytes, the kernel's command line takes %d",
			 strlen(value), EXTRA_ARGS_SIZE - 1);
	else
		check_extra_args(reader, value);
}

static void set_selector(struct reader *reader, const char *value,
			 int (*add)(struct claim *, const struct selector *))
{
	struct selector selector;
	char reason[SELECTOR_TEXT_SIZE];

	if (selector_parse(value, false, &selector, reason) < 0) {
		if (add == claim_add_match)
			reader->claim_failed = true;
		complain(reader, "%s", reason);
	} else if (add(open_claim(reader), &selector) < 0) {
		reader->error = -ENOMEM;
	}
}

static void set_match(struct reader *reader, const struct key *key, char *value)
{
	(void)key;
	set_selector(reader, value, claim_add_match);
}

static void set_except(struct reader *reader, const struct key *key, char *value)
{
	(void)key;
	set_selector(reader, value, claim_add_except);
}

static void set_functions(struct reader *reader, const struct key *key, char *value)
{
	int chosen = choose(reader, key, value, claim_functions_names);

	if (chosen >= 0)
		open_claim(reader)->functions = (enum claim_functions)chosen;
}

static void set_when(struct reader *reader, const struct key *key, char *value)
{
	int chosen = choose(reader, key, value, claim_when_names);

	if (chosen >= 0)
		open_claim(reader)->when = (enum claim_when)chosen;
}

/*
 * The kernel compares driver_override with the driver's name, letter by letter; a module and its
 * file may have - and _ elsewhere. Those of Linux 6.1 to 7.2 (drivers/vfio/pci), without what kernels
 * of others name otherwise (hisi_acc_vfio_pci). Returns the name of the driver that is meant where
 * that differs, or NULL.
 */
static const char *driver_meant(const char *name)
{
	static const char *const drivers[] = {
		"vfio-pci",	"xe-vfio-pci", "ism_vfio_pci",	  "mlx5_vfio_pci",
		"nvgrace_gpu_vfio_pci", "pds_vfio_pci", "qat_vfio_pci", "virtio_vfio_pci",
	};

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (kargs_same(name, drivers[i]))
			return strcmp(name, drivers[i]) == 0 ? NULL : drivers[i];
	return NULL;
}

static void set_driver(struct reader *reader, const struct key *key, char *value)
{
	struct claim *claim = open_claim(reader);
	const char *meant = driver_meant(value);

	(void)key;
	if (!driver_name_valid(value)) {
		complain(reader,
			 "driver: '%.64s' is not the name of a driver; write auto, vfio-pci "
			 "or the name of a VFIO variant driver",
			 value);
	} else if (meant != NULL) {
		complain(reader, "driver: the driver is called '%s', not '%.64s'", meant,
			 value);
	} else if (!driver_serves_vfio(value)) {
		complain(reader,
			 "driver: '%.64s' is no VFIO driver (their names have vfio in them); "
			 "the key says who gets the devices, not who loses them: leave it out",
			 value);
	} else {
		(void)copy_field(claim->driver, sizeof(claim->driver), value);
	}
}

static void set_expect(struct reader *reader, const struct key *key, char *value)
{
	(void)key;
	if (parse_decimal(value, 1, 65535, &open_claim(reader)->expect) < 0)
		complain(reader, "expect: '%.64s' is not a number from 1 to 65535", value);
}

/* --- What exports say to a cloud ----------------------------------------------------------- */

static void set_alias(struct reader *reader, const struct key *key, char *value)
{
	struct claim_cloud *cloud = &open_claim(reader)->cloud;

	(void)key;
	/* It stands in JSON, and in a flavor before ":" and between commas. */
	if (!claim_name_valid(value))
		complain(reader,
			 "alias: '%.64s' is not a name: letters, digits, '.', '_' and '-', 1 "
			 "to %d",
			 value, CLAIM_NAME_SIZE - 1);
	else
		(void)copy_field(cloud->alias, sizeof(cloud->alias), value);
}

static void set_device_type(struct reader *reader, const struct key *key, char *value)
{
	int chosen = choose(reader, key, value, cloud_device_type_names);

	if (chosen >= 0)
		open_claim(reader)->cloud.device_type = (enum cloud_device_type)chosen;
}

static void set_numa_policy(struct reader *reader, const struct key *key, char *value)
{
	int chosen = choose(reader, key, value, cloud_numa_names);

	if (chosen < 0)
		return;
	open_claim(reader)->cloud.has_numa = true;
	open_claim(reader)->cloud.numa = (enum cloud_numa)chosen;
}

static void set_resource_class(struct reader *reader, const struct key *key, char *value)
{
	struct claim_cloud *cloud = &open_claim(reader)->cloud;

	(void)key;
	if (!resource_class_valid(value))
		complain(reader,
			 "resource_class: '%.64s' is not one: CUSTOM_ and capitals, digits and "
			 "'_' (at most %d in all), or PCI_DEVICE, PGPU, VGPU, FPGA, "
			 "SRIOV_NET_VF",
			 value, PLACEMENT_NAME_SIZE - 1);
	else
		(void)copy_field(cloud->resource_class, sizeof(cloud->resource_class), value);
}

static void add_trait(struct reader *reader, const char *trait)
{
	struct claim_cloud *cloud = &open_claim(reader)->cloud;

	if (!trait_valid(trait)) {
		complain(reader,
			 "traits: '%.64s' is not one: CUSTOM_ or HW_ and capitals, digits and "
			 "'_', at most %d in all",
			 trait, PLACEMENT_NAME_SIZE - 1);
		return;
	}
	char(*slot)[PLACEMENT_NAME_SIZE] =
		array_grow(&cloud->traits, cloud->trait_count, sizeof(*slot));
	if (slot == NULL) {
		reader->error = -ENOMEM;
		return;
	}
	(void)copy_field(*slot, sizeof(*slot), trait);
	cloud->trait_count++;
}

static void set_traits(struct reader *reader, const struct key *key, char *value)
{
	char *rest = NULL;

	(void)key;
	for (char *word = strtok_r(value, " \t,", &rest); word != NULL;
	     word = strtok_r(NULL, " \t,", &rest))
		add_trait(reader, word);
}

static void set_answer(struct reader *reader, const struct key *key, const char *value,
		       enum cloud_answer *field)
{
	bool yes = false;
	size_t before = reader->diagnostics->count;

	set_yes_no(reader, key, value, &yes);
	if (reader->diagnostics->count == before)
		*field = yes ? CLOUD_YES : CLOUD_NO;
}

static void set_managed(struct reader *reader, const struct key *key, char *value)
{
	set_answer(reader, key, value, &open_claim(reader)->cloud.managed);
}

static void set_live_migratable(struct reader *reader, const struct key *key, char *value)
{
	set_answer(reader, key, value, &open_claim(reader)->cloud.live_migratable);
}

static void set_one_time_use(struct reader *reader, const struct key *key, char *value)
{
	set_answer(reader, key, value, &open_claim(reader)->cloud.one_time_use);
}

static const struct key host_keys[] = {
	{ "iommu", false, set_iommu },
	{ "cpu", false, set_cpu },
	{ "blacklist", false, set_blacklist },
	{ "unsafe_interrupts", false, set_unsafe_interrupts },
	{ "ignore_msrs", false, set_ignore_msrs },
	{ "framebuffer", false, set_framebuffer },
	{ "extra_args", false, set_extra_args },
	{ NULL, false, NULL },
};

static const struct key claim_keys[] = {
	{ "match", true, set_match },
	{ "except", true, set_except },
	{ "functions", false, set_functions },
	{ "driver", false, set_driver },
	{ "when", false, set_when },
	{ "expect", false, set_expect },
	{ "alias", false, set_alias },
	{ "device_type", false, set_device_type },
	{ "numa_policy", false, set_numa_policy },
	{ "resource_class", false, set_resource_class },
	{ "traits", false, set_traits },
	{ "managed", false, set_managed },
	{ "live_migratable", false, set_live_migratable },
	{ "one_time_use", false, set_one_time_use },
	{ NULL, false, NULL },
};

/* A claim is judged when its section ends. */
static void close_section(struct reader *reader)
{
	if (reader->section == SECTION_CLAIM && !reader->claim_failed &&
	    open_claim(reader)->match_count == 0) {
		unsigned line = reader->line;

		reader->line = reader->claim_line;
		complain(reader,
			 "claim %s has no match line; write, say, match = 10de:1c30 or remove "
			 "the "
			 "section",
			 open_claim(reader)->name);
		reader->line = line;
	}
	if (reader->section == SECTION_HOST)
		reader->seen_host = reader->seen;
	reader->section = SECTION_NONE;
	reader->seen = 0;
}

/* A name may stand once in a file; a later file may replace it. */
static bool named_before(struct reader *reader, const char *name)
{
	for (size_t i = 0; i < reader->name_count; i++)
		if (strcmp(reader->names[i], name) == 0)
			return true;
	char **slot = array_grow(&reader->names, reader->name_count, sizeof(*slot));
	if (slot == NULL) {
		reader->error = -ENOMEM;
		return false;
	}
	*slot = strdup(name);
	if (*slot == NULL)
		reader->error = -ENOMEM;
	else
		reader->name_count++;
	return false;
}

static void begin_claim(struct reader *reader, const char *name)
{
	struct claims *claims = &reader->config->claims;

	reader->section = SECTION_UNKNOWN;
	if (!claim_name_valid(name)) {
		complain(reader,
			 "'%.64s' is not a claim's name: letters, digits, '.', '_' and '-', 1 "
			 "to %d",
			 name, CLAIM_NAME_SIZE - 1);
		return;
	}
	if (claim_name_reserved(name)) {
		complain(reader, "the claim name %s is kept for the kernel command line", name);
		return;
	}
	if (named_before(reader, name)) {
		complain(reader,
			 "claim %s stands in this file twice; give the second another name",
			 name);
		return;
	}
	struct claim *claim = claims_find(claims, name);
	if (claim != NULL)
		claim_reset(claim);
	else
		claim = claims_add(claims, name);
	if (claim == NULL) {
		reader->error = -ENOMEM;
		return;
	}
	reader->section = SECTION_CLAIM;
	reader->claim = (size_t)(claim - claims->items);
	reader->claim_line = reader->line;
	reader->claim_failed = false;
}

static char *trim(char *string)
{
	string += strspn(string, " \t");
	size_t length = strlen(string);
	while (length > 0 && strchr(" \t\r", string[length - 1]) != NULL)
		length--;
	string[length] = '\0';
	return string;
}

/* A second [host] of a file goes on with the first: a key in both stands there twice. */
static void begin_host(struct reader *reader)
{
	reader->section = SECTION_HOST;
	reader->seen = reader->seen_host;
}

static void read_section(struct reader *reader, char *line)
{
	static const char *const names[] = { "host", "claim", NULL };
	char *end = strchr(line, ']');

	close_section(reader);
	reader->section = SECTION_UNKNOWN;
	if (end == NULL || end[1] != '\0') {
		complain(reader, "'%.64s' is not a section; write [host] or [claim NAME]",
			 line);
		return;
	}
	*end = '\0';
	char *name = trim(line + 1);
	size_t length = strcspn(name, " \t");
	char *argument = trim(name + length);

	if (strncmp(name, "claim", length) == 0 && length == 5) {
		begin_claim(reader, argument);
		return;
	}
	name[length] = '\0';
	if (strcmp(name, "host") != 0)
		complain_choice(reader, "section", name, names);
	else if (*argument != '\0')
		complain(reader, "[host] takes no name");
	else
		begin_host(reader);
}

static void complain_key(struct reader *reader, const char *name, const struct key *keys)
{
	const char *names[16] = { NULL };

	for (size_t i = 0; i < 15 && keys[i].name != NULL; i++)
		names[i] = keys[i].name;
	complain_choice(reader, "key", name, names);
}

static void complain_empty(struct reader *reader, const char *name)
{
	if (strcmp(name, "match") == 0)
		reader->claim_failed = true;
	complain(reader, "key '%s' has no value", name);
}

static void read_key(struct reader *reader, char *line)
{
	const struct key *keys = reader->section == SECTION_HOST ? host_keys : claim_keys;
	char *equals = strchr(line, '=');

	if (reader->section == SECTION_UNKNOWN)
		return; /* its header has been reported */
	if (equals == NULL) {
		reader->claim_failed = true;
		complain(reader, "'%.64s' is neither a section nor KEY = VALUE", line);
		return;
	}
	*equals = '\0';
	const char *name = trim(line);
	char *value = trim(equals + 1);

	if (reader->section == SECTION_NONE) {
		complain(reader,
			 "key '%.64s' stands before any section; write [host] or [claim "
			 "NAME] above it",
			 name);
		return;
	}
	for (unsigned i = 0; keys[i].name != NULL; i++) {
		if (strcmp(keys[i].name, name) != 0)
			continue;
		if (!keys[i].repeats && (reader->seen & 1U << i) != 0)
			complain(reader, "key '%s' stands in %s twice", name,
				 reader->section == SECTION_HOST ? "this file's [host]"
								 : "this section");
		else if (*value == '\0')
			complain_empty(reader, name);
		else
			keys[i].set(reader, &keys[i], value);
		reader->seen |= 1U << i;
		return;
	}
	reader->claim_failed = true;
	complain_key(reader, name, keys);
}

/* A comment is a # or ; that begins the line or follows a blank. */
static void cut_comment(char *line)
{
	for (char *c = line; *c != '\0'; c++)
		if ((*c == '#' || *c == ';') && (c == line || c[-1] == ' ' || c[-1] == '\t')) {
			*c = '\0';
			return;
		}
}

static void read_line(struct reader *reader, const char *start, size_t length)
{
	char buffer[CONFIG_LINE_MOST + 1];

	if (length > CONFIG_LINE_MOST) {
		reader->claim_failed = true;
		complain(reader, "the line has %zu bytes, at most %d are read", length,
			 CONFIG_LINE_MOST);
		return;
	}
	if (memchr(start, '\0', length) != NULL) {
		reader->claim_failed = true;
		complain(reader, "the line has a zero byte; is this a text file?");
		return;
	}
	memcpy(buffer, start, length);
	buffer[length] = '\0';
	cut_comment(buffer);
	char *line = trim(buffer);
	if (*line == '[')
		read_section(reader, line);
	else if (*line != '\0')
		read_key(reader, line);
}

/* A claim without a match is found at its end and reported at its beginning. */
static void sort_by_line(struct diagnostic *items, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct diagnostic item = items[i];
		size_t place = i;

		for (; place > 0 && items[place - 1].line > item.line; place--)
			items[place] = items[place - 1];
		items[place] = item;
	}
}

/* The mark that editors of other systems put before UTF-8 text. */
static size_t mark_length(const char *data, size_t length)
{
	static const char mark[] = { '\xef', '\xbb', '\xbf' };

	return length >= sizeof(mark) && memcmp(data, mark, sizeof(mark)) == 0 ? sizeof(mark)
									       : 0;
}

int config_parse(struct config *config, const char *file, const char *data, size_t length,
		 struct diagnostics *diagnostics)
{
	struct reader reader = { .config = config, .diagnostics = diagnostics, .file = file };
	const char *end = data + length;
	size_t first = diagnostics->count;

	data += mark_length(data, length);
	while (data < end && reader.error == 0) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));
		const char *stop = newline ? newline : end;

		reader.line++;
		read_line(&reader, data, (size_t)(stop - data));
		data = newline ? newline + 1 : end;
	}
	if (reader.error == 0)
		close_section(&reader);
	if (diagnostics->count > first)
		sort_by_line(diagnostics->items + first, diagnostics->count - first);
	for (size_t i = 0; i < reader.name_count; i++)
		free(reader.names[i]);
	free(reader.names);
	return reader.error;
}

void config_free(struct config *config)
{
	claims_free(&config->claims);
	free(config->host.modules);
	*config = (struct config){ 0 };
}

void diagnostics_free(struct diagnostics *diagnostics)
{
	for (size_t i = 0; i < diagnostics->count; i++) {
		free(diagnostics->items[i].file);
		free(diagnostics->items[i].message);
	}
	free(diagnostics->items);
	*diagnostics = (struct diagnostics){ 0 };
}
