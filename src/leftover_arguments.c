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

/*
 * libkmod 30 and 34 compare the names of modprobe.blacklist= as they are written
 * (libkmod-config.c), and so does the kernel those of module_blacklist= (blacklisted() of
 * kernel/module/main.c).
 */
static int check_blacklisted(struct finder *finder, const char *key, const char *module)
{
	char fixed[64];
	size_t length = strlen(module);

	if (strchr(module, '-') == NULL || length >= sizeof(fixed))
		return 0;
	for (size_t i = 0; i <= length; i++)
		fixed[i] = (char)(module[i] == '-' ? '_' : module[i]);
	return diagnostics_add(finder->warnings, finder->file, finder->line,
			       "%s= takes underscores only: '%s' has no effect, write %s", key,
			       module, fixed);
}

/* The kernel refuses such a module to whoever loads it. */
static int check_forbidden(struct finder *finder, const char *module)
{
	if (strcmp(module, "vfio") != 0 && strcmp(module, "vfio_pci") != 0 &&
	    strcmp(module, "vfio_pci_core") != 0)
		return 0;
	return diagnostics_add(finder->warnings, finder->file, finder->line,
			       "module_blacklist=%s: the kernel then loads no such module, and "
			       "VFIO takes no device; remove it",
			       module);
}

static int check_blacklist(struct finder *finder, const char *key, const char *value)
{
	AUTO_FREE char *copy = strdup(value);
	char *rest = copy;
	int r = copy == NULL ? -ENOMEM : 0;

	while (r == 0 && rest != NULL) {
		const char *module = strsep(&rest, ",");

		r = check_blacklisted(finder, key, module);
		if (r == 0 && strcmp(key, "module_blacklist") == 0)
			r = check_forbidden(finder, module);
	}
	return r;
}

/* What people write for `on` and `pt`, and the kernel has never known (drivers/iommu). */
static bool is_no_option(const char *option)
{
	static const char *const options[] = { "pt",     "1",       "yes",        "true",
					       "enable", "enabled", "passthrough" };

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(option, options[i]) == 0)
			return true;
	return false;
}

/* intel_iommu_setup() of drivers/iommu/intel/iommu.c */
static int check_intel_option(struct finder *finder, const char *option)
{
	if (!is_no_option(option))
		return 0;
	return diagnostics_add(finder->warnings, finder->file, finder->line,
			       "intel_iommu=%s is no option of the kernel, which says 'Unknown "
			       "option' and leaves "
			       "the IOMMU as it was; intel_iommu=on and iommu=pt are, which "
			       "apply writes; remove "
			       "it",
			       option);
}

/* parse_amd_iommu_options() of drivers/iommu/amd/init.c */
static int check_amd_option(struct finder *finder, const char *option)
{
	if (strcmp(option, "on") != 0 && !is_no_option(option))
		return 0;
	return diagnostics_add(finder->warnings, finder->file, finder->line,
			       "amd_iommu=%s is no option of the kernel, which says 'Unknown "
			       "option': AMD's IOMMU is on by itself%s; remove it",
			       option,
			       strcmp(option, "pt") == 0 ? ", and iommu=pt is meant" : "");
}

/* @maker: of the CPUs that the argument is for; CPU_ANY: all (iommu_setup() of pci-dma.c) */
static int check_iommu_off(struct finder *finder, enum host_cpu maker, const char *word)
{
	const struct host *host = &finder->view->config->host;
	bool other = maker != CPU_ANY && host->cpu != CPU_AUTO && host->cpu != CPU_ANY &&
		     host->cpu != maker;

	if (host->iommu == IOMMU_OFF || other)
		return 0;
	return diagnostics_add(finder->warnings, finder->file, finder->line,
			       "%s is there to switch off the IOMMU, without which VFIO takes "
			       "no device; remove it",
			       word);
}

static int check_iommu(struct finder *finder, enum host_cpu maker, const char *word,
		       const char *value)
{
	AUTO_FREE char *copy = strdup(value);
	char *rest = copy;
	int r = copy == NULL ? -ENOMEM : 0;

	while (r == 0 && rest != NULL) {
		const char *option = strsep(&rest, ",");

		if (strcmp(option, "off") == 0)
			r = check_iommu_off(finder, maker, word);
		else if (maker == CPU_INTEL)
			r = check_intel_option(finder, option);
		else if (maker == CPU_AMD)
			r = check_amd_option(finder, option);
	}
	return r;
}

/* For one boot and in an entry for emergencies it is right. */
static int check_switch(struct finder *finder, const char *value)
{
	if (finder->recovery || finder->kind == LEFTOVER_BOOTED ||
	    finder->kind == LEFTOVER_ENTRY)
		return 0;
	if (strcmp(value, "0") != 0 && strcmp(value, "no") != 0 && strcmp(value, "off") != 0)
		return 0;
	return diagnostics_add(
		finder->warnings, finder->file, finder->line,
		"rd.vfio-claim=%s switches all claims off, at every boot; remove it", value);
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

/*
 * Of a file that apply writes words into, beside those of others. Some versions of grubby cannot
 * be told to leave GRUB_CMDLINE_LINUX in /etc/default/grub alone (8.40-41 and -42).
 */
static bool is_ours(const struct finder *finder, const char *word)
{
	const struct kargs *ours = NULL;

	if (finder->kind == LEFTOVER_LINE || finder->kind == LEFTOVER_ENTRY)
		ours = finder->view->ours;
	if (finder->kind == LEFTOVER_SHELL)
		ours = finder->view->grubby;
	return ours != NULL && kargs_has(ours, word);
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
		return check_blacklist(finder, "modprobe.blacklist", value);
	if (has_key(word, "module-blacklist", &value))
		return check_blacklist(finder, "module_blacklist", value);
	if (has_key(word, "intel-iommu", &value))
		return check_iommu(finder, CPU_INTEL, word, value);
	if (has_key(word, "amd-iommu", &value))
		return check_iommu(finder, CPU_AMD, word, value);
	if (has_key(word, "iommu", &value))
		return check_iommu(finder, CPU_ANY, word, value);
	if (has_key(word, "rd.vfio-claim", &value))
		return check_switch(finder, value);
	if (has_key(word, "ids", &value))
		return diagnostics_add(finder->warnings, finder->file, finder->line,
				       "ids= alone is no argument of the kernel; "
				       "vfio-pci.ids= in one word is, but let claims name "
				       "the devices and remove it");
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
