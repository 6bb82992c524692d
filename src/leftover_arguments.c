// SPDX-License-Identifier: GPL-2.0-or-later
/* Kernel arguments and modules that work against the claims, or do not do what they seem to. */
#include <errno.h>
#include <string.h>

#include "leftover_parts.h"
#include "text.h"

/* module_param_string() of a char[1024] (drivers/vfio/pci/vfio_pci.c). */
enum { IDS_MOST = 1023 };

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

bool leftover_same_module(const char *a, const char *b)
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

		if (is_unclaimed(&finder->view->config->claims, entry))
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

/* Of a file that apply writes words into, beside those of others. */
static bool is_ours(const struct finder *finder, const char *word)
{
	return (finder->kind == LEFTOVER_LINE || finder->kind == LEFTOVER_ENTRY) &&
	       finder->view->ours != NULL && kargs_has(finder->view->ours, word);
}

int leftover_argument(struct finder *finder, const char *word)
{
	const char *value;

	if (is_ours(finder, word))
		return 0;
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

int leftover_module(struct finder *finder, const char *module, const char *ids)
{
	if (leftover_same_module(module, "pci_stub"))
		return diagnostics_add(finder->warnings, finder->file, finder->line,
				       "pci_stub of an older guide: it would keep the devices "
				       "from VFIO; remove it, claims do its work");
	if (leftover_same_module(module, "vfio_virqfd") && !finder->view->has_virqfd)
		return diagnostics_add(finder->warnings, finder->file, finder->line,
				       "no kernel here has the module vfio_virqfd (part of "
				       "vfio since 6.2)%s; remove it",
				       finder->kind == LEFTOVER_DRACUT
					       ? ", and dracut leaves out what stands behind it"
					       : "");
	if (leftover_same_module(module, "vfio_pci") && *ids != '\0') {
		int r = check_ids_length(finder, ids);

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
