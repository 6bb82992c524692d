// SPDX-License-Identifier: GPL-2.0-or-later
/* Claim and release at run time: what is meant, what is refused, which driver is native. */
#include "runtime_rules.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "match.h"
#include "readiness.h"
#include "text.h"

enum { USES_SHOWN_MOST = 4 };

/* ---- What is meant */

static int copy_claim(struct claims *wanted, const struct claim *from)
{
	struct claim *claim = claims_add(wanted, from->name);
	int r = claim == NULL ? -ENOMEM : 0;

	for (size_t i = 0; r == 0 && i < from->match_count; i++)
		r = claim_add_match(claim, &from->matches[i]);
	for (size_t i = 0; r == 0 && i < from->except_count; i++)
		r = claim_add_except(claim, &from->excepts[i]);
	if (r < 0)
		return r;
	claim->functions = from->functions;
	claim->when = WHEN_GUARDED;
	claim->expect = from->expect;
	return copy_field(claim->driver, sizeof(claim->driver), from->driver);
}

/* The claim of the configuration with a selector that this device fits plainly, or NULL. */
static const struct claim *claim_of_device(const struct config *config,
					   const struct device *device)
{
	for (size_t i = 0; i < config->claims.count; i++)
		for (size_t j = 0; j < config->claims.items[i].match_count; j++)
			if (selector_holds_plainly(&config->claims.items[i].matches[j], device))
				return &config->claims.items[i];
	return NULL;
}

static int add_selected(struct claims *wanted, const struct config *config,
			const struct device *first, const struct selector *selector)
{
	const struct claim *known = claim_of_device(config, first);
	struct claim *claim = claims_add(wanted, known ? known->name : WORD_CLAIM);

	if (claim == NULL)
		return -ENOMEM;
	/* The machine runs: nothing is taken that it needs, whatever the claim says of boot. */
	claim->when = WHEN_GUARDED;
	if (known != NULL)
		(void)copy_field(claim->driver, sizeof(claim->driver), known->driver);
	return claim_add_match(claim, selector);
}

/* What a device may be called here: no wildcards but that of the function. */
static bool is_plain_selector(const struct selector *selector)
{
	if (selector->words == SELECT_ADDRESS)
		return true;
	return selector->words == SELECT_IDS && selector->ids.vendor != PCI_ANY &&
	       selector->ids.device != PCI_ANY;
}

static void say_unknown(const struct config *config, const char *word,
			char reason[RULES_REASON_SIZE])
{
	const char *names[64] = { NULL };

	for (size_t i = 0; i < config->claims.count && i < 63; i++)
		names[i] = config->claims.items[i].name;
	const char *nearest = nearest_name(word, names);
	(void)snprintf(reason, RULES_REASON_SIZE,
		       "'%.60s' is no device (write 01:00.0, 01:00.* or 10de:1c30) and no "
		       "claim of the configuration%s%.64s%s",
		       word, nearest ? "; did you mean '" : "", nearest ? nearest : "",
		       nearest ? "'?" : "");
}

enum word_result wanted_add(struct claims *wanted, const struct config *config,
			    const struct snapshot *snapshot, const char *word,
			    char reason[RULES_REASON_SIZE])
{
	const struct claim *named = claims_find(&config->claims, word);
	char ignored[SELECTOR_TEXT_SIZE];
	struct selector selector;

	if (named != NULL)
		return copy_claim(wanted, named) < 0 ? WORD_NO_MEMORY : WORD_TAKEN;
	if (selector_parse(word, false, &selector, ignored) < 0 ||
	    !is_plain_selector(&selector)) {
		say_unknown(config, word, reason);
		return WORD_UNKNOWN;
	}
	for (size_t i = 0; i < snapshot->count; i++)
		if (selector_holds_plainly(&selector, &snapshot->devices[i]))
			return add_selected(wanted, config, &snapshot->devices[i], &selector) <
					       0
				       ? WORD_NO_MEMORY
				       : WORD_TAKEN;
	(void)snprintf(reason, RULES_REASON_SIZE,
		       "there is no device %.60s here; 'lspci -nn' shows what there is", word);
	return WORD_NOTHING;
}

static const struct decision *decision_of(const struct plan *plan,
					  const struct pci_address *address)
{
	for (size_t i = 0; i < plan->decision_count; i++)
		if (pci_address_compare(&plan->decisions[i].address, address) == 0)
			return &plan->decisions[i];
	return NULL;
}

static int add_group_of(struct claims *wanted, const struct snapshot *snapshot,
			const struct plan *plan, const struct decision *decision)
{
	struct claim *claim = claims_find(wanted, decision->claim->name);
	int group = decision->device->iommu_group;
	int r = 0;

	for (size_t i = 0; r == 0 && group >= 0 && i < snapshot->count; i++) {
		const struct device *device = &snapshot->devices[i];
		struct selector selector = { .words = SELECT_ADDRESS,
					     .address = device->address };

		if (device->iommu_group != group || device_is_bridge(device) ||
		    decision_of(plan, &device->address) != NULL)
			continue;
		r = claim_add_match(claim, &selector);
	}
	return r;
}

int wanted_add_groups(struct claims *wanted, const struct snapshot *snapshot,
		      const struct plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->decision_count; i++)
		if (plan->decisions[i].verdict == VERDICT_TAKE)
			r = add_group_of(wanted, snapshot, plan, &plan->decisions[i]);
	return r;
}

/* ---- What is refused */

int refusals_add(struct refusals *refusals, const struct pci_address *address, bool forcible,
		 const char *fix, const char *format, ...)
{
	char *reason = NULL;
	va_list args;

	va_start(args, format);
	int length = vasprintf(&reason, format, args);
	va_end(args);
	if (length < 0)
		return -ENOMEM;
	struct refusal *refusal =
		array_grow(&refusals->items, refusals->count, sizeof(*refusal));
	char *copy = fix ? strdup(fix) : NULL;
	if (refusal == NULL || (fix != NULL && copy == NULL)) {
		free(reason);
		free(copy);
		return -ENOMEM;
	}
	*refusal = (struct refusal){ *address, reason, copy, forcible };
	refusals->count++;
	return 0;
}

void refusals_free(struct refusals *refusals)
{
	for (size_t i = 0; i < refusals->count; i++) {
		free(refusals->items[i].reason);
		free(refusals->items[i].fix);
	}
	free(refusals->items);
	*refusals = (struct refusals){ 0 };
}

bool is_vfio_driver(const char *driver)
{
	return strstr(driver, "vfio") != NULL;
}

bool is_claimed_already(const struct decision *decision, const struct details *details)
{
	const char *driver = decision->device->driver;

	return decision->verdict == VERDICT_TAKE && strcmp(driver, details->override) == 0 &&
	       (strcmp(driver, decision->driver) == 0 ||
		(decision->fallback && strcmp(driver, VFIO_PCI_DRIVER) == 0));
}

bool is_held_for_vfio(const struct device *device, const struct details *details)
{
	return is_vfio_driver(*device->driver ? device->driver : details->override);
}

static const struct details *details_of(const struct situation *situation,
					const struct device *device)
{
	return &situation->details[device - situation->snapshot->devices];
}

/* What ends each kind of use. */
static const char *fix_of(const struct use *use, const struct device *device)
{
	switch (use->kind) {
	case USE_ROUTE:
		return "move the default route to another interface first";
	case USE_VFIO:
		return "shut that virtual machine down first";
	case USE_DISK:
		return "end it first: unmount it, stop the array, the volume or the program";
	case USE_PROGRAM:
		return "end it first";
	case USE_DISPLAY:
		return strcmp(device->driver, "nvidia") == 0
			       ? "end it, nvidia-persistenced too: NVIDIA's driver waits for "
				 "its users for ever"
			       : "end it, a display server with 'systemctl isolate "
				 "multi-user.target'";
	case USE_CONSOLE:
		return "its screen would be dark until the next boot";
	case USE_SOUND:
		return "end it, or have it let go of the sound card";
	case USE_LINK:
		return "take the interface down with 'ip link set INTERFACE down'";
	}
	return NULL;
}

/*
 * What --force is no word for: what takes the machine off the network or a running machine's
 * device away, and NVIDIA's driver, which does not let go of a device that is open.
 */
static bool is_forcible(const struct use *use, const struct device *device)
{
	switch (use->kind) {
	case USE_ROUTE:
	case USE_VFIO:
	case USE_DISK:
	case USE_PROGRAM:
		return false;
	case USE_DISPLAY:
		return strcmp(device->driver, "nvidia") != 0;
	case USE_CONSOLE:
	case USE_SOUND:
	case USE_LINK:
		break;
	}
	return true;
}

static int refuse_uses(const struct device *device, const struct situation *situation,
		       bool vfio_only, struct refusals *refusals)
{
	size_t position = 0;
	unsigned count = 0;
	bool forcible = true;
	const struct use *use;
	int r = 0;

	while (r == 0 &&
	       (use = uses_next(situation->uses, &device->address, &position)) != NULL) {
		if (vfio_only && use->kind != USE_VFIO)
			continue;
		forcible = forcible && is_forcible(use, device);
		if (++count <= USES_SHOWN_MOST)
			r = refusals_add(refusals, &device->address, is_forcible(use, device),
					 fix_of(use, device), "%s", use->text);
	}
	if (r == 0 && count > USES_SHOWN_MOST)
		r = refusals_add(refusals, &device->address, forcible, NULL,
				 "is in use by %u more", count - USES_SHOWN_MOST);
	return r;
}

static int refuse_virtual_functions(const struct device *device, unsigned count,
				    const char *why, struct refusals *refusals)
{
	char address[PCI_ADDRESS_SIZE];
	char fix[128];

	(void)snprintf(fix, sizeof(fix), "'echo 0 > /sys/bus/pci/devices/%s/sriov_numvfs'",
		       pci_address_format(&device->address, address));
	return refusals_add(refusals, &device->address, false, fix,
			    "has %u virtual function%s enabled, %s", count,
			    count == 1 ? "" : "s", why);
}

static int judge(const struct decision *decision, const struct situation *situation,
		 struct refusals *refusals)
{
	const struct device *device = decision->device;
	int r;

	if (decision->verdict == VERDICT_REFUSE || device == NULL)
		return refusals_add(refusals, &decision->address, false, NULL, "%s",
				    decision->reason);
	const struct details *details = details_of(situation, device);
	if (is_claimed_already(decision, details))
		return 0;
	r = refuse_uses(device, situation, false, refusals);
	if (r == 0 && details->sriov_numvfs > 0)
		r = refuse_virtual_functions(device, details->sriov_numvfs,
					     "and vfio-pci takes no such device", refusals);
	if (r == 0 && device->iommu_group < 0)
		r = refusals_add(refusals, &device->address, false,
				 "switch the IOMMU on in the firmware (VT-d, AMD-Vi, SMMU) "
				 "and, for Intel, with intel_iommu=on",
				 "has no IOMMU group, without which VFIO takes no device");
	return r;
}

/* One sentence for a group, at its first device that is to be taken. */
static int judge_group(const struct plan *plan, const struct situation *situation,
		       const struct decision *decision, struct refusals *refusals)
{
	struct text others = { 0 };
	AUTO_FREE char *list = NULL;
	char address[PCI_ADDRESS_SIZE];
	bool lost = false;
	bool ordinary = false;

	for (size_t i = 0; i < situation->snapshot->count; i++) {
		const struct device *device = &situation->snapshot->devices[i];

		if (device->iommu_group != decision->device->iommu_group ||
		    driver_leaves_group(device->driver) ||
		    decision_of(plan, &device->address) != NULL)
			continue;
		bool never = device_is_bridge(device) && !device_is_other_bridge(device);
		lost = lost || never;
		ordinary = ordinary || !device_is_bridge(device);
		text_add(&others, "%s%s (%s%s)", others.length > 0 ? ", " : "",
			 pci_address_format(&device->address, address), device->driver,
			 never ? ", never claimed" : "");
	}
	if (others.length == 0)
		return others.error;
	int r = text_take(&others, &list);
	if (r < 0)
		return r;
	return refusals_add(refusals, &decision->address, false,
			    lost       ? "it cannot be given away in this slot"
			    : ordinary ? "--whole-group takes the whole group along"
				       : "name that too, by its address",
			    "is in IOMMU group %d together with %s, and goes to a virtual "
			    "machine with all of it or not at all",
			    decision->device->iommu_group, list);
}

static bool is_first_of_group(const struct plan *plan, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (plan->decisions[i].verdict == VERDICT_TAKE &&
		    plan->decisions[i].device->iommu_group ==
			    plan->decisions[index].device->iommu_group)
			return false;
	return true;
}

int claim_refusals(const struct plan *plan, const struct situation *situation,
		   struct refusals *ret_refusals)
{
	struct refusals refusals = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->decision_count; i++)
		r = judge(&plan->decisions[i], situation, &refusals);
	for (size_t i = 0; r == 0 && i < plan->decision_count; i++)
		if (plan->decisions[i].verdict == VERDICT_TAKE &&
		    plan->decisions[i].device->iommu_group >= 0 && is_first_of_group(plan, i))
			r = judge_group(plan, situation, &plan->decisions[i], &refusals);
	if (r < 0)
		refusals_free(&refusals);
	else
		*ret_refusals = refusals;
	return r;
}

/*
 * vfio-pci ends a physical function's virtual ones when it lets go of it, guests' or not, and waits
 * for those guests (drivers/vfio/pci/vfio_pci_core.c, vfio_pci_core_unregister_device()).
 */
static int judge_release(const struct device *device, const struct situation *situation,
			 struct refusals *refusals)
{
	const struct details *details = details_of(situation, device);
	int r;

	if (!is_held_for_vfio(device, details))
		return 0;
	r = refuse_uses(device, situation, true, refusals);
	if (r == 0 && details->sriov_numvfs > 0 && *device->driver != '\0')
		r = refuse_virtual_functions(device, details->sriov_numvfs,
					     "which would go away with it", refusals);
	return r;
}

int release_refusals(const struct plan *plan, const struct situation *situation,
		     struct refusals *ret_refusals)
{
	struct refusals refusals = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->decision_count; i++)
		if (plan->decisions[i].device != NULL)
			r = judge_release(plan->decisions[i].device, situation, &refusals);
	if (r < 0)
		refusals_free(&refusals);
	else
		*ret_refusals = refusals;
	return r;
}

/* ---- The way back */

int choose_native(const struct candidate *candidates, size_t count, bool force,
		  bool only_loaded, int *ret_blacklisted)
{
	*ret_blacklisted = -1;
	for (size_t i = 0; i < count; i++)
		if (candidates[i].loaded)
			return (int)i;
	for (size_t i = 0; !only_loaded && i < count; i++)
		if (!candidates[i].blacklisted)
			return (int)i;
	for (size_t i = 0; !only_loaded && i < count; i++)
		if (!candidates[i].frame_buffer) {
			if (force)
				return (int)i;
			*ret_blacklisted = (int)i;
			break;
		}
	return -1;
}

static int add_action(struct plan *plan, enum action_kind kind, size_t decision,
		      const char *module)
{
	struct action *action = array_grow(&plan->actions, plan->action_count, sizeof(*action));

	if (action == NULL)
		return -ENOMEM;
	plan->action_count++;
	action->kind = kind;
	action->decision = decision;
	return copy_field(action->module, sizeof(action->module), module);
}

static bool is_loaded_by(const struct plan *plan, const char *module)
{
	for (size_t i = 0; i < plan->action_count; i++)
		if (strcmp(plan->actions[i].module, module) == 0)
			return true;
	return false;
}

static int add_release(struct plan *plan, const struct giving_back *from)
{
	struct decision *decision =
		array_grow(&plan->decisions, plan->decision_count, sizeof(*decision));

	if (decision == NULL)
		return -ENOMEM;
	plan->decision_count++;
	decision->address = from->device->address;
	decision->device = from->device;
	decision->claim = from->claim;
	decision->verdict = VERDICT_RELEASE;
	decision->fallback = from->or_none;
	(void)copy_field(decision->driver, sizeof(decision->driver), from->driver);
	return copy_field(decision->module, sizeof(decision->module), from->module);
}

int plan_release(const struct giving_back *devices, size_t count, struct plan *ret_plan)
{
	struct plan plan = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_release(&plan, &devices[i]);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (*devices[i].module != '\0' && !is_loaded_by(&plan, devices[i].module))
			r = add_action(&plan, ACTION_LOAD, 0, devices[i].module);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_action(&plan, ACTION_BIND, i, "");
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_action(&plan, ACTION_VERIFY, i, "");
	if (r < 0)
		plan_free(&plan);
	else
		*ret_plan = plan;
	return r;
}
