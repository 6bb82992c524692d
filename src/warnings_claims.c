// SPDX-License-Identifier: GPL-2.0-or-later
/* Warnings about claims: what matches nothing, too much or too little, and drivers. */
#include <errno.h>
#include <string.h>

#include "match.h"
#include "warnings_parts.h"

static bool is_automatic(const struct claim *claim)
{
	return strcmp(claim->driver, "auto") == 0;
}

static size_t select_count(const struct view *view, const struct selector *selector)
{
	const struct snapshot *snapshot = view->outlook->snapshot;
	AUTO_FREE bool *taken = calloc(snapshot->count + 1, sizeof(*taken));

	/* Without memory nothing is warned of; the next allocation says so. */
	return taken == NULL ? 1 : selector_select(selector, snapshot, taken);
}

/* An exact address at which nothing fits is a refusal of the plan, with its reason. */
static bool is_refused_by_address(const struct view *view, const struct claim *claim,
				  const struct selector *selector)
{
	const struct plan *plan = view->outlook->plan;

	if ((selector->words & SELECT_ADDRESS) == 0 || selector->any_function)
		return false;
	for (size_t i = 0; i < plan->decision_count; i++)
		if (plan->decisions[i].claim == claim &&
		    plan->decisions[i].verdict == VERDICT_REFUSE &&
		    pci_address_compare(&plan->decisions[i].address, &selector->address) == 0)
			return true;
	return false;
}

/* Our own vfio-pci.ids= repeats what the config's claims say, whose warnings are enough. */
static bool is_repeated(const struct view *view, const struct claim *claim,
			const struct selector *selector)
{
	const struct claims *claims = view->outlook->claims;

	for (size_t i = 0; claim->origin == ORIGIN_IDS_ARGUMENT && i < claims->count; i++)
		for (size_t j = 0; j < claims->items[i].match_count; j++)
			if (&claims->items[i] != claim &&
			    (claims->items[i].matches[j].words & SELECT_IDS) != 0 &&
			    memcmp(&claims->items[i].matches[j].ids, &selector->ids,
				   sizeof(selector->ids)) == 0)
				return true;
	return false;
}

/* Where else the IDs of a selector are, for a card that was moved. */
static const struct device *find_elsewhere(const struct view *view,
					   const struct selector *selector)
{
	const struct snapshot *snapshot = view->outlook->snapshot;

	for (size_t i = 0; (selector->words & SELECT_IDS) != 0 && i < snapshot->count; i++)
		if (pci_ids_match(&selector->ids, &snapshot->devices[i].ids))
			return &snapshot->devices[i];
	return NULL;
}

/*
 * A physical function without virtual ones, whose virtual functions the selector means: surely
 * (*ret_sure, by their device ID) or perhaps, by the vendor.
 */
static const struct device *find_barren(const struct view *view,
					const struct selector *selector, bool *ret_sure)
{
	const struct outlook *outlook = view->outlook;
	const struct pci_ids maker = { selector->ids.vendor, PCI_ANY, PCI_ANY, PCI_ANY };
	const struct device *perhaps = NULL;

	*ret_sure = false;
	for (size_t i = 0; (selector->words & SELECT_IDS) != 0 && i < outlook->snapshot->count;
	     i++) {
		const struct device *device = &outlook->snapshot->devices[i];
		uint32_t vf =
			outlook->facts->devices ? outlook->facts->devices[i].vf_device : 0;

		if (outlook->details[i].sriov_totalvfs == 0 ||
		    outlook->details[i].sriov_numvfs > 0 ||
		    !pci_ids_match(&maker, &device->ids))
			continue;
		*ret_sure = vf != 0 && vf == selector->ids.device;
		if (*ret_sure)
			return device;
		perhaps = vf == 0 ? device : perhaps;
	}
	return perhaps;
}

static void warn_of_unmatched(struct view *view, const struct claim *claim,
			      const struct selector *selector)
{
	const struct device *elsewhere = find_elsewhere(view, selector);
	char text[SELECTOR_TEXT_SIZE];
	bool sure = false;
	const struct device *barren =
		elsewhere == NULL ? find_barren(view, selector, &sure) : NULL;

	(void)selector_format(selector, text);
	if (barren != NULL && sure) {
		warning_add(view, SEVERITY_WARNING, "no-vfs", &barren->address, claim,
			    "'%s' means its virtual functions, and it has none now", text);
		warning_fix(view,
			    "they are claimed as they appear: let something at boot write "
			    "their number to sriov_numvfs of %s",
			    ADDRESS_TEXT(barren));
		return;
	}
	warning_add(view, SEVERITY_FAULT, "no-match", NULL, claim, "nothing matches '%s'%s%s",
		    text, elsewhere ? "; these IDs are at " : "",
		    elsewhere ? ADDRESS_TEXT(elsewhere) : "");
	if (barren != NULL)
		warning_fix(view,
			    "if virtual functions of %s are meant, let something at boot "
			    "write their number to its sriov_numvfs; else look for the device "
			    "with lspci -nn",
			    ADDRESS_TEXT(barren));
	else
		warning_fix(view, "look for the device with lspci -nn and mend the selector");
}

static bool same_model(const struct device *a, const struct device *b)
{
	return a->ids.vendor == b->ids.vendor && a->ids.device == b->ids.device && !a->is_vf &&
	       !b->is_vf;
}

/* Taken by this claim for its own sake. */
static bool takes_matched(const struct view *view, const struct claim *claim, size_t index)
{
	return view_takes(view, index) && view->decisions[index].decision->claim == claim &&
	       !view->decisions[index].decision->companion;
}

/* Cards, not functions: each slot once, each virtual function by itself. */
static unsigned count_cards(const struct view *view, const struct claim *claim,
			    const struct device *model)
{
	const struct snapshot *snapshot = view->outlook->snapshot;
	const struct device *last = NULL;
	unsigned cards = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct device *device = &snapshot->devices[i];

		if (!takes_matched(view, claim, i) ||
		    (model != NULL && !same_model(model, device)))
			continue;
		if (last == NULL || device->is_vf ||
		    !pci_address_same_slot(&last->address, &device->address))
			cards++;
		last = device;
	}
	return cards;
}

static void warn_of_number(struct view *view, const struct claim *claim)
{
	unsigned cards = count_cards(view, claim, NULL);

	if (claim->expect == 0 || claim->expect == cards)
		return;
	warning_add(view, SEVERITY_FAULT, "expect", NULL, claim,
		    "%u card%s expected, %u will be claimed", claim->expect,
		    claim->expect == 1 ? "" : "s", cards);
	warning_fix(view, cards > claim->expect
				  ? "name the cards that are meant by address or path, or say "
				    "how many there are with expect ="
				  : "see why a card is missing or refused, or say how many "
				    "there are with expect =");
}

/* A selector that takes every card of its kind. */
static bool takes_any(const struct claim *claim, const struct device *device)
{
	const unsigned exact = SELECT_ADDRESS | SELECT_PATH | SELECT_NTH;

	for (size_t i = 0; i < claim->match_count; i++)
		if ((claim->matches[i].words & exact) == 0 &&
		    selector_holds_plainly(&claim->matches[i], device))
			return true;
	return false;
}

/* The cards of this model that no claim names: adds them to `text`, returns how many. */
static unsigned list_left(const struct view *view, const struct device *model,
			  struct text *text)
{
	const struct snapshot *snapshot = view->outlook->snapshot;
	enum { SHOWN = 8 };
	unsigned count = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct device *device = &snapshot->devices[i];

		if (view->decisions[i].decision != NULL || !same_model(model, device))
			continue;
		if (count < SHOWN)
			text_add(text, "%s%s (%s)", count > 0 ? ", " : "", ADDRESS_TEXT(device),
				 *device->driver ? device->driver : "no driver");
		count++;
	}
	if (count > SHOWN)
		text_add(text, " and %u more", count - SHOWN);
	return count;
}

static void warn_of_model(struct view *view, const struct claim *claim,
			  const struct device *model)
{
	struct text text = { 0 };
	AUTO_FREE char *left = NULL;
	unsigned cards = count_cards(view, claim, model);
	unsigned count = list_left(view, model, &text);

	if (text_take(&text, &left) < 0) {
		view->error = -ENOMEM;
		return;
	}
	if (count > 0) {
		warning_add(view, SEVERITY_WARNING, "identical-left", &model->address, claim,
			    "of the cards %04x:%04x, %s stay%s with the host",
			    model->ids.vendor, model->ids.device, left, count == 1 ? "s" : "");
		warning_fix(view,
			    "nothing, if that is meant; match = %04x:%04x takes all of them",
			    model->ids.vendor, model->ids.device);
	} else if (cards > 1 && claim->expect == 0 && takes_any(claim, model)) {
		warning_add(view, SEVERITY_WARNING, "identical-all", &model->address, claim,
			    "takes all %u cards %04x:%04x, and leaves the host none of them",
			    cards, model->ids.vendor, model->ids.device);
		if (claim->origin == ORIGIN_CONFIG)
			warning_fix(view,
				    "expect = %u says that all are meant; an address, path= or "
				    "nth= takes one",
				    cards);
		else
			warning_fix(view, "rd.vfio-claim=%s takes this one alone",
				    ADDRESS_TEXT(model));
	}
}

/* Each model that the claim takes, once. */
static void warn_of_models(struct view *view, const struct claim *claim)
{
	const struct snapshot *snapshot = view->outlook->snapshot;

	for (size_t i = 0; i < snapshot->count; i++) {
		bool first = takes_matched(view, claim, i) && !snapshot->devices[i].is_vf;

		for (size_t j = 0; first && j < i; j++)
			first = !takes_matched(view, claim, j) ||
				!same_model(&snapshot->devices[j], &snapshot->devices[i]);
		if (first)
			warn_of_model(view, claim, &snapshot->devices[i]);
	}
}

/*
 * A kernel that is locked down loads no module without a signature that it trusts
 * (kernel/module/signing.c: LOCKDOWN_MODULE_SIGNATURE). VFIO itself is not restricted by it.
 */
static void warn_of_driver(struct view *view, const struct claim *claim, size_t index)
{
	const struct host_facts *facts = view->outlook->facts;
	bool locked = *facts->lockdown != '\0' && strcmp(facts->lockdown, "none") != 0;

	if (is_automatic(claim) || facts->drivers == NULL)
		return;
	if (!facts->drivers[index].found) {
		warning_add(view, SEVERITY_FAULT, "driver-missing", NULL, claim,
			    "no kernel here has the driver %s", claim->driver);
		warning_fix(view, "driver = auto chooses one for the device; or install the "
				  "module for every kernel");
	} else if (facts->drivers[index].outside && locked) {
		warning_add(view, SEVERITY_WARNING, "driver-unsigned", NULL, claim,
			    "the driver %s is not the kernel's own, and the kernel is locked "
			    "down (%s): it loads only what is signed with a key it trusts",
			    claim->driver, facts->lockdown);
		warning_fix(view, "sign the module and enrol the key (mokutil --import)");
	}
}

void warn_of_claims(struct view *view)
{
	const struct claims *claims = view->outlook->claims;

	for (size_t i = 0; i < claims->count; i++) {
		const struct claim *claim = &claims->items[i];

		for (size_t j = 0; j < claim->match_count; j++)
			if (select_count(view, &claim->matches[j]) == 0 &&
			    !is_refused_by_address(view, claim, &claim->matches[j]) &&
			    !is_repeated(view, claim, &claim->matches[j]))
				warn_of_unmatched(view, claim, &claim->matches[j]);
		warn_of_number(view, claim);
		warn_of_models(view, claim);
		warn_of_driver(view, claim, i);
	}
}
