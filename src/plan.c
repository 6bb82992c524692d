// SPDX-License-Identifier: GPL-2.0-or-later
/* The plan: which device is taken by which claim and driver, which is refused and why. */
#include "plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lookup.h"
#include "match.h"
#include "text.h"

enum { NOBODY = -1 };

/* While the plan is made: for each device of the snapshot, who takes it. */
struct draft {
	const struct claims *claims;
	const struct snapshot *snapshot;
	const struct guards *guards;
	struct plan *plan;
	struct lookup *lookup;
	int *claim;       /* index of the claim that takes the device, or NOBODY */
	bool *companion;  /* it is taken for the sake of another function */
	size_t *excepted; /* the last stamp with which it was excepted; 0: with none */
	size_t *found;    /* scratch, one index a device */
	/*
	 * The devices that claims take themselves, claim after claim and in address order: those
	 * of claim i are order[begin[i]] to order[begin[i + 1] - 1].
	 */
	size_t *order;
	size_t *begin;
	bool *unmatched; /* for each selector of all claims: it takes nothing */
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
	const struct device *device = NULL;

	out[0] = '\0';
	if ((selector->words & SELECT_IDS) != 0)
		device = lookup_elsewhere(
			draft->lookup, &selector->ids,
			(selector->words & SELECT_ADDRESS) != 0 ? &selector->address : NULL);
	if (device != NULL)
		(void)snprintf(out, PLAN_REASON_SIZE, "; %s is at %s",
			       pci_ids_format(&selector->ids, ids),
			       pci_address_format(&device->address, address));
}

/* The device at a selector's exact address, or NULL. */
static const struct device *device_at(const struct draft *draft,
				      const struct selector *selector)
{
	size_t index = snapshot_find(draft->snapshot, &selector->address);

	return index < draft->snapshot->count ? &draft->snapshot->devices[index] : NULL;
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

/* Stamps are never 0, and none is used twice: so nothing has to be cleared between two. */
static void mark_excepted(struct draft *draft, const struct claim *claim, size_t stamp)
{
	for (size_t i = 0; i < claim->except_count; i++) {
		size_t count = lookup_select(draft->lookup, &claim->excepts[i], draft->found);

		for (size_t j = 0; j < count; j++)
			draft->excepted[draft->found[j]] = stamp;
	}
}

/* `unmatched` has a flag for each selector of this claim. */
static void mark_claim(struct draft *draft, size_t index, bool *unmatched)
{
	const struct claim *claim = &draft->claims->items[index];
	size_t stamp = index + 1;

	mark_excepted(draft, claim, stamp);
	for (size_t i = 0; i < claim->match_count; i++) {
		size_t count = lookup_select(draft->lookup, &claim->matches[i], draft->found);

		unmatched[i] = count == 0;
		for (size_t j = 0; j < count; j++) {
			size_t device = draft->found[j];

			if (draft->excepted[device] != stamp && draft->claim[device] == NOBODY)
				draft->claim[device] = (int)index;
		}
	}
}

/* Sorts the devices by their claims (a counting sort, which keeps the order of addresses). */
static void order_by_claim(struct draft *draft)
{
	size_t claims = draft->claims->count;
	size_t *begin = draft->begin;

	for (size_t i = 0; i < draft->snapshot->count; i++)
		if (draft->claim[i] != NOBODY)
			begin[draft->claim[i] + 1]++;
	for (size_t i = 0; i < claims; i++)
		begin[i + 1] += begin[i];
	for (size_t i = 0; i < draft->snapshot->count; i++)
		if (draft->claim[i] != NOBODY)
			draft->order[begin[draft->claim[i]]++] = i;
	/* Each begin is now where the next claim's is to be. */
	memmove(begin + 1, begin, claims * sizeof(*begin));
	begin[0] = 0;
}

/*
 * True when `other` belongs to the card of `matched`. Functions of one slot and vendor behind
 * a bridge are one card; of several vendors they are the work of a hypervisor, or of a
 * processor with graphics. On a root bus they may be unrelated parts of a chipset (a PCH has
 * LPC, audio and SMBus in one slot): there only the usual companions of a display are taken.
 * A virtual function is always a card of its own.
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

/* True where the device's card has a display: nothing of the host is plugged into its USB. */
static bool has_display(const struct snapshot *snapshot, const struct device *device)
{
	size_t index = (size_t)(device - snapshot->devices);

	for (size_t i = snapshot_slot_begin(snapshot, index);
	     i < snapshot_slot_end(snapshot, index); i++)
		if (snapshot->devices[i].class_code >> 16 == 0x03 &&
		    same_card(&snapshot->devices[i], device))
			return true;
	return false;
}

/* What looks like a function of a card and may be a part of the host: see goes_along(). */
static bool is_doubtful(const struct device *device)
{
	return guard_kind_of(device) == GUARD_USB || device->class_code >> 16 == 0x10;
}

static bool is_like(const struct device *a, const struct device *b)
{
	return guard_kind_of(a) == GUARD_USB ? guard_kind_of(b) == GUARD_USB
					     : a->class_code >> 16 == b->class_code >> 16;
}

/*
 * True when `other` is taken for the sake of `matched`. AMD's processors have the host's USB
 * controllers, its security processor (class 10; the TPM and SEV are in it) and its audio in
 * one slot behind a bridge, all of one vendor: what looks like a card is a part of the host.
 * So USB controllers and class 10 go along with, and take along, their like only; but all of a
 * card that has a display.
 */
static bool goes_along(const struct snapshot *snapshot, const struct device *matched,
		       const struct device *other)
{
	bool doubtful = is_doubtful(matched) || is_doubtful(other);

	return same_card(matched, other) &&
	       (!doubtful || is_like(other, matched) || has_display(snapshot, other));
}

/* Takes the card's other functions for the claim of its matched function `index`. */
static void mark_companions(struct draft *draft, size_t index, size_t stamp)
{
	const struct device *devices = draft->snapshot->devices;
	size_t end = snapshot_slot_end(draft->snapshot, index);

	for (size_t i = snapshot_slot_begin(draft->snapshot, index); i < end; i++) {
		if (draft->claim[i] != NOBODY || draft->excepted[i] == stamp ||
		    !goes_along(draft->snapshot, &devices[index], &devices[i]))
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
	size_t stamp = draft->claims->count + index + 1;

	if (claim->functions != FUNCTIONS_ALL)
		return;
	mark_excepted(draft, claim, stamp);
	for (size_t i = draft->begin[index]; i < draft->begin[index + 1]; i++)
		if (takes_companions(&draft->snapshot->devices[draft->order[i]]))
			mark_companions(draft, draft->order[i], stamp);
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

/* Why the device is not taken before root is mounted, or NULL where it is. */
static const char *reason_to_wait(const struct draft *draft, const struct claim *claim,
				  const struct device *device)
{
	if (claim->when == WHEN_GUARDED)
		return "when = guarded: decided when root is mounted";
	if (claim_means_early(claim, device))
		return NULL;
	enum guard_kind kind = guard_kind_of(device);
	if (kind == GUARD_USB && has_display(draft->snapshot, device))
		return NULL;
	if (claim->when == WHEN_EARLY && (kind == GUARD_STORAGE || kind == GUARD_USB))
		return "when = early counts here only with the exact address: decided when "
		       "root "
		       "is mounted";
	switch (kind) {
	case GUARD_STORAGE:
		return "root could be on this storage: decided when root is mounted";
	case GUARD_USB:
		return "the boot could need what is plugged in: decided when root is mounted";
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
static const char *refusal(const struct claim *claim, const struct device *device,
			   bool companion)
{
	enum guard_kind kind = guard_kind_of(device);

	if (device_is_bridge(device) && !device_is_other_bridge(device))
		return "a bridge is never claimed";
	if (device_is_bridge(device) && (companion || !claim_names_bridge(claim, device)))
		return "a bridge of this kind is claimed only by its address, its vendor and "
		       "device ID, or class=0680";
	if (companion && (kind == GUARD_STORAGE || kind == GUARD_NETWORK))
		return "storage and network functions are not taken along with a card: name it "
		       "in the claim if it is meant";
	return NULL;
}

/* Why the device stays with the host, be it only for what is mounted; or NULL. */
static const char *reason_to_refuse(const struct draft *draft, size_t index)
{
	const struct device *device = &draft->snapshot->devices[index];
	const struct claim *claim = &draft->claims->items[draft->claim[index]];
	const char *reason = refusal(claim, device, draft->companion[index]);

	if (reason != NULL || reason_to_wait(draft, claim, device) == NULL)
		return reason;
	return guards_reason(draft->guards, &device->address, guard_kind_of(device));
}

/* True for a companion when all that it would go along with is refused. */
static bool is_left_alone(const struct draft *draft, size_t index)
{
	const struct device *devices = draft->snapshot->devices;
	size_t end = snapshot_slot_end(draft->snapshot, index);

	for (size_t i = snapshot_slot_begin(draft->snapshot, index); i < end; i++)
		if (draft->claim[i] == draft->claim[index] && !draft->companion[i] &&
		    takes_companions(&devices[i]) &&
		    goes_along(draft->snapshot, &devices[i], &devices[index]) &&
		    reason_to_refuse(draft, i) == NULL)
			return false;
	return true;
}

static void judge(const struct draft *draft, size_t index, struct decision *decision,
		  const char *wait)
{
	const char *reason =
		decision->companion ? "another function of a matched card" : "matched";
	const char *never = reason_to_refuse(draft, index);

	decision->late = wait != NULL && refusal(decision->claim, decision->device,
						 decision->companion) == NULL;
	if (never == NULL && decision->companion && is_left_alone(draft, index))
		never = "the function of its card that the claim names is refused";
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
	    (wait == NULL || refusal(claim, device, draft->companion[index]) != NULL))
		return 0;
	struct decision *decision = add_decision(draft->plan, &device->address, device, claim);
	if (decision == NULL)
		return -ENOMEM;
	decision->companion = draft->companion[index];
	judge(draft, index, decision, wait);
	return report_boot_display(draft->plan, decision);
}

/* How many cards a claim has: slots with a matched function, each virtual function its own. */
static unsigned count_cards(const struct draft *draft, size_t index)
{
	const struct device *last = NULL;
	unsigned cards = 0;

	for (size_t i = draft->begin[index]; i < draft->begin[index + 1]; i++) {
		const struct device *device = &draft->snapshot->devices[draft->order[i]];

		if (last == NULL || device->is_vf ||
		    !pci_address_same_slot(&last->address, &device->address))
			cards++;
		last = device;
	}
	return cards;
}

static int report_claim(struct draft *draft, size_t index, const bool *unmatched)
{
	const struct claim *claim = &draft->claims->items[index];
	unsigned cards = count_cards(draft, index);

	for (size_t i = 0; i < claim->match_count; i++) {
		int r = unmatched[i] ? report_unmatched(draft, claim, &claim->matches[i]) : 0;

		if (r < 0)
			return r;
	}
	if (claim->expect != 0 && claim->expect != cards)
		return add_message(draft->plan, "claim %s: %u card%s expected, %u found",
				   claim->name, claim->expect, claim->expect == 1 ? "" : "s",
				   cards);
	return 0;
}

static int report_claims(struct draft *draft)
{
	const bool *unmatched = draft->unmatched;
	int r = 0;

	for (size_t i = 0; r == 0 && i < draft->claims->count; i++) {
		r = report_claim(draft, i, unmatched);
		unmatched += draft->claims->items[i].match_count;
	}
	return r;
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
	for (size_t i = 0; i < claims->count; i++) {
		const struct claim *claim = &claims->items[i];

		for (size_t j = 0;
		     claim->origin == ORIGIN_IDS_ARGUMENT && j < claim->match_count; j++)
			if (selector_holds_plainly(&claim->matches[j], device))
				return true;
	}
	return false;
}

/* True when vfio-pci.ids= names a device that is refused or waits, whichever claim names it. */
static bool refuses_ids(const struct plan *plan, const struct claims *claims)
{
	for (size_t i = 0; i < plan->decision_count; i++)
		if (plan->decisions[i].verdict != VERDICT_TAKE &&
		    plan->decisions[i].device != NULL &&
		    names_by_ids(claims, plan->decisions[i].device))
			return true;
	return false;
}

/*
 * vfio-pci takes by itself what a list of IDs names while it is loaded; so it is loaded with an
 * empty list, which costs nothing: what is to be taken has its override by then. libkmod would
 * add the list of a modprobe.d, which no plan knows. Only vfio-pci.ids= stays, where all that
 * it names is to be taken: then vfio-pci also takes what is plugged in later.
 */
static bool keeps_ids(const struct plan *plan, const struct claims *claims)
{
	for (size_t i = 0; i < claims->count; i++)
		if (claims->items[i].origin == ORIGIN_IDS_ARGUMENT)
			return !refuses_ids(plan, claims);
	return false;
}

static bool names_any(const struct plan *plan)
{
	for (size_t i = 0; i < plan->decision_count; i++)
		if (plan->decisions[i].device != NULL)
			return true;
	return false;
}

static int add_load(struct plan *plan, const struct claims *claims, const char *driver)
{
	char module[DRIVER_NAME_SIZE];

	module_of_driver(driver, module);
	/* The loads are the last of the actions so far. */
	for (size_t i = plan->action_count; i > 0 && plan->actions[i - 1].kind == ACTION_LOAD;
	     i--)
		if (strcmp(plan->actions[i - 1].module, module) == 0)
			return 0;
	struct action *action = add_action(plan, ACTION_LOAD, 0);
	if (action == NULL)
		return -ENOMEM;
	if (strcmp(module, VFIO_PCI_MODULE) == 0 && !keeps_ids(plan, claims))
		action->options = "ids=";
	return copy_field(action->module, sizeof(action->module), module);
}

static int add_loads(struct plan *plan, const struct claims *claims, enum guard_phase phase)
{
	bool any = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->decision_count; i++) {
		if (plan->decisions[i].verdict != VERDICT_TAKE)
			continue;
		any = true;
		r = add_load(plan, claims, plan->decisions[i].driver);
	}
	/*
	 * Whoever loads it next (rd.driver.pre=vfio-pci, the fallback of a variant) must not find
	 * a list of IDs, which would take what is left to the host, or a twin of what is taken.
	 */
	if (r == 0 && phase != PHASE_LATE && names_any(plan) && !keeps_ids(plan, claims))
		r = add_load(plan, claims, VFIO_PCI_DRIVER);
	/* The IOMMU backend comes by itself as vfio's softdep, unless an initramfs lost that.
	 */
	return r == 0 && any ? add_load(plan, claims, VFIO_IOMMU_MODULE) : r;
}

static int add_actions(struct plan *plan, const struct claims *claims, enum guard_phase phase)
{
	int r = add_phase(plan, ACTION_OVERRIDE);

	if (r == 0)
		r = add_loads(plan, claims, phase);
	if (r == 0)
		r = add_phase(plan, ACTION_BIND);
	return r == 0 ? add_phase(plan, ACTION_VERIFY) : r;
}

/* Who takes which device. */
static void mark_devices(struct draft *draft)
{
	bool *unmatched = draft->unmatched;

	for (size_t i = 0; i < draft->snapshot->count; i++)
		draft->claim[i] = NOBODY;
	/* What a claim names itself goes before what another takes as a companion. */
	for (size_t i = 0; i < draft->claims->count; i++) {
		mark_claim(draft, i, unmatched);
		unmatched += draft->claims->items[i].match_count;
	}
	order_by_claim(draft);
	for (size_t i = 0; i < draft->claims->count; i++)
		mark_claim_companions(draft, i);
}

static int draft_plan(struct draft *draft)
{
	int r = 0;

	mark_devices(draft);
	for (size_t i = 0; r == 0 && i < draft->snapshot->count; i++)
		if (draft->claim[i] != NOBODY)
			r = decide(draft, i);
	if (r == 0 && draft->guards->phase != PHASE_LATE)
		r = report_claims(draft);
	if (r < 0)
		return r;
	if (draft->plan->decision_count > 1)
		qsort(draft->plan->decisions, draft->plan->decision_count,
		      sizeof(struct decision), compare_decisions);
	return add_actions(draft->plan, draft->claims, draft->guards->phase);
}

static size_t count_selectors(const struct claims *claims)
{
	size_t count = 0;

	for (size_t i = 0; i < claims->count; i++)
		count += claims->items[i].match_count;
	return count;
}

static void draft_free(struct draft *draft)
{
	lookup_free(draft->lookup);
	free(draft->claim);
	free(draft->companion);
	free(draft->excepted);
	free(draft->found);
	free(draft->order);
	free(draft->begin);
	free(draft->unmatched);
}

/* Returns 0 or -ENOMEM; either way the draft is to be released. */
static int draft_allocate(struct draft *draft)
{
	size_t count = draft->snapshot->count + 1; /* calloc() of nothing may be NULL */

	draft->claim = calloc(count, sizeof(*draft->claim));
	draft->companion = calloc(count, sizeof(*draft->companion));
	draft->excepted = calloc(count, sizeof(*draft->excepted));
	draft->found = calloc(count, sizeof(*draft->found));
	draft->order = calloc(count, sizeof(*draft->order));
	draft->begin = calloc(draft->claims->count + 1, sizeof(*draft->begin));
	draft->unmatched =
		calloc(count_selectors(draft->claims) + 1, sizeof(*draft->unmatched));
	if (draft->claim == NULL || draft->companion == NULL || draft->excepted == NULL ||
	    draft->found == NULL || draft->order == NULL || draft->begin == NULL ||
	    draft->unmatched == NULL)
		return -ENOMEM;
	return lookup_new(draft->snapshot, &draft->lookup);
}

int plan_make(const struct claims *claims, const struct snapshot *snapshot,
	      const struct guards *guards, struct plan *ret_plan)
{
	struct plan plan = { 0 };
	struct draft draft = {
		.claims = claims, .snapshot = snapshot, .guards = guards, .plan = &plan
	};
	int r = draft_allocate(&draft);

	if (r == 0)
		r = draft_plan(&draft);
	draft_free(&draft);
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
