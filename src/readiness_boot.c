// SPDX-License-Identifier: GPL-2.0-or-later
/* Readiness as far as this boot and the next one go: IOMMU, arguments, helper, images. */
#include <errno.h>
#include <string.h>

#include "arguments.h"
#include "findings.h"
#include "loader_text.h"
#include "text.h"

/* --- What the next boot would bring ------------------------------------------------------ */

static const struct kernel_facts *running_kernel(const struct facts *facts)
{
	for (size_t i = 0; i < facts->kernel_count; i++)
		if (facts->kernels[i].running)
			return &facts->kernels[i];
	return NULL;
}

static bool is_after_boot(const struct facts *facts, long long when)
{
	return facts->boot_time > 0 && when > facts->boot_time;
}

/* When the running kernel's image was made in this boot, or `apply` was run in it; 0: neither. */
static long long image_since(const struct facts *facts)
{
	const struct kernel_facts *kernel = running_kernel(facts);

	if (kernel != NULL && is_after_boot(facts, kernel->image_time))
		return kernel->image_time;
	return is_after_boot(facts, facts->applied_time) ? facts->applied_time : 0;
}

long long prepared_since(const struct facts *facts)
{
	long long since = image_since(facts);

	if (since > 0)
		return since;
	return is_after_boot(facts, facts->entries_time) ? facts->entries_time : 0;
}

/*
 * False when all was there before this boot, which went without it: then the machine boots from
 * something else, and so it will the next time. By the files' times, since entries and images
 * are also made by others than `apply`.
 */
static bool may_await_reboot(const struct facts *facts)
{
	return facts->boot_time == 0 || prepared_since(facts) > 0;
}

static bool image_is_current(const struct facts *facts)
{
	const struct kernel_facts *kernel = running_kernel(facts);

	return kernel != NULL && kernel->current == ANSWER_YES;
}

/*
 * True when the running kernel, booted again, would have the present claims. An image that
 * cannot be read is believed when it was written in this boot.
 */
static bool image_awaits_reboot(const struct facts *facts)
{
	const struct kernel_facts *kernel = running_kernel(facts);

	if (image_is_current(facts))
		return may_await_reboot(facts);
	return (kernel == NULL || kernel->current == ANSWER_UNKNOWN) &&
	       prepared_since(facts) > 0;
}

/*
 * True when the boot entries have every argument of one kind. The needed ones say nothing of the
 * spare ones: a configuration that is edited and not yet applied often differs in these alone.
 */
static bool entries_have(const struct facts *facts, bool spare)
{
	return (spare ? facts->entries_complete : facts->entries_current) == ANSWER_YES;
}

/* True when the boot entries have every needed argument, and this boot could not have them yet. */
static bool entries_await_reboot(const struct facts *facts)
{
	return entries_have(facts, false) && may_await_reboot(facts);
}

/* The fix of what this boot's image is the cause of; @cured: of one that the next boot mends. */
static void fix_image(struct draft *draft, struct finding *finding, const char *cured)
{
	if (image_awaits_reboot(draft->facts))
		finding_fix(draft, finding, "%s", cured);
	else if (image_is_current(draft->facts))
		finding_fix(draft, finding,
			    "this boot did not use the initramfs that is here: " FIX_SOURCE);
	else
		finding_fix(draft, finding, FIX_APPLY);
}

/* --- Arguments --------------------------------------------------------------------------- */

static bool has_key(const char *word, const char *key)
{
	return kargs_value_of(word, key) != NULL;
}

bool argument_is_spare(const struct config *config, enum answer has_groups, const char *word)
{
	if (has_key(word, "rd.driver.pre") || has_key(word, "vfio-pci.ids"))
		return true;
	if (has_key(word, "modprobe.blacklist") || has_key(word, "rd.driver.blacklist"))
		return config->host.blacklist == BLACKLIST_AUTO;
	/* Pass-through of the host's own devices is about their speed. */
	if (kargs_same(word, "iommu=pt") || kargs_same(word, "iommu.passthrough=1"))
		return true;
	/* Some kernels have the IOMMU on by default. */
	return has_groups == ANSWER_YES && kargs_same(word, "intel_iommu=on");
}

/*
 * The last KEY=VALUE of the line with the key of `word` and another value, or NULL. Of what may
 * be given several times none stands in another's place.
 */
static const char *other_value(const struct kargs *line, const char *word)
{
	static const char *const repeated[] = { "modprobe.blacklist", "rd.driver.blacklist",
						"rd.driver.pre",      "hugepagesz",
						"hugepages",          "console" };

	for (size_t i = 0; i < sizeof(repeated) / sizeof(repeated[0]); i++)
		if (has_key(word, repeated[i]))
			return NULL;
	if (strchr(word, '=') == NULL)
		return NULL;
	for (size_t i = line->count; i > 0; i--)
		if (words_same_key(line->items[i - 1], word))
			return line->items[i - 1];
	return NULL;
}

/* The level of a needed argument that this boot lacks. */
static enum finding_level argument_level(const struct facts *facts)
{
	return entries_await_reboot(facts) ? LEVEL_REBOOT : LEVEL_ERROR;
}

static void fix_arguments(struct draft *draft, struct finding *finding, bool spare)
{
	bool there = entries_have(draft->facts, spare);

	if (there && may_await_reboot(draft->facts))
		finding_fix(draft, finding, "reboot: the boot entries have it");
	else if (there)
		finding_fix(
			draft, finding,
			"this boot did not use the boot entries that are here: " FIX_SOURCE);
	else if (draft->facts->by_hand)
		finding_fix(draft, finding,
			    "give it to the boot loader by hand ('vfio-claim apply' knows none "
			    "here), then reboot");
	else
		finding_fix(draft, finding, FIX_APPLY);
}

/* One finding for all the missing words that are needed, one for those that are not. */
static void find_missing(struct draft *draft, const struct kargs *missing, bool spare)
{
	const struct facts *facts = draft->facts;
	struct text words = { 0 };
	AUTO_FREE char *joined = NULL;

	for (size_t i = 0; i < missing->count; i++)
		if (argument_is_spare(facts->config, facts->has_groups, missing->items[i]) ==
			    spare &&
		    other_value(&facts->line, missing->items[i]) == NULL)
			text_add(&words, " %s", missing->items[i]);
	if (text_take(&words, &joined) < 0) {
		draft->error = -ENOMEM;
		return;
	}
	if (*joined == '\0')
		return;
	struct finding *finding = finding_add(draft, FINDING_ARGUMENTS_MISSING,
					      spare ? LEVEL_WARNING : argument_level(facts));
	finding_say(draft, finding, "the kernel command line lacks%s%s", joined,
		    spare ? " (the claims hold without it)" : "");
	fix_arguments(draft, finding, spare);
}

static void find_different(struct draft *draft, const struct kargs *missing)
{
	const struct facts *facts = draft->facts;

	for (size_t i = 0; i < missing->count; i++) {
		const char *word = missing->items[i];
		const char *other = other_value(&facts->line, word);

		if (other == NULL)
			continue;
		bool spare = argument_is_spare(facts->config, facts->has_groups, word);
		struct finding *finding =
			finding_add(draft, FINDING_ARGUMENTS_DIFFER,
				    spare ? LEVEL_WARNING : argument_level(facts));
		finding_say(
			draft, finding,
			"the kernel command line has %s where the configuration asks for %s%s",
			other, word, spare ? " (the claims hold without it)" : "");
		if (entries_have(facts, spare))
			fix_arguments(draft, finding, spare);
		else
			finding_fix(
				draft, finding,
				"take %s out of the boot loader's settings if it is not ours, "
				"%s, reboot",
				other,
				facts->by_hand ? "give what is asked for by hand"
					       : "run 'vfio-claim apply'");
	}
}

void assess_arguments(struct draft *draft)
{
	const struct facts *facts = draft->facts;
	struct kargs missing;
	int r = words_missing(&facts->line, &facts->arguments, &missing);

	if (r < 0) {
		draft->error = r;
		return;
	}
	find_missing(draft, &missing, false);
	find_missing(draft, &missing, true);
	find_different(draft, &missing);
	kargs_free(&missing);
	for (size_t i = 0; i < facts->unknown_arguments.count; i++) {
		struct finding *finding =
			finding_add(draft, FINDING_ARGUMENT_UNKNOWN, LEVEL_WARNING);

		finding_say(draft, finding, "%s", facts->unknown_arguments.items[i]);
		finding_fix(draft, finding,
			    "mend it where it was given: vfio-claim.cmdline(7)");
	}
}

/* --- The IOMMU --------------------------------------------------------------------------- */

static bool lacks(const struct facts *facts, const char *word)
{
	return kargs_has(&facts->arguments, word) && !kargs_has(&facts->line, word);
}

/* @without: VFIO has devices all the same */
static void find_iommu_off(struct draft *draft, bool without)
{
	const struct facts *facts = draft->facts;
	const char *off = iommu_off_word(&facts->line, facts->cpu);
	bool lacking = off == NULL && lacks(facts, "intel_iommu=on");
	bool cured =
		lacking && facts->firmware_iommu != ANSWER_NO && entries_await_reboot(facts);
	struct finding *finding =
		finding_add(draft, FINDING_IOMMU_OFF, cured ? LEVEL_REBOOT : LEVEL_ERROR);

	finding_say(draft, finding,
		    "the IOMMU is off: there are no IOMMU groups, and VFIO needs them%s%s%s",
		    off ? "; the kernel command line has " : "", off ? off : "",
		    without ? "; in VFIO's no-IOMMU mode no virtual machine can have a device"
			    : "");
	if (facts->firmware_iommu == ANSWER_NO)
		finding_fix(draft, finding,
			    "switch VT-d (Intel) or AMD-Vi (AMD) on in the firmware's setup: "
			    "it tells "
			    "the kernel of no IOMMU");
	else if (off != NULL)
		finding_fix(draft, finding,
			    "take %s out of the boot loader's settings and reboot", off);
	else if (cured)
		finding_fix(draft, finding, "reboot: the boot entries have intel_iommu=on");
	else if (lacking && (entries_have(facts, false) || facts->by_hand))
		fix_arguments(draft, finding, false);
	else if (lacking)
		finding_fix(draft, finding, FIX_APPLY ": that gives the kernel intel_iommu=on");
	else if (facts->config->host.iommu == IOMMU_OFF)
		finding_fix(draft, finding,
			    "the configuration has iommu = off: change it, " FIX_APPLY);
	else
		finding_fix(draft, finding,
			    "switch VT-d or AMD-Vi on in the firmware's setup, and look for "
			    "DMAR or "
			    "AMD-Vi in the kernel's log");
}

/*
 * Without interrupt remapping vfio_iommu_type1 attaches no group (-EPERM) unless its
 * allow_unsafe_interrupts is set (drivers/vfio/vfio_iommu_type1.c).
 */
bool interrupts_are_unsafe(const struct facts *facts)
{
	return facts->has_groups != ANSWER_NO && facts->remaps_interrupts == ANSWER_NO &&
	       !facts->unsafe_interrupts;
}

static void find_no_remapping(struct draft *draft)
{
	static const char word[] = "vfio_iommu_type1.allow_unsafe_interrupts=1";
	const struct facts *facts = draft->facts;
	bool cured = lacks(facts, word) && entries_await_reboot(facts);
	struct finding *finding = finding_add(draft, FINDING_NO_INTERRUPT_REMAPPING,
					      cured ? LEVEL_REBOOT : LEVEL_ERROR);

	finding_say(
		draft, finding,
		"the IOMMU does not remap interrupts: no virtual machine may have a device");
	if (cured)
		finding_fix(draft, finding, "reboot: the boot entries have %s", word);
	else if (lacks(facts, word))
		fix_arguments(draft, finding, false);
	else
		finding_fix(draft, finding,
			    "turn interrupt remapping (x2APIC) on in the firmware's setup; or "
			    "unsafe_interrupts = yes, where guests are trusted");
}

static bool takes_something(const struct plan *plan)
{
	for (size_t i = 0; i < plan->decision_count; i++)
		if (plan->decisions[i].verdict == VERDICT_TAKE)
			return true;
	return false;
}

void assess_iommu(struct draft *draft)
{
	const struct plan *plan = draft->facts->plan;
	bool off = false;
	bool without = false;

	if (interrupts_are_unsafe(draft->facts) && takes_something(plan))
		find_no_remapping(draft);
	if (draft->facts->has_groups != ANSWER_NO)
		return;
	for (size_t i = 0; i < plan->decision_count; i++) {
		if (plan->decisions[i].verdict != VERDICT_TAKE ||
		    plan->decisions[i].device == NULL ||
		    plan->decisions[i].device->iommu_group >= 0 ||
		    is_meant_without(draft->facts, i))
			continue;
		off = true;
		without = without || is_without_iommu(draft->facts, i);
	}
	if (off)
		find_iommu_off(draft, without);
}

/* --- This boot --------------------------------------------------------------------------- */

bool config_is_newer(const struct facts *facts)
{
	/* The table was looked at only where the helper ran and was not switched off. */
	return strcmp(facts->boot->table_status, "ok") == 0 &&
	       strcmp(facts->boot->table_checksum, facts->checksum) != 0;
}

static void find_absent(struct draft *draft, bool all_ready)
{
	const struct facts *facts = draft->facts;
	const struct kernel_facts *kernel = running_kernel(facts);
	bool late = prepared_since(facts) > 0 && image_awaits_reboot(facts);
	const char *since = image_since(facts) > 0 ? ": its initramfs was made since"
						   : ": the boot entries were written since";
	struct finding *finding = finding_add(draft, FINDING_HELPER_ABSENT,
					      all_ready ? LEVEL_WARNING
					      : late    ? LEVEL_REBOOT
							: LEVEL_ERROR);

	finding_say(draft, finding, "the boot helper left no record of this boot%s",
		    late ? since : "");
	if (late)
		finding_fix(draft, finding, "reboot");
	else if (kernel != NULL && kernel->current == ANSWER_YES)
		finding_fix(draft, finding,
			    "boot the entry of kernel %s with its own initramfs; the one in "
			    "/boot has "
			    "the helper",
			    kernel->release);
	else
		finding_fix(draft, finding, FIX_APPLY);
}

/*
 * Others than the boot helper read these words of `apply`, and they bind vfio-pci or keep native
 * drivers away without it: vfio-pci.ids= and rd.driver.pre=vfio-pci, and all the blacklists. By
 * the same rule people take them away in the boot menu: vfio-claim.cmdline(7).
 */
static bool is_heeded_by_others(const char *word)
{
	return strstr(word, "vfio-pci") != NULL || strstr(word, "vfio_pci") != NULL ||
	       strstr(word, "blacklist") != NULL;
}

/* Those of this boot's line, a blank before each. Owned by the caller; NULL without memory. */
static char *words_in_force(const struct kargs *line)
{
	struct text words = { 0 };
	char *joined = NULL;

	for (size_t i = 0; i < line->count && strcmp(line->items[i], "--") != 0; i++)
		if (is_heeded_by_others(line->items[i]))
			text_add(&words, " %s", line->items[i]);
	return text_take(&words, &joined) < 0 ? NULL : joined;
}

static void find_off(struct draft *draft, bool all_ready)
{
	const char *word = draft->facts->disabled_by;
	AUTO_FREE char *others = words_in_force(&draft->facts->line);
	struct finding *finding =
		finding_add(draft, FINDING_HELPER_OFF, all_ready ? LEVEL_WARNING : LEVEL_ERROR);

	if (others == NULL) {
		draft->error = -ENOMEM;
		return;
	}
	finding_say(draft, finding, "vfio-claim is switched off for this boot%s%s%s%s%s",
		    word ? " by " : "", word ? word : "",
		    word ? " on the kernel command line" : "",
		    *others ? "; native drivers are kept away all the same, by" : "", others);
	finding_fix(draft, finding,
		    "reboot with the normal entry; if that has %s too, take it out%s",
		    word ? word : "rd.vfio-claim=0",
		    *others ? "; for a boot with native drivers take the other words out in "
			      "the boot menu"
			    : "");
}

static void find_bad_table(struct draft *draft)
{
	const struct boot_record *boot = draft->facts->boot;
	bool cured = image_awaits_reboot(draft->facts);
	struct finding *finding =
		finding_add(draft, FINDING_TABLE_BAD, cured ? LEVEL_REBOOT : LEVEL_ERROR);

	finding_say(draft, finding,
		    "the claims table of this boot's initramfs was not usable: %s",
		    *boot->table_reason != '\0' ? boot->table_reason : boot->table_status);
	fix_image(draft, finding, "reboot: the initramfs has a good one now");
}

static void find_newer_config(struct draft *draft)
{
	bool cured = image_awaits_reboot(draft->facts);
	struct finding *finding =
		finding_add(draft, FINDING_CONFIG_NEWER, cured ? LEVEL_REBOOT : LEVEL_ERROR);

	finding_say(draft, finding, "this boot used an older configuration");
	fix_image(draft, finding, "reboot");
}

/* A native driver that was to be kept away; one that has a device is that device's finding. */
static void assess_modules(struct draft *draft)
{
	const struct kargs *modules = &draft->facts->unbound;

	for (size_t i = 0; i < modules->count; i++) {
		struct finding *finding =
			finding_add(draft, FINDING_MODULE_LOADED, LEVEL_WARNING);

		finding_say(
			draft, finding,
			"the module %s is loaded though it is blacklisted; it has no claimed "
			"device",
			modules->items[i]);
		finding_fix(
			draft, finding,
			"find who loads it by name (/etc/modules, modules-load.d, a service); "
			"'modprobe -r %s' for now",
			modules->items[i]);
	}
}

void assess_boot(struct draft *draft)
{
	const struct boot_record *boot = draft->facts->boot;
	bool all_ready = draft->out.ready == draft->out.wanted;

	if (!boot->found)
		find_absent(draft, all_ready);
	else if (!boot->enabled)
		find_off(draft, all_ready);
	else if (strcmp(boot->table_status, "ok") != 0)
		find_bad_table(draft);
	else if (config_is_newer(draft->facts))
		find_newer_config(draft);
	assess_modules(draft);
}

/* --- The next boot ----------------------------------------------------------------------- */

static void assess_image(struct draft *draft, const struct kernel_facts *kernel)
{
	for (size_t i = 0; kernel->current == ANSWER_NO && i < kernel->problems.count; i++) {
		struct finding *finding =
			finding_add(draft, FINDING_INITRAMFS_STALE,
				    kernel->running ? LEVEL_ERROR : LEVEL_WARNING);

		finding_say(draft, finding, "%s%s%s", kernel->problems.items[i],
			    kernel->running ? "" : "; not ready after a reboot into kernel ",
			    kernel->running ? "" : kernel->release);
		if (finding != NULL)
			finding->kernel = kernel->release;
		if (draft->facts->fixed)
			finding_fix(draft, finding,
				    "run 'rpm-ostree initramfs --enable', or rebuild the image "
				    "that this system was booted from; then reboot");
		else
			finding_fix(draft, finding, "run 'vfio-claim apply'");
	}
}

/* An entry that names an installed kernel other than the running one is of no use now. */
static const char *other_kernel(const struct facts *facts, const char *sentence)
{
	const struct kernel_facts *running = running_kernel(facts);

	if (running == NULL || strstr(sentence, running->release) != NULL)
		return NULL;
	for (size_t i = 0; i < facts->kernel_count; i++)
		if (strstr(sentence, facts->kernels[i].release) != NULL)
			return facts->kernels[i].release;
	return NULL;
}

static void assess_entries(struct draft *draft, const struct sentences *sentences,
			   enum finding_level level)
{
	for (size_t i = 0; i < sentences->count; i++) {
		const char *other = other_kernel(draft->facts, sentences->items[i]);
		struct finding *finding = finding_add(draft, FINDING_BOOT_ENTRY_STALE,
						      other != NULL ? LEVEL_WARNING : level);

		finding_say(draft, finding, "%s", sentences->items[i]);
		if (finding != NULL)
			finding->kernel = other;
		finding_fix(draft, finding, "run 'vfio-claim apply'");
	}
}

static void assess_files(struct draft *draft)
{
	const struct facts *facts = draft->facts;
	AUTO_FREE char *paths = NULL;
	struct finding *finding;

	if (facts->applied == ANSWER_NO) {
		finding = finding_add(draft, FINDING_NOT_APPLIED,
				      facts->reverted ? LEVEL_ERROR : LEVEL_WARNING);
		finding_say(draft, finding,
			    facts->reverted
				    ? "the configuration was taken back by 'vfio-claim revert'"
				    : "'vfio-claim apply' was not run here: no boot loader has "
				      "the kernel arguments from it");
		finding_fix(draft, finding, "run 'vfio-claim apply'");
		return;
	}
	if (facts->stale_files.count == 0)
		return;
	if (kargs_join(&facts->stale_files, &paths) < 0) {
		draft->error = -ENOMEM;
		return;
	}
	finding = finding_add(draft, FINDING_FILES_STALE, LEVEL_WARNING);
	finding_say(draft, finding, "files of ours are not as the configuration says: %s",
		    paths);
	finding_fix(draft, finding, "run 'vfio-claim apply'");
}

void assess_next_boot(struct draft *draft)
{
	const struct facts *facts = draft->facts;

	assess_files(draft);
	for (size_t i = 0; i < facts->kernel_count; i++)
		assess_image(draft, &facts->kernels[i]);
	assess_entries(draft, &facts->entry_problems, LEVEL_ERROR);
	assess_entries(draft, &facts->entry_remarks, LEVEL_WARNING);
	for (size_t i = 0; i < facts->unread.count; i++) {
		struct finding *finding = finding_add(draft, FINDING_UNREADABLE, LEVEL_NOTE);

		finding_say(draft, finding, "%s", facts->unread.items[i]);
	}
}
