// SPDX-License-Identifier: GPL-2.0-or-later
/* Readiness of the devices and of the claims that take them. */
#include <errno.h>
#include <string.h>

#include "findings.h"
#include "lookup.h"
#include "match.h"
#include "text.h"

/* --- Devices ----------------------------------------------------------------------------- */

bool driver_leaves_group(const char *driver)
{
	size_t length = strlen(driver);
	size_t tail = strlen(VFIO_PCI_DRIVER);

	if (*driver == '\0' || strcmp(driver, "pci-stub") == 0 ||
	    strcmp(driver, "pcieport") == 0)
		return true;
	/* vfio-pci, mlx5_vfio_pci, nvgrace-gpu-vfio-pci: */
	return length >= tail && (strcmp(driver + length - tail, VFIO_PCI_DRIVER) == 0 ||
				  strcmp(driver + length - tail, VFIO_PCI_MODULE) == 0);
}

/*
 * A VFIO driver of another name, which some claim has: whoever configured it meant it for the
 * purpose. Of any other driver the kernel cares little what a claim says of it.
 */
static bool is_claims_driver(const struct facts *facts, const char *driver)
{
	if (strstr(driver, "vfio") == NULL)
		return false;
	for (size_t i = 0; i < facts->claims->count; i++)
		if (strcmp(facts->claims->items[i].driver, driver) == 0)
			return true;
	return false;
}

static const struct decision *find_decision(const struct facts *facts,
					    const struct device *device)
{
	for (size_t i = 0; i < facts->plan->decision_count; i++)
		if (facts->plan->decisions[i].device == device)
			return &facts->plan->decisions[i];
	return NULL;
}

/* What can be done about a device that is in the group of a claimed one, the best first. */
enum remedy { REMEDY_CLAIM, REMEDY_ADDRESS, REMEDY_DRIVER, REMEDY_SLOT };

/* One that no claim takes, with a driver that keeps its group from VFIO. */
struct stranger {
	const struct device *device; /* NULL: there is none */
	enum remedy remedy;
	const char *need;               /* of REMEDY_SLOT: why the host needs it, or may */
	const struct decision *refusal; /* of REMEDY_ADDRESS: what the claim says now */
};

/*
 * What stays with the host whatever a claim says, or should, is not to be claimed either: a
 * bridge, and what is needed or could be, which is why the late phase refuses it. Every other
 * refusal is about how a claim names the device (a card that was changed, a bridge that a
 * pattern catches), so its address does. Another function of a card is only to be named.
 */
static struct stranger judge_stranger(const struct facts *facts, const struct device *device,
				      const struct decision *decision)
{
	struct stranger stranger = { .device = device, .remedy = REMEDY_SLOT };

	if (device_is_bridge(device) && !device_is_other_bridge(device)) {
		stranger.remedy = REMEDY_DRIVER;
		return stranger;
	}
	stranger.need = guards_reason(facts->guards, &device->address, guard_kind_of(device));
	if (stranger.need == NULL)
		stranger.need = uses_route(facts->uses, &device->address);
	if (decision != NULL && !decision->companion) {
		stranger.refusal = decision;
		if (stranger.need == NULL && decision->late)
			stranger.need = decision->reason;
	}
	if (stranger.need == NULL)
		stranger.remedy = stranger.refusal != NULL ? REMEDY_ADDRESS : REMEDY_CLAIM;
	return stranger;
}

/*
 * Who keeps the group of a device from VFIO: "0000:01:00.1 (snd_hda_intel)". `ret_stranger`:
 * one of them is no claim's; only then is it news.
 */
static void find_blockers(struct draft *draft, const struct device *device,
			  struct text *blockers, struct stranger *ret_stranger)
{
	const struct facts *facts = draft->facts;
	char address[PCI_ADDRESS_SIZE];

	*ret_stranger = (struct stranger){ 0 };
	for (size_t i = 0; i < facts->snapshot->count; i++) {
		const struct device *other = &facts->snapshot->devices[i];

		if (other == device || other->iommu_group != device->iommu_group ||
		    driver_leaves_group(other->driver) ||
		    is_claims_driver(facts, other->driver))
			continue;
		text_add(blockers, "%s%s (%s)", blockers->length > 0 ? ", " : "",
			 pci_address_format(&other->address, address), other->driver);
		const struct decision *decision = find_decision(facts, other);
		if (decision != NULL && decision->verdict == VERDICT_TAKE)
			continue;
		/* Of several the worst, for that decides what can be done. */
		const struct stranger stranger = judge_stranger(facts, other, decision);
		if (ret_stranger->device == NULL || ret_stranger->remedy < stranger.remedy)
			*ret_stranger = stranger;
	}
	if (blockers->error < 0)
		draft->error = blockers->error;
}

static void not_ready(struct device_readiness *device, enum finding_code cause)
{
	device->state = DEVICE_NOT_READY;
	device->cause = cause;
}

static void fix_incomplete_group(struct draft *draft, struct finding *finding,
				 const struct decision *decision,
				 const struct stranger *stranger)
{
	char address[PCI_ADDRESS_SIZE];

	(void)pci_address_format(&stranger->device->address, address);
	switch (stranger->remedy) {
	case REMEDY_SLOT:
		finding_fix(draft, finding,
			    "move the card to another slot; %s has to stay with the host: %s",
			    address, stranger->need);
		return;
	case REMEDY_DRIVER:
		finding_fix(draft, finding,
			    "move the card to another slot; or, as %s is a bridge and those "
			    "are never claimed, keep its driver %s away ('blacklist' in "
			    "modprobe.d(5)) and reboot",
			    address, stranger->device->driver);
		return;
	case REMEDY_ADDRESS:
		finding_fix(
			draft, finding,
			"claim it by its address ('match = %s' in [claim %s]; it is refused "
			"now: %s), " FIX_APPLY,
			address, stranger->refusal->claim->name, stranger->refusal->reason);
		return;
	case REMEDY_CLAIM:
		break;
	}
	finding_fix(draft, finding,
		    "claim it too ('match = %s' in [claim %s]), " FIX_APPLY
		    "; or move one of the cards to another slot",
		    address, decision->claim->name);
}

static void find_incomplete_group(struct draft *draft, const struct decision *decision,
				  const char *blockers, const struct stranger *stranger)
{
	struct finding *finding =
		finding_add_about(draft, FINDING_GROUP_INCOMPLETE, LEVEL_ERROR, decision);

	finding_say(draft, finding,
		    "IOMMU group %d is incomplete: VFIO gives it to nobody while a native "
		    "driver has "
		    "%s",
		    decision->device->iommu_group, blockers);
	fix_incomplete_group(draft, finding, decision, stranger);
}

bool is_without_iommu(const struct facts *facts, size_t index)
{
	return facts->plan->decisions[index].device->iommu_group < 0 &&
	       facts->devices[index].node == ANSWER_YES;
}

bool is_meant_without(const struct facts *facts, size_t index)
{
	return facts->config->host.iommu == IOMMU_OFF && is_without_iommu(facts, index);
}

/* On the driver: can VFIO use it? */
static void assess_group(struct draft *draft, size_t index)
{
	const struct decision *decision = &draft->facts->plan->decisions[index];
	const struct device_facts *facts = &draft->facts->devices[index];
	struct device_readiness *out = &draft->out.devices[index];
	struct text blockers = { 0 };
	AUTO_FREE char *list = NULL;
	struct stranger stranger;

	if (decision->device->iommu_group < 0) {
		if (!is_meant_without(draft->facts, index))
			not_ready(out, FINDING_NO_GROUP);
		return;
	}
	find_blockers(draft, decision->device, &blockers, &stranger);
	if (text_take(&blockers, &list) < 0) {
		draft->error = -ENOMEM;
		return;
	}
	out->viable = *list == '\0' ? ANSWER_YES : ANSWER_NO;
	if (out->viable == ANSWER_NO) {
		not_ready(out, FINDING_GROUP_INCOMPLETE);
		if (stranger.device != NULL)
			find_incomplete_group(draft, decision, list, &stranger);
		return;
	}
	if (facts->node != ANSWER_NO)
		return;
	not_ready(out, FINDING_GROUP_NODE);
	struct finding *finding =
		finding_add_about(draft, FINDING_GROUP_NODE, LEVEL_ERROR, decision);
	finding_say(draft, finding,
		    "there is no /dev/vfio/%d, so nobody can open its IOMMU group",
		    decision->device->iommu_group);
	finding_fix(draft, finding,
		    "see that udev runs and that the module vfio is loaded: udevadm "
		    "trigger, modprobe vfio");
}

static int compare_boot_device(const void *key, const void *element)
{
	const struct boot_device *device = element;

	return pci_address_compare(key, &device->address);
}

const struct boot_device *boot_record_find(const struct boot_record *record,
					   const struct pci_address *address)
{
	return record->device_count > 0
		       ? bsearch(address, record->devices, record->device_count,
				 sizeof(*record->devices), compare_boot_device)
		       : NULL;
}

/* What is wrong with the whole machine and explains why a device is not bound; or the count. */
static enum finding_code common_cause(const struct facts *facts,
				      const struct decision *decision,
				      const struct boot_device *boot)
{
	if (decision->device->iommu_group < 0 && facts->has_groups == ANSWER_NO)
		return FINDING_IOMMU_OFF;
	if (!facts->boot->found)
		return FINDING_HELPER_ABSENT;
	if (!facts->boot->enabled)
		return FINDING_HELPER_OFF;
	if (boot != NULL)
		return FINDING_CODE_COUNT;
	if (strcmp(facts->boot->table_status, "ok") != 0)
		return FINDING_TABLE_BAD;
	return config_is_newer(facts) ? FINDING_CONFIG_NEWER : FINDING_CODE_COUNT;
}

static void find_native_driver(struct draft *draft, const struct decision *decision,
			       const struct boot_device *boot)
{
	char address[PCI_ADDRESS_SIZE];
	struct finding *finding =
		finding_add_about(draft, FINDING_NATIVE_DRIVER, LEVEL_ERROR, decision);

	(void)pci_address_format(&decision->address, address);
	if (boot != NULL && boot->outcome == BOOT_CLAIMED)
		finding_say(draft, finding,
			    "%s has it, not %s: it was claimed at boot and taken since",
			    decision->device->driver, decision->driver);
	else
		finding_say(draft, finding, "%s has it, not %s%s%s", decision->device->driver,
			    decision->driver,
			    boot != NULL && *boot->reason != '\0' ? "; at boot: " : "",
			    boot != NULL ? boot->reason : "");
	finding_fix(draft, finding, "run 'vfio-claim claim %s', or reboot", address);
}

static void find_unbound(struct draft *draft, size_t index, const struct boot_device *boot,
			 enum finding_code code)
{
	const struct decision *decision = &draft->facts->plan->decisions[index];
	char address[PCI_ADDRESS_SIZE];
	struct finding *finding = finding_add_about(draft, code, LEVEL_ERROR, decision);

	(void)pci_address_format(&decision->address, address);
	if (code == FINDING_HELPER_FAILED)
		finding_say(draft, finding, "no driver has it; at boot: %s", boot->reason);
	else if (code == FINDING_OVERRIDE_MISSING)
		finding_say(draft, finding,
			    "no driver has it and its driver_override is not %s, so the next "
			    "native "
			    "driver takes it",
			    decision->driver);
	else
		finding_say(draft, finding,
			    "no driver has it, though its driver_override is set");
	finding_fix(draft, finding, "run 'vfio-claim claim %s', or reboot%s", address,
		    code == FINDING_NOT_BOUND ? "; the kernel's log has more" : "");
}

/* What to do about a device that is left to the host. */
static void fix_refused(struct draft *draft, struct finding *finding,
			const struct decision *decision)
{
	const char *claim = decision->claim->name;

	if (decision->companion)
		finding_fix(draft, finding,
			    "name it in [claim %s] with 'match =' if it is meant, with "
			    "'except =' if not",
			    claim);
	else if (decision->late)
		finding_fix(
			draft, finding,
			"keep it out of [claim %s] with 'except ='; or, if nothing that you "
			"need is on it, take it with its exact address and 'when = early'",
			claim);
	else
		finding_fix(draft, finding, "keep it out of [claim %s] with 'except ='", claim);
}

static void find_refused_at_boot(struct draft *draft, const struct decision *decision,
				 const struct boot_device *boot)
{
	struct finding *finding =
		finding_add_about(draft, FINDING_DEVICE_REFUSED, LEVEL_ERROR, decision);

	finding_say(draft, finding, "the boot helper refused it: %s", boot->reason);
	fix_refused(draft, finding, decision);
}

static void find_no_late_run(struct draft *draft, const struct decision *decision)
{
	struct finding *finding =
		finding_add_about(draft, FINDING_LATE_RUN_MISSING, LEVEL_ERROR, decision);

	finding_say(
		draft, finding,
		"it waits for the boot helper's late run, when root is mounted, and that never "
		"came");
	finding_fix(draft, finding, FIX_APPLY ": the initramfs lacks the late hook");
}

static void find_no_driver(struct draft *draft, const struct decision *decision)
{
	struct finding *finding =
		finding_add_about(draft, FINDING_DRIVER_MISSING, LEVEL_ERROR, decision);

	finding_say(draft, finding,
		    "the driver %s is neither loaded nor among this kernel's modules",
		    decision->driver);
	finding_fix(draft, finding,
		    "install the kernel's package of modules that has it, or mend "
		    "'driver =', " FIX_APPLY);
}

static void find_no_group(struct draft *draft, size_t index)
{
	const struct decision *decision = &draft->facts->plan->decisions[index];
	struct finding *finding =
		finding_add_about(draft, FINDING_NO_GROUP, LEVEL_ERROR, decision);

	finding_say(draft, finding,
		    is_without_iommu(draft->facts, index)
			    ? "it is in no IOMMU group: VFIO has it in its no-IOMMU mode, in "
			      "which no virtual machine can have it"
			    : "it is in no IOMMU group, so VFIO cannot have it");
	finding_fix(draft, finding,
		    "see the kernel's log for why the IOMMU leaves it out (on Intel, "
		    "intel_iommu=igfx_off does for the graphics unit)");
}

/* Not on the driver: why? Exactly one cause is given. */
static enum finding_code assess_unbound(struct draft *draft, size_t index)
{
	const struct facts *facts = draft->facts;
	const struct decision *decision = &facts->plan->decisions[index];
	const struct device_facts *own = &facts->devices[index];
	const struct boot_device *boot = boot_record_find(facts->boot, &decision->address);
	enum finding_code code = common_cause(facts, decision, boot);

	if (own->driver_there == ANSWER_NO) {
		find_no_driver(draft, decision);
		return FINDING_DRIVER_MISSING;
	}
	if (code != FINDING_CODE_COUNT)
		return code;
	if (decision->device->iommu_group < 0) {
		find_no_group(draft, index);
		return FINDING_NO_GROUP;
	}
	if (boot != NULL && boot->outcome == BOOT_WAITING) {
		find_no_late_run(draft, decision);
		return FINDING_LATE_RUN_MISSING;
	}
	if (boot != NULL && boot->outcome == BOOT_REFUSED) {
		find_refused_at_boot(draft, decision, boot);
		return FINDING_DEVICE_REFUSED;
	}
	if (*decision->device->driver != '\0') {
		find_native_driver(draft, decision, boot);
		return FINDING_NATIVE_DRIVER;
	}
	code = boot != NULL && boot->outcome == BOOT_FAILED ? FINDING_HELPER_FAILED
	       : own->override_known && strcmp(own->override, decision->driver) != 0
		       ? FINDING_OVERRIDE_MISSING
		       : FINDING_NOT_BOUND;
	find_unbound(draft, index, boot, code);
	return code;
}

/* What leaves a device ready, but not as it was meant. */
static void warn_about(struct draft *draft, const struct decision *decision,
		       const struct device_facts *own)
{
	struct finding *finding;

	if (decision->fallback && strcmp(decision->device->driver, decision->driver) != 0) {
		finding = finding_add_about(draft, FINDING_VARIANT_UNUSED, LEVEL_WARNING,
					    decision);
		finding_say(draft, finding,
			    "vfio-pci has it, since the variant driver %s did not take it",
			    decision->driver);
		finding_fix(draft, finding,
			    "the kernel's log tells why; 'driver = vfio-pci' in [claim "
			    "%s] if it is to stay so",
			    decision->claim->name);
		return;
	}
	if (!own->override_known || strcmp(own->override, decision->device->driver) == 0)
		return;
	finding = finding_add_about(draft, FINDING_OVERRIDE_MISSING, LEVEL_WARNING, decision);
	if (*own->override == '\0')
		finding_say(draft, finding,
			    "its driver_override is not set: once unbound, any native driver "
			    "takes it");
	else
		finding_say(draft, finding,
			    "its driver_override is %s: once unbound, that takes it",
			    own->override);
	finding_fix(draft, finding, "reboot; the boot helper sets it");
}

static bool is_on_driver(const struct decision *decision)
{
	const char *driver = decision->device != NULL ? decision->device->driver : "";

	return strcmp(driver, decision->driver) == 0 ||
	       (decision->fallback && strcmp(driver, VFIO_PCI_DRIVER) == 0);
}

static void assess_taken(struct draft *draft, size_t index)
{
	const struct decision *decision = &draft->facts->plan->decisions[index];
	struct device_readiness *out = &draft->out.devices[index];

	out->taken = true;
	if (!is_on_driver(decision)) {
		not_ready(out, assess_unbound(draft, index));
		return;
	}
	assess_group(draft, index);
	if (out->state == DEVICE_NOT_READY && out->cause == FINDING_NO_GROUP) {
		if (draft->facts->has_groups == ANSWER_NO)
			out->cause = FINDING_IOMMU_OFF;
		else
			find_no_group(draft, index);
	}
	if (out->state == DEVICE_READY && interrupts_are_unsafe(draft->facts))
		not_ready(out, FINDING_NO_INTERRUPT_REMAPPING);
	warn_about(draft, decision, &draft->facts->devices[index]);
}

/* --- Claims ------------------------------------------------------------------------------ */

/* What became of one claim. */
struct tally {
	unsigned cards; /* that it takes; a virtual function is a card of its own */
	bool matches;   /* some selector holds for some device */
	bool missing;   /* an exact address of it has been reported */
};

/* True when one of the claim's selectors holds for the device. */
static bool claim_names(struct draft *draft, const struct claim *claim,
			const struct device *device)
{
	const struct snapshot *snapshot = draft->facts->snapshot;
	AUTO_FREE bool *taken = calloc(snapshot->count + 1, sizeof(*taken));
	bool any = false;

	if (taken == NULL) {
		draft->error = -ENOMEM;
		return false;
	}
	for (size_t i = 0; i < claim->match_count; i++)
		any = selector_select(&claim->matches[i], snapshot, taken) > 0 || any;
	return device != NULL ? taken[device - snapshot->devices] : any;
}

/* Decisions are in address order, so that the functions of a card come together. */
static struct tally tally_claim(struct draft *draft, const struct claim *claim)
{
	const struct plan *plan = draft->facts->plan;
	struct tally tally = { .matches = claim_names(draft, claim, NULL) };
	const struct device *last = NULL;

	for (size_t i = 0; i < plan->decision_count; i++) {
		const struct decision *decision = &plan->decisions[i];
		const struct device_readiness *device = &draft->out.devices[i];

		if (decision->claim != claim)
			continue;
		if (decision->verdict == VERDICT_REFUSE)
			tally.missing = tally.missing ||
					(!device->taken && device->state != DEVICE_LEFT);
		if (!device->taken || decision->companion)
			continue;
		if (last == NULL || decision->device->is_vf ||
		    !pci_address_same_slot(&last->address, &decision->address))
			tally.cards++;
		last = decision->device;
	}
	return tally;
}

/* A device that is left to the host is no fault, unless the claim has not enough without it. */
static bool has_enough(const struct claim *claim, const struct tally *tally)
{
	return tally->cards > 0 && (claim->expect == 0 || tally->cards >= claim->expect);
}

static void assess_claim(struct draft *draft, const struct claim *claim)
{
	struct tally tally = tally_claim(draft, claim);
	struct finding *finding;

	if (!tally.matches && !tally.missing) {
		finding = finding_add(draft, FINDING_CLAIM_UNMATCHED,
				      claim->origin == ORIGIN_CONFIG ? LEVEL_ERROR
								     : LEVEL_WARNING);
		finding_say(draft, finding,
			    "claim %s: this machine has no device that it names", claim->name);
		if (finding != NULL)
			finding->claim = claim->name;
		finding_fix(draft, finding,
			    "plug the card in, or mend its 'match =': 'lspci -nn' shows what "
			    "is there");
		return;
	}
	if (claim->expect == 0 || tally.cards == claim->expect)
		return;
	finding = finding_add(draft, FINDING_EXPECT_DIFFERS, LEVEL_ERROR);
	finding_say(draft, finding, "claim %s: %u card%s expected, %u taken", claim->name,
		    claim->expect, claim->expect == 1 ? "" : "s", tally.cards);
	if (finding != NULL)
		finding->claim = claim->name;
	finding_fix(draft, finding,
		    tally.cards < claim->expect
			    ? "look for the card with 'lspci -nn'; or mend 'expect ='"
			    : "narrow its 'match =' down; or mend 'expect ='");
}

/* True when VFIO has a device that the plan of now refuses: the boot took it all the same. */
static bool is_claimed_still(const struct facts *facts, const struct decision *decision)
{
	const struct boot_device *boot = boot_record_find(facts->boot, &decision->address);

	return boot != NULL && boot->outcome == BOOT_CLAIMED &&
	       *decision->device->driver != '\0' &&
	       (driver_leaves_group(decision->device->driver) ||
		is_claims_driver(facts, decision->device->driver));
}

static void find_refused_later(struct draft *draft, const struct decision *decision)
{
	struct finding *finding =
		finding_add_about(draft, FINDING_DEVICE_REFUSED, LEVEL_WARNING, decision);

	finding_say(draft, finding,
		    "VFIO has it in this boot; the next one leaves it to the host: %s",
		    decision->reason);
	fix_refused(draft, finding, decision);
}

/* A refusal: no device at the address, another one, or one that is left to the host. */
static void assess_refused(struct draft *draft, size_t index)
{
	const struct decision *decision = &draft->facts->plan->decisions[index];
	struct device_readiness *out = &draft->out.devices[index];
	enum finding_code code = FINDING_DEVICE_REFUSED;

	if (decision->device == NULL)
		code = FINDING_DEVICE_MISSING;
	else if (!decision->companion && !claim_names(draft, decision->claim, decision->device))
		code = FINDING_DEVICE_DIFFERS;
	if (code == FINDING_DEVICE_REFUSED && is_claimed_still(draft->facts, decision)) {
		out->taken = true;
		assess_group(draft, index);
		find_refused_later(draft, decision);
		return;
	}
	out->state = code == FINDING_DEVICE_REFUSED ? DEVICE_LEFT : DEVICE_NOT_READY;
	out->cause = code;
}

/* After the claims' cards are known. */
static void find_refused(struct draft *draft, size_t index)
{
	const struct decision *decision = &draft->facts->plan->decisions[index];
	const struct tally tally = tally_claim(draft, decision->claim);
	enum finding_code code = draft->out.devices[index].cause;
	bool left = draft->out.devices[index].state == DEVICE_LEFT;
	struct finding *finding = finding_add_about(
		draft, code,
		left && has_enough(decision->claim, &tally) ? LEVEL_WARNING : LEVEL_ERROR,
		decision);

	finding_say(draft, finding, "%s%s", left ? "left to the host: " : "", decision->reason);
	if (left)
		fix_refused(draft, finding, decision);
	else
		finding_fix(draft, finding,
			    "plug the card in there, or mend 'match =' in [claim %s]",
			    decision->claim->name);
}

/*
 * True when the claim of now is to have the device that the boot gave it, and nothing else tells
 * that it is gone: neither an address in the configuration, nor `expect`, nor a claim of it
 * that is without any device.
 */
static bool is_missed(struct draft *draft, const struct boot_device *boot,
		      const struct claim *claim)
{
	const struct plan *plan = draft->facts->plan;

	if (boot->outcome != BOOT_CLAIMED || claim == NULL || claim->expect > 0 ||
	    snapshot_find(draft->facts->snapshot, &boot->address) <
		    draft->facts->snapshot->count)
		return false;
	for (size_t i = 0; i < plan->decision_count; i++)
		if (pci_address_compare(&plan->decisions[i].address, &boot->address) == 0)
			return false;
	const struct tally tally = tally_claim(draft, claim);
	return tally.matches || tally.missing || claim->origin != ORIGIN_CONFIG;
}

/* A device that was claimed at boot and has left the bus since: the plan knows nothing of it. */
static void find_vanished(struct draft *draft, const struct boot_device *boot)
{
	const struct claim *claim = claims_find(draft->facts->claims, boot->claim);

	if (!is_missed(draft, boot, claim))
		return;
	/* Virtual functions come and go with sriov_numvfs. */
	struct finding *finding = finding_add(draft, FINDING_DEVICE_MISSING,
					      boot->is_vf ? LEVEL_WARNING : LEVEL_ERROR);
	draft->out.wanted += !boot->is_vf;
	if (finding != NULL) {
		finding->has_address = true;
		finding->address = boot->address;
		finding->claim = claim->name;
	}
	finding_say(draft, finding, "it was claimed at boot and has left the bus since");
	finding_fix(draft, finding,
		    boot->is_vf ? "make the virtual functions again (sriov_numvfs), if it is "
				  "to be there"
				: "the kernel's log tells why; where it was taken out, a "
				  "reboot ends this");
}

/* Each selector with an exact address that finds nothing there has a refusal in the plan. */
static bool is_repeated(const struct plan *plan, size_t index)
{
	const struct decision *decision = &plan->decisions[index];

	for (size_t i = index; i > 0; i--) {
		const struct decision *before = &plan->decisions[i - 1];

		if (pci_address_compare(&before->address, &decision->address) != 0)
			return false;
		if (before->claim == decision->claim)
			return true;
	}
	return false;
}

/* What two selectors miss differs only where both say which card they want. */
static bool is_said(const struct draft *draft, size_t index)
{
	const struct decision *decision = &draft->facts->plan->decisions[index];

	return draft->out.devices[index].repeated &&
	       strcmp(decision->reason, decision[-1].reason) == 0;
}

static void count_devices(struct draft *draft)
{
	for (size_t i = 0; i < draft->out.device_count; i++) {
		const struct device_readiness *device = &draft->out.devices[i];

		draft->out.wanted += device->state != DEVICE_LEFT && !device->repeated;
		draft->out.ready += device->state == DEVICE_READY;
	}
}

void assess_devices(struct draft *draft)
{
	const struct facts *facts = draft->facts;
	const struct plan *plan = facts->plan;

	for (size_t i = 0; i < plan->decision_count; i++) {
		draft->out.devices[i].repeated = is_repeated(plan, i);
		if (plan->decisions[i].verdict == VERDICT_TAKE)
			assess_taken(draft, i);
		else
			assess_refused(draft, i);
	}
	for (size_t i = 0; i < plan->decision_count; i++)
		if (!draft->out.devices[i].taken && !is_said(draft, i))
			find_refused(draft, i);
	for (size_t i = 0; i < facts->claims->count; i++)
		assess_claim(draft, &facts->claims->items[i]);
	count_devices(draft);
	for (size_t i = 0; i < facts->boot->device_count && !config_is_newer(facts); i++)
		find_vanished(draft, &facts->boot->devices[i]);
}
