// SPDX-License-Identifier: GPL-2.0-or-later
/* The plan: which device is taken by which claim and driver, which is refused and why. */
#include "plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "match.h"
#include "text.h"

enum { NOBODY = -1 };

/* While the plan is made: for each device of the snapshot, who takes it. */
struct draft {
	const struct claims *claims;
	const struct snapshot *snapshot;
	const struct guards *guards;
	struct plan *plan;
	int *claim;      /* index of the claim that takes the device, or NOBODY */
	bool *companion; /* it is taken for the sake of another function */
	bool *taken;     /* scratch, one flag a device */
	bool *excepted;  /* scratch, one flag a device */
};

static int add_message(struct plan *plan, const char *format, ...) PRINTF_LIKE(2, 3);

static int add_message(struct plan *plan, const char *format, ...)
{
	char *message = NULL;
	va_list args;

	va_start(args, format);
	int length = vasprintf(&message, format, args);
	va_end(args);
	if (length < 0)
		return -ENOMEM;
	char **slot = array_grow(&plan->messages, plan->message_count, sizeof(*slot));
	if (slot == NULL) {
		free(message);
		return -ENOMEM;
	}
	*slot = message;
	plan->message_count++;
	return 0;
}

void module_of_driver(const char *driver, char out[DRIVER_NAME_SIZE])
{
	(void)copy_field(out, DRIVER_NAME_SIZE, driver);
	for (char *c = out; *c != '\0'; c++)
		if (*c == '-')
			*c = '_';
}

static struct decision *add_decision(struct plan *plan, const struct pci_address *address,
				     const struct device *device, const struct claim *claim)
{
	struct decision *decision =
		array_grow(&plan->decisions, plan->decision_count, sizeof(*decision));

	if (decision == NULL)
		return NULL;
	decision->address = *address;
	decision->device = device;
	decision->claim = claim;
	plan->decision_count++;
	return decision;
}

/* Where else the IDs of a selector are, for the message about a card that was moved. */
static void find_elsewhere(const struct draft *draft, const struct selector *selector,
			   char out[PLAN_REASON_SIZE])
{
	char ids[PCI_IDS_SIZE];
	char address[PCI_ADDRESS_SIZE];

	out[0] = '\0';
	for (size_t i = 0; (selector->words & SELECT_IDS) != 0 && i < draft->snapshot->count;
	     i++) {
		const struct device *device = &draft->snapshot->devices[i];

		if (!pci_ids_match(&selector->ids, &device->ids) ||
		    ((selector->words & SELECT_ADDRESS) != 0 &&
		     pci_address_compare(&selector->address, &device->address) == 0))
			continue;
		(void)snprintf(out, PLAN_REASON_SIZE, "; %s is at %s",
			       pci_ids_format(&selector->ids, ids),
			       pci_address_format(&device->address, address));
		return;
	}
}

/* The device at a selector's exact address, or NULL. */
static const struct device *device_at(const struct draft *draft,
				      const struct selector *selector)
{
	for (size_t i = 0; i < draft->snapshot->count; i++)
		if (pci_address_compare(&draft->snapshot->devices[i].address,
					&selector->address) == 0)
			return &draft->snapshot->devices[i];
	return NULL;
}

/* A selector that takes nothing is reported; with an address, as a refusal at that place. */
static int report_unmatched(struct draft *draft, const struct claim *claim,
			    const struct selector *selector)
{
	char text[SELECTOR_TEXT_SIZE];
	char elsewhere[PLAN_REASON_SIZE];
	char found[PCI_IDS_SIZE];

	(void)selector_format(selector, text);
	find_elsewhere(draft, selector, elsewhere);
	if ((selector->words & SELECT_ADDRESS) == 0 || selector->any_function)
		return add_message(draft->plan, "claim %s: nothing matches '%s'%s", claim->name,
				   text, elsewhere);

	const struct device *device = device_at(draft, selector);
	/* Only an address of this claim's own that nobody takes gets a line of its own. */
	if (device != NULL && draft->claim[device - draft->snapshot->devices] != NOBODY)
		return add_message(draft->plan,
				   "claim %s: '%s' does not hold for what is there",
				   claim->name, text);
	struct decision *decision =
		add_decision(draft->plan, &selector->address, device, claim);
	if (decision == NULL)
		return -ENOMEM;
	decision->verdict = VERDICT_REFUSE;
	if (device == NULL)
		(void)snprintf(decision->reason, sizeof(decision->reason),
			       "there is no device at this address%.120s", elsewhere);
	else
		(void)snprintf(decision->reason, sizeof(decision->reason),
			       "another device is here: %s where '%.60s' is wanted%.80s",
			       pci_ids_format(&device->ids, found), text, elsewhere);
	return 0;
}

static void mark_claim(struct draft *draft, size_t index)
{
	const struct claim *claim = &draft->claims->items[index];
	size_t count = draft->snapshot->count;

	memset(draft->taken, 0, count * sizeof(*draft->taken));
	memset(draft->excepted, 0, count * sizeof(*draft->excepted));
	for (size_t i = 0; i < claim->match_count; i++)
		(void)selector_select(&claim->matches[i], draft->snapshot, draft->taken);
	for (size_t i = 0; i < claim->except_count; i++)
		(void)selector_select(&claim->excepts[i], draft->snapshot, draft->excepted);
	for (size_t i = 0; i < count; i++)
		if (draft->taken[i] && !draft->excepted[i] && draft->claim[i] == NOBODY)
			draft->claim[i] = (int)index;
}

/*
 * True when `other` belongs to the card of `matched`. Functions of one slot and vendor behind a
 * bridge are one card; of several vendors they are the work of a hypervisor. On a root bus they may be unrelated parts
 * of a chipset (a PCH has LPC, audio
 * and SMBus in one slot): there only the usual companions of a display are taken. A virtual
 * function is always a card of its own.
 */
static bool same_card(const struct device *matched, const struct device *other)
{
	unsigned kind = other->class_code >> 8;

	if (matched->is_vf || other->is_vf || matched->ids.vendor != other->ids.vendor ||
	    !pci_address_same_slot(&matched->address, &other->address))
		return false;
	if (matched->has_path && matched->path.hops > 0)
		return true;
	bool display = matched->class_code >> 16 == 0x03;
	bool usual = kind == 0x0403 || kind == 0x0c03 || kind == 0x0c80 || kind >> 8 == 0x03;
	return display && usual;
}

/* The first and, behind it, the end of the functions in the slot of device `index`. */
static size_t slot_begin(const struct snapshot *snapshot, size_t index)
{
	const struct device *devices = snapshot->devices;

	while (index > 0 &&
	       pci_address_same_slot(&devices[index - 1].address, &devices[index].address))
		index--;
	return index;
}

static size_t slot_end(const struct snapshot *snapshot, size_t index)
{
	const struct device *devices = snapshot->devices;

	do
		index++;
	while (index < snapshot->count &&
	       pci_address_same_slot(&devices[index - 1].address, &devices[index].address));
	return index;
}

/* Takes the card's other functions for the claim of its matched function `index`. */
static void mark_companions(struct draft *draft, size_t index)
{
	const struct device *devices = draft->snapshot->devices;
	size_t end = slot_end(draft->snapshot, index);

	for (size_t i = slot_begin(draft->snapshot, index); i < end; i++) {
		if (draft->claim[i] != NOBODY || draft->excepted[i] ||
		    !same_card(&devices[index], &devices[i]))
			continue;
		draft->claim[i] = draft->claim[index];
		draft->companion[i] = true;
	}
}

/* The ports of a network card and the disks of a controller are independent of each other. */
static bool takes_companions(const struct device *device)
{
	enum guard_kind kind = guard_kind_of(device);

	return !device_is_bridge(device) && (kind == GUARD_NONE || kind == GUARD_USB);
}

static void mark_claim_companions(struct draft *draft, size_t index)
{
	const struct claim *claim = &draft->claims->items[index];

	if (claim->functions != FUNCTIONS_ALL)
		return;
	memset(draft->excepted, 0, draft->snapshot->count * sizeof(*draft->excepted));
	for (size_t i = 0; i < claim->except_count; i++)
		(void)selector_select(&claim->excepts[i], draft->snapshot, draft->excepted);
	for (size_t i = 0; i < draft->snapshot->count; i++)
		if (draft->claim[i] == (int)index && !draft->companion[i] &&
		    takes_companions(&draft->snapshot->devices[i]))
			mark_companions(draft, i);
}

static void choose_driver(struct decision *decision)
{
	const struct claim *claim = decision->claim;
	const char *variant = decision->device->variant;
	bool automatic = strcmp(claim->driver, "auto") == 0;

	decision->fallback = automatic && *variant != '\0';
	if (automatic)
		(void)copy_field(decision->driver, sizeof(decision->driver),
				 decision->fallback ? variant : VFIO_PCI_DRIVER);
	else
		(void)copy_field(decision->driver, sizeof(decision->driver), claim->driver);
}

/* A display card's USB controller has nothing of the host plugged in. */
static bool has_display(const struct snapshot *snapshot, const struct device *device)
{
	size_t index = (size_t)(device - snapshot->devices);

	for (size_t i = slot_begin(snapshot, index); i < slot_end(snapshot, index); i++)
		if (snapshot->devices[i].class_code >> 16 == 0x03)
			return true;
	return false;
}

/* Why the device is not taken before root is mounted, or NULL where it is. */
static const char *reason_to_wait(const struct draft *draft, const struct claim *claim,
				  const struct device *device)
{
	if (claim->when == WHEN_GUARDED)
		return "when = guarded: decided when root is mounted";
	if (claim_means_early(claim, device))
		return NULL;
	enum guard_kind kind = guard_kind_of(device);
	if (claim->when == WHEN_EARLY && (kind == GUARD_STORAGE || kind == GUARD_USB))
		return "when = early counts here only with the exact address: decided when "
		       "root "
		       "is mounted";
	switch (kind) {
	case GUARD_STORAGE:
		return "root could be on this storage: decided when root is mounted";
	case GUARD_USB:
		return has_display(draft->snapshot, device)
			       ? NULL
			       : "the boot could need what is plugged in: decided when root is "
				 "mounted";
	case GUARD_NETWORK:
		return draft->guards->network_boot
			       ? "the boot goes over the network: decided when root is mounted"
			       : NULL;
	case GUARD_NONE:
		break;
	}
	return NULL;
}

/* What no phase takes, whatever is mounted; or NULL. */
static const char *refusal(const struct device *device, bool companion)
{
	enum guard_kind kind = guard_kind_of(device);

	if (device_is_bridge(device))
		return "a bridge is never claimed";
	if (companion && (kind == GUARD_STORAGE || kind == GUARD_NETWORK))
		return "storage and network functions are not taken along with a card: name it "
		       "in the claim if it is meant";
	return NULL;
}

static void judge(const struct draft *draft, struct decision *decision, const char *wait)
{
	const char *reason =
		decision->companion ? "another function of a matched card" : "matched";
	const char *never = refusal(decision->device, decision->companion);

	if (never == NULL && wait != NULL) {
		decision->late = true;
		never = guards_reason(draft->guards, &decision->address,
				      guard_kind_of(decision->device));
	}
	if (never != NULL) {
		decision->verdict = VERDICT_REFUSE;
		reason = never;
	} else if (wait != NULL && draft->guards->phase == PHASE_EARLY) {
		decision->verdict = VERDICT_WAIT;
		reason = wait;
	} else {
		decision->verdict = VERDICT_TAKE;
	}
	(void)snprintf(decision->reason, sizeof(decision->reason), "%s", reason);
	if (decision->verdict != VERDICT_REFUSE)
		choose_driver(decision);
}

/* vfio-pci ends the firmware's framebuffer (vfio_pci_vga_init(), since 5.16). */
static int report_boot_display(struct plan *plan, const struct decision *decision)
{
	char address[PCI_ADDRESS_SIZE];

	if (decision->verdict != VERDICT_TAKE || !decision->device->boot_display)
		return 0;
	return add_message(plan,
			   "claim %s: %s is the boot display: the console on it ends here, one "
			   "on a serial line (console=ttyS0) or another display goes on",
			   decision->claim->name,
			   pci_address_format(&decision->address, address));
}

static int decide(struct draft *draft, size_t index)
{
	const struct device *device = &draft->snapshot->devices[index];
	const struct claim *claim = &draft->claims->items[draft->claim[index]];
	const char *wait = reason_to_wait(draft, claim, device);

	if (draft->guards->phase == PHASE_LATE &&
	    (wait == NULL || refusal(device, draft->companion[index]) != NULL))
		return 0;
	struct decision *decision = add_decision(draft->plan, &device->address, device, claim);
	if (decision == NULL)
		return -ENOMEM;
	decision->companion = draft->companion[index];
	judge(draft, decision, wait);
	return report_boot_display(draft->plan, decision);
}

/* How many cards a claim has: slots with a matched function, each virtual function its own. */
static unsigned count_cards(const struct draft *draft, int index)
{
	const struct device *last = NULL;
	unsigned cards = 0;

	for (size_t i = 0; i < draft->snapshot->count; i++) {
		const struct device *device = &draft->snapshot->devices[i];

		if (draft->claim[i] != index || draft->companion[i])
			continue;
		if (last == NULL || device->is_vf ||
		    !pci_address_same_slot(&last->address, &device->address))
			cards++;
		last = device;
	}
	return cards;
}

static int report_claim(struct draft *draft, size_t index)
{
	const struct claim *claim = &draft->claims->items[index];
	unsigned cards = count_cards(draft, (int)index);

	for (size_t i = 0; i < claim->match_count; i++) {
		memset(draft->taken, 0, draft->snapshot->count * sizeof(*draft->taken));
		if (selector_select(&claim->matches[i], draft->snapshot, draft->taken) > 0)
			continue;
		int r = report_unmatched(draft, claim, &claim->matches[i]);
		if (r < 0)
			return r;
	}
	if (claim->expect != 0 && claim->expect != cards)
		return add_message(draft->plan, "claim %s: %u card%s expected, %u found",
				   claim->name, claim->expect, claim->expect == 1 ? "" : "s",
				   cards);
	return 0;
}

static int compare_decisions(const void *a, const void *b)
{
	const struct decision *left = a;
	const struct decision *right = b;

	return pci_address_compare(&left->address, &right->address);
}

static struct action *add_action(struct plan *plan, enum action_kind kind, size_t decision)
{
	struct action *action = array_grow(&plan->actions, plan->action_count, sizeof(*action));

	if (action == NULL)
		return NULL;
	action->kind = kind;
	action->decision = decision;
	plan->action_count++;
	return action;
}

static int add_phase(struct plan *plan, enum action_kind kind)
{
	for (size_t i = 0; i < plan->decision_count; i++)
		if (plan->decisions[i].verdict == VERDICT_TAKE &&
		    add_action(plan, kind, i) == NULL)
			return -ENOMEM;
	return 0;
}

static bool names_by_ids(const struct claims *claims, const struct device *device)
{
	for (size_t i = 0; i < claims->count; i++)
		for (size_t j = 0; j < claims->items[i].match_count; j++)
			if (claims->items[i].origin == ORIGIN_IDS_ARGUMENT &&
			    selector_holds_plainly(&claims->items[i].matches[j], device))
				return true;
	return false;
}

/*
 * True when vfio-pci.ids= names a device that is refused or waits, whichever claim names it.
 * vfio-pci would take it by itself while it is loaded; so it is loaded with an empty list,
 * which costs nothing: what is to be taken has its override by then.
 */
static bool refuses_ids(const struct plan *plan, const struct claims *claims)
{
	for (size_t i = 0; i < plan->decision_count; i++)
		if (plan->decisions[i].verdict != VERDICT_TAKE &&
		    plan->decisions[i].device != NULL &&
		    names_by_ids(claims, plan->decisions[i].device))
			return true;
	return false;
}

static int add_load(struct plan *plan, const struct claims *claims, const char *driver)
{
	char module[DRIVER_NAME_SIZE];

	module_of_driver(driver, module);
	for (size_t i = 0; i < plan->action_count; i++)
		if (plan->actions[i].kind == ACTION_LOAD &&
		    strcmp(plan->actions[i].module, module) == 0)
			return 0;
	struct action *action = add_action(plan, ACTION_LOAD, 0);
	if (action == NULL)
		return -ENOMEM;
	if (strcmp(module, VFIO_PCI_MODULE) == 0 && refuses_ids(plan, claims))
		action->options = "ids=";
	return copy_field(action->module, sizeof(action->module), module);
}

static int add_loads(struct plan *plan, const struct claims *claims)
{
	bool any = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->decision_count; i++) {
		if (plan->decisions[i].verdict != VERDICT_TAKE)
			continue;
		any = true;
		r = add_load(plan, claims, plan->decisions[i].driver);
	}
	/* Whoever loads it next (rd.driver.pre=vfio-pci) must not find the list of IDs. */
	if (r == 0 && refuses_ids(plan, claims))
		r = add_load(plan, claims, VFIO_PCI_DRIVER);
	/* The IOMMU backend comes by itself as vfio's softdep, unless an initramfs lost that.
	 */
	return r == 0 && any ? add_load(plan, claims, VFIO_IOMMU_MODULE) : r;
}

static int add_actions(struct plan *plan, const struct claims *claims)
{
	int r = add_phase(plan, ACTION_OVERRIDE);

	if (r == 0)
		r = add_loads(plan, claims);
	if (r == 0)
		r = add_phase(plan, ACTION_BIND);
	return r == 0 ? add_phase(plan, ACTION_VERIFY) : r;
}

static int draft_plan(struct draft *draft)
{
	int r = 0;

	for (size_t i = 0; i < draft->snapshot->count; i++)
		draft->claim[i] = NOBODY;
	/* What a claim names itself goes before what another takes as a companion. */
	for (size_t i = 0; i < draft->claims->count; i++)
		mark_claim(draft, i);
	for (size_t i = 0; i < draft->claims->count; i++)
		mark_claim_companions(draft, i);
	for (size_t i = 0; r == 0 && i < draft->snapshot->count; i++)
		if (draft->claim[i] != NOBODY)
			r = decide(draft, i);
	for (size_t i = 0;
	     r == 0 && i < draft->claims->count && draft->guards->phase != PHASE_LATE; i++)
		r = report_claim(draft, i);
	if (r < 0)
		return r;
	if (draft->plan->decision_count > 1)
		qsort(draft->plan->decisions, draft->plan->decision_count,
		      sizeof(struct decision), compare_decisions);
	return add_actions(draft->plan, draft->claims);
}

int plan_make(const struct claims *claims, const struct snapshot *snapshot,
	      const struct guards *guards, struct plan *ret_plan)
{
	struct plan plan = { 0 };
	size_t count = snapshot->count + 1; /* calloc() of nothing may be NULL */
	AUTO_FREE int *claim = calloc(count, sizeof(*claim));
	AUTO_FREE bool *companion = calloc(count, sizeof(*companion));
	AUTO_FREE bool *taken = calloc(count, sizeof(*taken));
	AUTO_FREE bool *excepted = calloc(count, sizeof(*excepted));
	struct draft draft = { claims, snapshot,  guards, &plan,
			       claim,  companion, taken,  excepted };

	if (claim == NULL || companion == NULL || taken == NULL || excepted == NULL)
		return -ENOMEM;
	int r = draft_plan(&draft);
	if (r < 0) {
		plan_free(&plan);
		return r;
	}
	*ret_plan = plan;
	return 0;
}

void plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->message_count; i++)
		free(plan->messages[i]);
	free(plan->messages);
	free(plan->decisions);
	free(plan->actions);
	*plan = (struct plan){ 0 };
}

static const char *const verdict_names[] = { "take", "refuse", "wait", "release" };

static void render_decision(struct text *text, const struct decision *decision)
{
	char address[PCI_ADDRESS_SIZE];
	char ids[PCI_IDS_SIZE] = "-";

	if (decision->device != NULL)
		(void)snprintf(ids, sizeof(ids), "%04x:%04x", decision->device->ids.vendor,
			       decision->device->ids.device);
	text_add(text, "%s  %-9s  %-6s  %-12s  %s: %s\n",
		 pci_address_format(&decision->address, address), ids,
		 verdict_names[decision->verdict],
		 decision->verdict == VERDICT_REFUSE ? "-" : decision->driver,
		 decision->claim->name, decision->reason);
}

static void render_action(struct text *text, const struct plan *plan,
			  const struct action *action)
{
	static const char *const names[] = { "override", "load", "bind", "verify" };
	char address[PCI_ADDRESS_SIZE];

	if (action->kind == ACTION_LOAD) {
		text_add(text, "%-8s  %s%s%s\n", names[action->kind], action->module,
			 action->options ? "  " : "", action->options ? action->options : "");
		return;
	}
	const struct decision *decision = &plan->decisions[action->decision];
	text_add(text, "%-8s  %s  %s\n", names[action->kind],
		 pci_address_format(&decision->address, address), decision->driver);
}

int plan_render(const struct plan *plan, char **ret_text)
{
	struct text text = { 0 };

	for (size_t i = 0; i < plan->decision_count; i++)
		render_decision(&text, &plan->decisions[i]);
	for (size_t i = 0; i < plan->message_count; i++)
		text_add(&text, "note: %s\n", plan->messages[i]);
	for (size_t i = 0; i < plan->action_count; i++)
		render_action(&text, plan, &plan->actions[i]);
	return text_take(&text, ret_text);
}
