// SPDX-License-Identifier: GPL-2.0-or-later
/* What works against the claims, or does not do what it seems to. */
#include "leftovers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* module_param_string() of a char[1024] (drivers/vfio/pci/vfio_pci.c). */
enum { IDS_MOST = 1023 };

struct finder {
	enum leftover_file kind;
	const char *file;
	unsigned line;
	bool has_virqfd;
	const struct claims *claims;
	bool generated; /* this line is EDPM's, which `export edpm` may have been the source of */
	unsigned ids_seen; /* vfio-pci.ids= in this file */
	size_t before;     /* warnings of other files */
	struct diagnostics *warnings;
};

/* True when `word` begins with the key and '=', - and _ alike; then *ret_value is behind it. */
static bool has_key(const char *word, const char *key, const char **ret_value)
{
	for (; *key != '\0'; key++, word++)
		if (*word != *key && !(*word == '_' && *key == '-'))
			return false;
	if (*word != '=')
		return false;
	*ret_value = word + 1;
	return true;
}

static bool same_module(const char *a, const char *b)
{
	for (; *a != '\0' && *b != '\0'; a++, b++)
		if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
			return false;
	return *a == *b;
}

static int check_ids_length(struct finder *finder, const char *value)
{
	if (strlen(value) <= IDS_MOST)
		return 0;
	return diagnostics_add(
		finder->warnings, finder->file, finder->line,
		"the list of IDs has %zu bytes, the kernel takes %d: vfio_pci will "
		"not load; let claims name the devices",
		strlen(value), IDS_MOST);
}

/* False where that cannot be told: a claim by address has the IDs of what is there. */
static bool is_unclaimed(const struct claims *claims, const char *entry)
{
	struct pci_ids ids;

	if (pci_ids_parse(entry, &ids) < 0)
		return false;
	for (size_t i = 0; i < claims->count; i++)
		for (size_t k = 0; k < claims->items[i].match_count; k++) {
			const struct selector *match = &claims->items[i].matches[k];

			if (!(match->words & SELECT_IDS) || pci_ids_match(&match->ids, &ids))
				return false;
		}
	return true;
}

/* The arguments of a node set are the configuration's own where `export edpm` wrote them. */
static int check_generated_ids(struct finder *finder, const char *value)
{
	AUTO_FREE char *copy = strdup(value);
	char *rest = copy;
	int r = copy == NULL ? -ENOMEM : 0;

	while (r == 0 && rest != NULL) {
		const char *entry = strsep(&rest, ",");

		if (is_unclaimed(finder->claims, entry))
			return diagnostics_add(
				finder->warnings, finder->file, finder->line,
				"vfio-pci.ids= gives %s to VFIO, which no claim names; mend "
				"edpm_kernel_args of the node set, see: vfio-claim export edpm",
				entry);
	}
	return r;
}

static int check_ids(struct finder *finder, const char *value)
{
	int r = check_ids_length(finder, value);

	finder->ids_seen++;
	if (r < 0)
		return r;
	if (finder->generated)
		return check_generated_ids(finder, value);
	if (finder->kind != LEFTOVER_BOOTED)
		return diagnostics_add(
			finder->warnings, finder->file, finder->line,
			"vfio-pci.ids= beside the configuration: of several the kernel takes "
			"the "
			"last alone; let claims name these devices and remove it");
	if (finder->ids_seen == 2)
		return diagnostics_add(finder->warnings, finder->file, finder->line,
				       "vfio-pci.ids= stands there more than once: the last "
				       "counts alone");
	return 0;
}

/* libkmod 30 and 34 compare these names as they are written (libkmod-config.c). */
static int check_blacklist(struct finder *finder, const char *value)
{
	char fixed[64];
	size_t length;

	for (; *value != '\0'; value += length + (value[length] == ',')) {
		length = strcspn(value, ",");
		if (memchr(value, '-', length) == NULL || length >= sizeof(fixed))
			continue;
		memcpy(fixed, value, length);
		fixed[length] = '\0';
		for (char *c = fixed; *c != '\0'; c++)
			if (*c == '-')
				*c = '_';
		int r = diagnostics_add(
			finder->warnings, finder->file, finder->line,
			"modprobe.blacklist= takes underscores only: '%.*s' has no "
			"effect, write %s",
			(int)length, value, fixed);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Keys that are long enough for a near miss to be no other argument of the kernel's. */
static const char *const known_keys[] = {
	"rd.driver.pre",      "rd.driver.post",     "rd.driver.blacklist", "rd.vfio-claim",
	"modprobe.blacklist", "module-blacklist",   "vfio-pci.ids",        "intel-iommu",
	"iommu.passthrough",  "initcall-blacklist", "kvm.ignore-msrs",
};

static int check_spelling(struct finder *finder, const char *word)
{
	char key[64];
	size_t length = strcspn(word, "=");

	if (length < 8 || length >= sizeof(key))
		return 0;
	for (size_t i = 0; i < length; i++)
		key[i] = (char)(word[i] == '_' ? '-' : word[i]);
	key[length] = '\0';
	for (size_t i = 0; i < sizeof(known_keys) / sizeof(known_keys[0]); i++)
		if (strcmp(key, known_keys[i]) == 0)
			return 0;
	for (size_t i = 0; i < sizeof(known_keys) / sizeof(known_keys[0]); i++) {
		size_t distance = edit_distance(key, known_keys[i]);

		if (distance <= (length < 12 ? 1U : 2U))
			return diagnostics_add(finder->warnings, finder->file, finder->line,
					       "the kernel knows no '%.*s'; is %s meant?",
					       (int)length, word, known_keys[i]);
	}
	return 0;
}

static int check_argument(struct finder *finder, const char *word)
{
	const char *value;

	if (has_key(word, "vfio-pci.ids", &value))
		return check_ids(finder, value);
	if (has_key(word, "pci-stub.ids", &value))
		return diagnostics_add(finder->warnings, finder->file, finder->line,
				       "pci-stub.ids= of an older guide: pci-stub would keep "
				       "the devices from VFIO; remove it, claims do its work");
	if (has_key(word, "rdblacklist", &value))
		return diagnostics_add(
			finder->warnings, finder->file, finder->line,
			"rdblacklist= is an old name, which dracut of today does not read; "
			"write rd.driver.blacklist=");
	if (has_key(word, "modprobe.blacklist", &value))
		return check_blacklist(finder, value);
	if (has_key(word, "amd-iommu", &value)) {
		if (strcmp(value, "on") != 0)
			return 0;
		return diagnostics_add(
			finder->warnings, finder->file, finder->line,
			"amd_iommu=on is no option of the kernel, which says "
			"'Unknown option': AMD's IOMMU is on by itself; remove it");
	}
	return check_spelling(finder, word);
}

static int check_module(struct finder *finder, const char *module, const char *options)
{
	bool ids = strstr(options, "ids=") != NULL;

	if (same_module(module, "pci_stub"))
		return diagnostics_add(finder->warnings, finder->file, finder->line,
				       "pci_stub of an older guide: it would keep the devices "
				       "from VFIO; remove it, claims do its work");
	if (same_module(module, "vfio_virqfd") && !finder->has_virqfd)
		return diagnostics_add(
			finder->warnings, finder->file, finder->line,
			"no kernel here has the module vfio_virqfd (part of vfio "
			"since 6.2); remove it");
	if (same_module(module, "vfio_pci") && ids) {
		int r = check_ids_length(finder, strstr(options, "ids=") + 4);

		return r < 0 ? r
			     : diagnostics_add(finder->warnings, finder->file, finder->line,
					       "ids= of vfio-pci beside the configuration: "
					       "vfio-pci.ids= "
					       "on the kernel command line would replace it; "
					       "let claims "
					       "name these devices and remove it");
	}
	return 0;
}

static char *next_word(char **rest)
{
	char *word;

	do
		word = strsep(rest, " \t\r");
	while (word != NULL && *word == '\0');
	return word;
}

static int check_modprobe_line(struct finder *finder, char *line)
{
	char *rest = line;
	const char *verb = next_word(&rest);
	const char *module = next_word(&rest);

	if (verb == NULL || module == NULL)
		return 0;
	if (strcmp(verb, "options") == 0)
		return check_module(finder, module, rest ? rest : "");
	if (strcmp(verb, "install") == 0 && same_module(module, "vfio_pci"))
		return diagnostics_add(finder->warnings, finder->file, finder->line,
				       "an install command for vfio-pci is not run by the boot "
				       "helper; claims do the work of such scripts, remove it");
	return 0;
}

static int check_modules_line(struct finder *finder, char *line)
{
	char *rest = line;
	const char *module = next_word(&rest);

	return module == NULL ? 0 : check_module(finder, module, rest ? rest : "");
}

/*
 * Quotes of a shell assignment end words as blanks do; so does the = of GRUB_CMDLINE_LINUX=.
 * EDPM keeps edpm_kernel_args in a variable that it adds to that one: GRUB_EDPM_KERNEL_ARGS
 * (edpm-ansible, roles/edpm_kernel/tasks/kernelargs.yml).
 */
static int check_arguments_line(struct finder *finder, char *line)
{
	char *rest = line;
	int r = 0;

	if (finder->kind == LEFTOVER_SHELL) {
		bool cmdline = strstr(line, "CMDLINE") != NULL;
		const char *name = strsep(&rest, "=");

		finder->generated = strstr(name, "KERNEL_ARGS") != NULL;
		if (!finder->generated && !cmdline)
			return 0;
	}
	while (r == 0 && rest != NULL) {
		const char *word = strsep(&rest, " \t\r\"'[]");

		if (*word != '\0')
			r = check_argument(finder, word);
	}
	return r;
}

/* driverctl(8) sets the override when udev has found the device, over what is there already. */
static int check_driverctl_line(struct finder *finder, char *line)
{
	const char *address = strstr(finder->file, "/pci-");
	char *rest = line;
	const char *driver = next_word(&rest);

	if (address == NULL || driver == NULL)
		return 0;
	address += strlen("/pci-");
	return diagnostics_add(finder->warnings, finder->file, finder->line,
			       "driverctl gives %s to %s when udev runs, whatever the claims "
			       "say; take it back with: driverctl unset-override %s",
			       address, driver, address);
}

/* One warning a file: what is done there is one thing, in however many lines. */
static int check_script_line(struct finder *finder, const char *line)
{
	static const char *const signs[] = { "driver_override", "drivers/vfio-pci/",
					     "vfio-pci-bind", "vfio-bind" };

	for (size_t i = 0;
	     finder->warnings->count == finder->before && i < sizeof(signs) / sizeof(signs[0]);
	     i++)
		if (strstr(line, signs[i]) != NULL)
			return diagnostics_add(finder->warnings, finder->file, finder->line,
					       "it binds devices by hand (%s): claims do that, "
					       "earlier and with "
					       "a record; remove it",
					       signs[i]);
	return 0;
}

static int check_line(struct finder *finder, char *line)
{
	line += strspn(line, " \t");
	if (*line == '#' || *line == '\0')
		return 0;
	if (finder->kind == LEFTOVER_MODPROBE)
		return check_modprobe_line(finder, line);
	if (finder->kind == LEFTOVER_MODULES)
		return check_modules_line(finder, line);
	if (finder->kind == LEFTOVER_DRIVERCTL)
		return check_driverctl_line(finder, line);
	if (finder->kind == LEFTOVER_SCRIPT)
		return check_script_line(finder, line);
	return check_arguments_line(finder, line);
}

int leftovers_find(enum leftover_file kind, const char *file, const char *text, bool has_virqfd,
		   const struct claims *claims, struct diagnostics *warnings)
{
	struct finder finder = { .kind = kind,
				 .file = file,
				 .has_virqfd = has_virqfd,
				 .claims = claims,
				 .before = warnings->count,
				 .warnings = warnings };
	AUTO_FREE char *copy = strdup(text);
	char *rest = copy;
	int r = 0;

	if (copy == NULL)
		return -ENOMEM;
	while (r == 0 && rest != NULL) {
		char *line = strsep(&rest, "\n");

		finder.line++;
		r = check_line(&finder, line);
	}
	return r;
}
