// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel arguments that a configuration asks for. */
#include "arguments.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "plan.h"
#include "text.h"

#define IDS "vfio-pci.ids"

/* While the arguments are composed. */
struct draft {
	const struct config *config;
	const struct target *target;
	struct kargs words; /* all of them, whatever the base line has */
	struct sentences notes;
};

static int add(struct draft *draft, const char *format, ...) PRINTF_LIKE(2, 3);

static int add(struct draft *draft, const char *format, ...)
{
	AUTO_FREE char *word = NULL;
	va_list args;

	va_start(args, format);
	int length = vasprintf(&word, format, args);
	va_end(args);
	if (length < 0) {
		word = NULL;
		return -ENOMEM;
	}
	return kargs_append(&draft->words, word);
}

/* Without claims only what [host] says beyond its defaults is wanted; see arguments.h. */
static bool wants_iommu(const struct config *config)
{
	return config->claims.count > 0 || config->host.cpu != CPU_AUTO ||
	       config->host.iommu == IOMMU_ON;
}

/*
 * VT-d is off by default in the kernels of RHEL and Fedora. AMD's IOMMU is on by default and
 * amd_iommu=on is an unknown option (drivers/iommu/amd/init.c: parse_amd_iommu_options()).
 * iommu=pt exists on x86 only (arch/x86/kernel/pci-dma.c); arm64 has iommu.passthrough=
 * (drivers/iommu/iommu.c).
 */
static int add_iommu(struct draft *draft)
{
	const struct host *host = &draft->config->host;
	const struct target *target = draft->target;
	int r = 0;

	if (host->iommu == IOMMU_OFF || !wants_iommu(draft->config))
		return 0;
	if (target->architecture == ARCH_OTHER)
		return sentences_add(&draft->notes, "no IOMMU arguments: the target is neither "
						    "known as x86 nor as arm64");
	if (target->architecture == ARCH_ARM64)
		return host->iommu == IOMMU_PT ? add(draft, "iommu.passthrough=1") : 0;
	if (target->cpu == CPU_ARM)
		r = sentences_add(&draft->notes, "cpu = arm does not fit: the target is x86");
	if (r == 0 && (target->cpu == CPU_INTEL || target->cpu == CPU_ANY))
		r = add(draft, "intel_iommu=on");
	return r == 0 && host->iommu == IOMMU_PT ? add(draft, "iommu=pt") : r;
}

/* IDs and nothing else, and of one kind of card. */
static bool is_ids_alone(const struct selector *selector)
{
	return selector->words == SELECT_IDS && selector->ids.vendor != PCI_ANY &&
	       selector->ids.device != PCI_ANY;
}

static bool field_meets(uint32_t a, uint32_t b)
{
	return a == b || a == PCI_ANY || b == PCI_ANY;
}

/* True when one device could hold for the selector and have these IDs. */
static bool could_meet(const struct selector *selector, const struct pci_ids *ids)
{
	return (selector->words & SELECT_IDS) == 0 ||
	       (field_meets(selector->ids.vendor, ids->vendor) &&
		field_meets(selector->ids.device, ids->device) &&
		field_meets(selector->ids.subvendor, ids->subvendor) &&
		field_meets(selector->ids.subdevice, ids->subdevice));
}

static bool any_could_meet(const struct selector *selectors, size_t count,
			   const struct pci_ids *ids)
{
	for (size_t i = 0; i < count; i++)
		if (could_meet(&selectors[i], ids))
			return true;
	return false;
}

/* True when vfio-pci may have the claim's devices as soon as it is loaded. */
static bool takes_at_once(const struct claim *claim)
{
	return claim->when != WHEN_GUARDED && (strcmp(claim->driver, "auto") == 0 ||
					       strcmp(claim->driver, VFIO_PCI_DRIVER) == 0);
}

/* Why vfio-pci.ids= must not have the IDs, which the kernel applies to every device, or NULL. */
static const char *ids_obstacle(const struct draft *draft, const struct pci_ids *ids)
{
	const struct claims *claims = &draft->config->claims;

	for (size_t i = 0; i < draft->target->spared_count; i++)
		if (pci_ids_match(ids, &draft->target->spared[i]))
			return "a device of this machine that is left to the host has them";
	for (size_t i = 0; i < claims->count; i++) {
		const struct claim *other = &claims->items[i];

		if (any_could_meet(other->excepts, other->except_count, ids))
			return "another claim takes such a device out";
		if (!takes_at_once(other) &&
		    any_could_meet(other->matches, other->match_count, ids))
			return "another claim gives such a device to another driver or waits";
	}
	return NULL;
}

/*
 * VVVV:DDDD[:SSSS[:SSSS]]. What is left out is any to the kernel, and so is ffffffff
 * (drivers/vfio/pci/vfio_pci.c: vfio_pci_fill_ids(), PCI_ANY_ID).
 */
static void format_ids(const struct pci_ids *ids, char out[64])
{
	int length = snprintf(out, 64, "%04x:%04x", ids->vendor, ids->device);

	if (ids->subvendor == PCI_ANY && ids->subdevice == PCI_ANY)
		return;
	length += snprintf(out + length, 64 - (size_t)length,
			   ids->subvendor == PCI_ANY ? ":%x" : ":%04x", ids->subvendor);
	if (ids->subdevice != PCI_ANY)
		(void)snprintf(out + length, 64 - (size_t)length, ":%04x", ids->subdevice);
}

/* True when the entry stands in the list, letters of either case. */
static bool list_has_entry(const char *list, const char *entry, size_t length)
{
	for (;;) {
		size_t next = strcspn(list, ",");

		if (next == length && strncasecmp(list, entry, length) == 0)
			return true;
		if (list[next] == '\0')
			return false;
		list += next + 1;
	}
}

static int add_selector_ids(struct draft *draft, const struct claim *claim,
			    const struct selector *selector, struct text *list)
{
	char ids[64];

	if (!is_ids_alone(selector))
		return 0;
	format_ids(&selector->ids, ids);
	const char *obstacle = ids_obstacle(draft, &selector->ids);
	if (obstacle != NULL)
		return sentences_add(&draft->notes,
				     IDS "= leaves out %s of claim %s: %s; the claims table in "
					 "the initramfs does the work",
				     ids, claim->name, obstacle);
	if (list->length == 0 || !list_has_entry(list->data, ids, strlen(ids)))
		text_add(list, "%s%s", list->length == 0 ? "" : ",", ids);
	return list->error;
}

/* Devices selected by IDs alone, all of that kind: what vfio-pci.ids= can say. */
static int add_ids(struct draft *draft)
{
	const struct claims *claims = &draft->config->claims;
	AUTO_FREE char *joined = NULL;
	struct text list = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < claims->count; i++) {
		const struct claim *claim = &claims->items[i];

		if (claim->except_count > 0 || !takes_at_once(claim))
			continue;
		for (size_t j = 0; r == 0 && j < claim->match_count; j++)
			r = add_selector_ids(draft, claim, &claim->matches[j], &list);
	}
	if (r == 0)
		r = text_take(&list, &joined);
	text_free(&list);
	if (r != 0 || *joined == '\0')
		return r;
	if (draft->target->ids_blind)
		return sentences_add(
			&draft->notes,
			IDS "= is left out: vfio-pci is built into a kernel here and "
			    "would take devices before vfio-claim can see whether root "
			    "is on one; the claims table in the initramfs does it");
	return add(draft, IDS "=%s", joined);
}

static int list_modules(const struct draft *draft, struct kargs *modules)
{
	const struct host *host = &draft->config->host;
	const struct kargs *automatic = &draft->target->blacklist;
	char module[DRIVER_NAME_SIZE];
	int r = 0;

	for (size_t i = 0;
	     r == 0 && host->blacklist == BLACKLIST_LIST && i < host->module_count; i++) {
		/* libkmod compares a name on the command line letter by letter, and a module's
		 * name has underscores (libkmod-config.c: kcmdline_parse_result()). */
		module_of_driver(host->modules[i], module);
		r = kargs_add(modules, module);
	}
	for (size_t i = 0; r == 0 && host->blacklist == BLACKLIST_AUTO && i < automatic->count;
	     i++)
		r = kargs_add(modules, automatic->items[i]);
	return r;
}

static int add_blacklist(struct draft *draft)
{
	struct kargs modules = { 0 };
	AUTO_FREE char *joined = NULL;
	int r = list_modules(draft, &modules);

	if (r == 0 && modules.count > 0)
		r = kargs_join(&modules, &joined);
	kargs_free(&modules);
	if (r < 0 || joined == NULL)
		return r;
	for (char *c = joined; *c != '\0'; c++)
		if (*c == ' ')
			*c = ',';
	r = add(draft, "modprobe.blacklist=%s", joined);
	return r == 0 ? add(draft, "rd.driver.blacklist=%s", joined) : r;
}

/*
 * sysfb_init makes the platform device that efifb and simpledrm bind to; leaving that initcall
 * out needs KALLSYMS in the kernel and works for both drivers. video=efifb:off is for efifb in
 * kernels without. Rarely needed: vfio-pci evicts the firmware's framebuffer from a VGA device
 * by itself (vfio_pci_vga_init()).
 */
static int add_framebuffer(struct draft *draft)
{
	int r = add(draft, "initcall_blacklist=sysfb_init");

	return r == 0 ? add(draft, "video=efifb:off") : r;
}

static int add_extra(struct draft *draft)
{
	struct kargs extra;
	int r = kargs_parse(draft->config->host.extra_args, &extra);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < extra.count; i++)
		r = kargs_append(&draft->words, extra.items[i]);
	kargs_free(&extra);
	return r;
}

static int add_all(struct draft *draft)
{
	const struct host *host = &draft->config->host;
	int r = 0;

	for (size_t i = 0; r == 0 && i < draft->target->notes.count; i++)
		r = sentences_add(&draft->notes, "%s", draft->target->notes.items[i]);
	if (r == 0)
		r = add_iommu(draft);
	if (r == 0 && draft->config->claims.count > 0)
		r = add(draft, "rd.driver.pre=" VFIO_PCI_DRIVER);
	if (r == 0)
		r = add_ids(draft);
	if (r == 0)
		r = add_blacklist(draft);
	if (r == 0 && host->unsafe_interrupts)
		r = add(draft, "vfio_iommu_type1.allow_unsafe_interrupts=1");
	/* kvm.report_ignored_msrs= is left as it is: what a guest asks for stays in the log. */
	if (r == 0 && host->ignore_msrs)
		r = add(draft, "kvm.ignore_msrs=1");
	if (r == 0 && host->framebuffer == FRAMEBUFFER_OFF)
		r = add_framebuffer(draft);
	return r == 0 ? add_extra(draft) : r;
}

static bool is_pages_size(const char *word)
{
	return kargs_value_of(word, "hugepagesz") != NULL;
}

bool argument_is_pages(const char *word)
{
	return is_pages_size(word) || kargs_value_of(word, "hugepages") != NULL;
}

size_t argument_partner(const struct kargs *words, size_t index)
{
	bool is_size = is_pages_size(words->items[index]);
	size_t other = index;

	if (!argument_is_pages(words->items[index]))
		return index;
	/* Words of other parameters may stand between. */
	do
		other += is_size ? 1 : (size_t)-1;
	while (other < words->count && !argument_is_pages(words->items[other]));
	return other < words->count && is_pages_size(words->items[other]) != is_size ? other
										     : index;
}

bool argument_is_in(const struct kargs *line, const struct kargs *words, size_t index)
{
	size_t partner = argument_partner(words, index);

	if (partner == index)
		return kargs_has(line, words->items[index]);
	for (size_t i = 0; i < line->count; i++) {
		size_t other = argument_partner(line, i);

		if (other != i && kargs_same(line->items[i], words->items[index]) &&
		    kargs_same(line->items[other], words->items[partner]))
			return true;
	}
	return false;
}

/* Adds the pair that begins at `index`, its words side by side. */
static int fit_pair(struct arguments *arguments, const struct kargs *base,
		    const struct kargs *words, size_t index)
{
	if (argument_is_in(base, words, index) ||
	    argument_is_in(&arguments->kargs, words, index))
		return 0;
	int r = kargs_append(&arguments->kargs, words->items[index]);
	return r == 0 ? kargs_append(&arguments->kargs,
				     words->items[argument_partner(words, index)])
		      : r;
}

/* Adds those entries of `ours` that `theirs` has not behind it; true when there are any. */
static bool merge_ids(const char *theirs, const char *ours, struct text *merged)
{
	bool any = false;

	text_add(merged, "%s", theirs);
	for (const char *entry = ours; *entry != '\0';) {
		size_t length = strcspn(entry, ",");

		if (length > 0 && !list_has_entry(theirs, entry, length)) {
			text_add(merged, "%s%.*s", merged->length == 0 ? "" : ",", (int)length,
				 entry);
			any = true;
		}
		entry += length + (entry[length] == ',' ? 1 : 0);
	}
	return any;
}

/* Puts the IDs in the place of those that are ours already, if there are any. */
static int set_ids(struct kargs *kargs, const char *ids)
{
	struct kargs before = { 0 };
	char *word = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < kargs->count; i++)
		if (kargs_value_of(kargs->items[i], IDS) != NULL)
			r = kargs_add(&before, kargs->items[i]);
	kargs_remove(kargs, &before);
	kargs_free(&before);
	if (r == 0 && asprintf(&word, IDS "=%s", ids) < 0)
		return -ENOMEM;
	if (r == 0)
		r = kargs_append(kargs, word);
	free(word);
	return r;
}

/*
 * Of several vfio-pci.ids= the last one alone counts: those of the base line are taken over,
 * and those of extra_args are added to the claims'.
 */
static int fit_ids(struct arguments *arguments, const struct kargs *base, const char *ours)
{
	const char *first = kargs_value(&arguments->kargs, IDS);
	const char *theirs = first ? first : kargs_value(base, IDS);
	AUTO_FREE char *ids = NULL;
	struct text merged = { 0 };

	/* Nothing but digits is carried over into the file of a boot loader. */
	if (theirs != NULL && theirs[strspn(theirs, "0123456789abcdefABCDEF:,")] != '\0')
		return sentences_add(&arguments->notes,
				     IDS "= is left out: the command line has one already that "
					 "is not understood; the claims table in the initramfs "
					 "does the work");
	bool any = merge_ids(theirs ? theirs : "", ours, &merged);
	int r = text_take(&merged, &ids);
	if (r < 0 || !any)
		return r;
	if (strlen(ids) > VFIO_PCI_IDS_MOST)
		return sentences_add(&arguments->notes,
				     IDS
				     "= is left out: it would have %zu bytes and the kernel "
				     "takes %d; the claims table in the initramfs does the "
				     "work",
				     strlen(ids), VFIO_PCI_IDS_MOST);
	if (theirs != NULL && first == NULL)
		r = sentences_add(&arguments->notes,
				  "the IDs of the " IDS "= that is there already are taken "
				  "over into ours, since only the last one counts");
	return r == 0 ? set_ids(&arguments->kargs, ids) : r;
}

static int fit_words(struct arguments *arguments, const struct kargs *words,
		     const struct kargs *base)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < words->count; i++) {
		const char *word = words->items[i];
		const char *ids = kargs_value_of(word, IDS);

		if (ids != NULL)
			r = fit_ids(arguments, base, ids);
		else if (argument_partner(words, i) > i)
			r = fit_pair(arguments, base, words, i);
		else if (argument_partner(words, i) == i && !kargs_has(base, word))
			r = kargs_add(&arguments->kargs, word);
	}
	if (r == 0 && arguments->kargs.count > 0 && kargs_has(base, "--"))
		r = sentences_add(&arguments->notes, "the command line has '--': what stands "
						     "behind it goes to init and not to the "
						     "kernel, and so do our arguments there");
	return r;
}

int arguments_check_length(size_t whole, size_t ours, size_t line_most,
			   char reason[ARGUMENTS_REASON_SIZE])
{
	if (whole <= line_most)
		return 0;
	(void)snprintf(reason, ARGUMENTS_REASON_SIZE,
		       "the kernel's command line would have %zu bytes, %zu of them ours, and "
		       "the kernel reads %zu; shorten extra_args or blacklist, or the rest of "
		       "the line",
		       whole, ours, line_most);
	return -E2BIG;
}

static int check_length(const struct kargs *ours, const char *base, size_t line_most,
			char reason[ARGUMENTS_REASON_SIZE])
{
	AUTO_FREE char *line = NULL;
	int r = kargs_join(ours, &line);

	if (r < 0 || *line == '\0')
		return r;
	return arguments_check_length(strlen(base) + strlen(line) + (*base != '\0' ? 1 : 0),
				      strlen(line), line_most, reason);
}

int arguments_fit(const struct kargs *kargs, const char *base, size_t line_most,
		  struct arguments *ret_arguments, char reason[ARGUMENTS_REASON_SIZE])
{
	struct arguments arguments = { 0 };
	struct kargs others;
	int r = kargs_parse(base, &others);

	if (r < 0)
		return r;
	r = fit_words(&arguments, kargs, &others);
	kargs_free(&others);
	if (r == 0)
		r = check_length(&arguments.kargs, base, line_most, reason);
	if (r < 0) {
		arguments_free(&arguments);
		return r;
	}
	*ret_arguments = arguments;
	return 0;
}

/* The notes of the draft go before those of the fitting. */
static int prepend_notes(struct arguments *arguments, struct sentences *notes)
{
	struct sentences later = arguments->notes;
	int r = 0;

	arguments->notes = *notes;
	*notes = (struct sentences){ 0 };
	for (size_t i = 0; r == 0 && i < later.count; i++)
		r = sentences_add(&arguments->notes, "%s", later.items[i]);
	sentences_free(&later);
	return r;
}

int arguments_compose(const struct config *config, const struct target *target,
		      const char *base, struct arguments *ret_arguments,
		      char reason[ARGUMENTS_REASON_SIZE])
{
	struct draft draft = { .config = config, .target = target };
	struct arguments arguments = { 0 };
	int r = add_all(&draft);

	if (r == 0)
		r = arguments_fit(&draft.words, base, target->line_most, &arguments, reason);
	if (r == 0)
		r = prepend_notes(&arguments, &draft.notes);
	kargs_free(&draft.words);
	sentences_free(&draft.notes);
	if (r < 0) {
		arguments_free(&arguments);
		return r;
	}
	*ret_arguments = arguments;
	return 0;
}

/* True when the list has an element that begins so, as the kernel compares them. */
static bool list_begins(const char *list, const char *begin)
{
	while (strncmp(list, begin, strlen(begin)) != 0) {
		list += strcspn(list, ",");
		if (*list == '\0')
			return false;
		list++;
	}
	return true;
}

/* The word that keeps VT-d off after `word`, whose value is `list`; before it `off` did. */
static const char *intel_off_word(const char *word, const char *list, const char *off)
{
	for (;;) {
		if (strncmp(list, "on", 2) == 0)
			off = NULL;
		else if (strncmp(list, "off", 3) == 0)
			off = word;
		list += strcspn(list, ",");
		if (*list == '\0')
			return off;
		list++;
	}
}

const char *iommu_off_word(const struct kargs *line, enum host_cpu cpu)
{
	const char *intel = NULL;

	for (size_t i = 0; cpu != CPU_ARM && i < line->count; i++) {
		const char *word = line->items[i];
		const char *value;

		if (strcmp(word, "--") == 0)
			break;
		if ((value = kargs_value_of(word, "iommu")) != NULL ||
		    (cpu != CPU_INTEL && (value = kargs_value_of(word, "amd_iommu")) != NULL)) {
			if (list_begins(value, "off"))
				return word;
		} else if (cpu != CPU_AMD &&
			   (value = kargs_value_of(word, "intel_iommu")) != NULL) {
			intel = intel_off_word(word, value, intel);
		}
	}
	return intel;
}

bool arguments_are_plain(const char *line)
{
	return *line == '\0' || is_plain_word(line, SIZE_MAX, " _-.,:=/@+%~");
}

void arguments_free(struct arguments *arguments)
{
	kargs_free(&arguments->kargs);
	sentences_free(&arguments->notes);
}
