// SPDX-License-Identifier: GPL-2.0-or-later
/* What Nova is told of the claimed devices. */
#include "nova.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "inventory.h"

/* Nova's highest address (nova/pci/devspec.py: MAX_DOMAIN). */
enum { NOVA_DOMAIN_MOST = 0xffff, ALIAS_SIZE = CLAIM_NAME_SIZE + 32 };

enum by { BY_AUTO, BY_IDS, BY_ADDRESS };

/* What one device spec may stand for: a device of the machine, or, without one, a selector. */
struct unit {
	const struct claim *claim;
	const struct export_device *device; /* NULL without a machine */
	const struct export_device *twin;   /* has its IDs and is not given; or NULL */
	uint32_t vendor;                    /* PCI_ANY: not known */
	uint32_t product;
	enum cloud_device_type type; /* CLOUD_TYPE_AUTO: not said */
	bool companion;              /* a further function of its card */
	bool by_address;
	size_t first; /* the first unit of its kind: see same_kind() */
	char address[PCI_ADDRESS_SIZE]; /* empty: none is known */
	char alias[ALIAS_SIZE];
};

struct work {
	const struct exports *exports;
	struct nova *nova;
	struct text *reason;
	enum by by;
	struct unit *units;
	size_t count;
};

static const struct nova_release releases[] = {
	{ "newton", "newton", 14 },     { "ocata", "ocata", 15 },
	{ "pike", "pike", 16 },         { "queens", "queens", 17 },
	{ "rocky", "rocky", 18 },       { "stein", "stein", 19 },
	{ "train", "train", 20 },       { "ussuri", "ussuri", 21 },
	{ "victoria", "victoria", 22 }, { "wallaby", "wallaby", 23 },
	{ "xena", "xena", 24 },         { "yoga", "yoga", 25 },
	{ "zed", "zed", 26 },           { "2023.1", "antelope", 27 },
	{ "2023.2", "bobcat", 28 },     { "2024.1", "caracal", 29 },
	{ "2024.2", "dalmatian", 30 },  { "2025.1", "epoxy", 31 },
	{ "2025.2", "flamingo", 32 },   { "2026.1", "gazpacho", 33 },
};

enum { RELEASE_COUNT = sizeof(releases) / sizeof(releases[0]) };

const struct nova_release *nova_release_find(const char *name)
{
	if (name == NULL)
		return &releases[RELEASE_COUNT - 1];
	for (size_t i = 0; i < RELEASE_COUNT; i++)
		if (strcmp(releases[i].name, name) == 0 ||
		    strcmp(releases[i].codename, name) == 0)
			return &releases[i];
	return NULL;
}

/* Why not. Returns -EPERM. */
static int refuse(struct work *work, const char *format, ...) PRINTF_LIKE(2, 3);

static int refuse(struct work *work, const char *format, ...)
{
	char sentence[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	text_add(work->reason, "%s", sentence);
	return -EPERM;
}

static int find_release(struct work *work, const char *usual)
{
	const char *given = work->exports->options->release;
	const char *name = given != NULL ? given : usual;

	work->nova->release = nova_release_find(name);
	if (work->nova->release != NULL)
		return 0;
	text_add(work->reason, "there is no release '%s' of OpenStack; it is one of:", name);
	for (size_t i = 0; i < RELEASE_COUNT; i++)
		text_add(work->reason, " %s", releases[i].name);
	return -EINVAL;
}

static int read_options(struct work *work, const char *usual)
{
	static const char *const ways[] = { "auto", "ids", "address" };
	const struct export_options *options = work->exports->options;
	struct nova *nova = work->nova;
	int r = find_release(work, usual);

	if (r < 0)
		return r;
	nova->placement = options->placement;
	nova->in_placement = options->placement && nova->release->version >= NOVA_2023_1;
	if (nova->placement && nova->release->version < NOVA_ZED) {
		text_add(work->reason,
			 "--placement: Nova has PCI devices in Placement since zed");
		return -EINVAL;
	}
	for (size_t i = 0; options->by != NULL; i++) {
		if (i == sizeof(ways) / sizeof(ways[0])) {
			text_add(work->reason, "--by is auto, ids or address");
			return -EINVAL;
		}
		if (strcmp(options->by, ways[i]) == 0) {
			work->by = (enum by)i;
			break;
		}
	}
	return 0;
}

/* --- What is given to guests --------------------------------------------------------------- */

/* As libvirt says it and Nova takes it (nova/virt/libvirt/host.py: _get_device_type()). */
static enum cloud_device_type type_of(const struct export_device *device)
{
	if (device->details->is_vf)
		return CLOUD_TYPE_VF;
	return device->details->sriov_totalvfs > 0 ? CLOUD_TYPE_PF : CLOUD_TYPE_PCI;
}

static bool same_ids(const struct device *a, const struct device *b)
{
	return a->ids.vendor == b->ids.vendor && a->ids.device == b->ids.device;
}

/*
 * True for what a guest hardly wants alone: a further function of a card with IDs of its own,
 * such as a GPU's audio. A second port of a network card has the IDs of the first, and a virtual
 * function is a card of its own.
 */
static bool is_companion(const struct exports *exports, size_t index)
{
	const struct export_device *device = &exports->devices[index];

	if (device->details->is_vf)
		return false;
	for (size_t i = index; i-- > 0;) {
		const struct export_device *other = &exports->devices[i];

		if (!pci_address_same_slot(&other->device->address, &device->device->address))
			return false;
		if (export_is_given(other) && other->claim == device->claim &&
		    !other->details->is_vf && !same_ids(other->device, device->device) &&
		    !is_companion(exports, i))
			return true;
	}
	return false;
}

static const char *alias_of(const struct claim *claim)
{
	return claim->cloud.alias[0] != '\0' ? claim->cloud.alias : claim->name;
}

static struct unit *add_unit(struct work *work, const struct claim *claim)
{
	struct unit *unit = array_grow(&work->units, work->count, sizeof(*unit));

	if (unit == NULL)
		return NULL;
	work->count++;
	unit->claim = claim;
	unit->first = work->count - 1;
	unit->vendor = PCI_ANY;
	unit->product = PCI_ANY;
	unit->type = claim->cloud.device_type;
	(void)snprintf(unit->alias, sizeof(unit->alias), "%s", alias_of(claim));
	return unit;
}

/*
 * True where all that Nova is told of two devices is the same but for their addresses: thousands of
 * virtual functions are of one kind, and are compared with others once for all of them.
 */
static bool same_kind(const struct unit *a, const struct unit *b)
{
	return a->claim == b->claim && a->companion == b->companion && a->type == b->type &&
	       a->vendor == b->vendor && a->product == b->product &&
	       strcmp(a->alias, b->alias) == 0;
}

static bool is_first(const struct work *work, const struct unit *unit)
{
	return &work->units[unit->first] == unit;
}

/* The units before it are of few kinds, so that the last one of its kind is near. */
static size_t find_first(const struct work *work, size_t index)
{
	for (size_t i = index; i-- > 0;)
		if (same_kind(&work->units[i], &work->units[index]))
			return work->units[i].first;
	return index;
}

static int add_device(struct work *work, size_t index)
{
	const struct export_device *device = &work->exports->devices[index];
	struct unit *unit = add_unit(work, device->claim);

	if (unit == NULL)
		return -ENOMEM;
	unit->device = device;
	unit->vendor = device->device->ids.vendor;
	unit->product = device->device->ids.device;
	unit->type = type_of(device);
	unit->companion = is_companion(work->exports, index);
	(void)pci_address_format(&device->device->address, unit->address);
	if (unit->companion) {
		size_t used = strlen(unit->alias);

		(void)snprintf(unit->alias + used, sizeof(unit->alias) - used, "-%s",
			       class_word(device->device->class_code));
	}
	unit->first = find_first(work, work->count - 1);
	return 0;
}

/* Without a machine a selector has to say by itself what Nova understands. */
static int judge_selector(struct work *work, const struct claim *claim,
			  const struct selector *selector)
{
	char words[SELECTOR_TEXT_SIZE];
	const char *wrong = NULL;

	if ((selector->words & (SELECT_CLASS | SELECT_NTH | SELECT_PATH)) != 0)
		wrong = "goes by class, path or nth, which Nova does not know";
	else if ((selector->words & SELECT_IDS) == 0)
		wrong = "has no vendor and device ID, without which Nova has no alias";
	else if (selector->ids.subvendor != PCI_ANY || selector->ids.subdevice != PCI_ANY)
		wrong = "goes by the subsystem's IDs, which Nova does not know";
	else if (selector->ids.vendor == PCI_ANY || selector->ids.device == PCI_ANY)
		wrong = "leaves an ID open, and an alias needs both";
	if (wrong == NULL)
		return 0;
	return refuse(work,
		      "'%s' of claim %s %s; export on the machine itself, or with --snapshot "
		      "FILE of it, for the addresses there",
		      selector_format(selector, words), claim->name, wrong);
}

static int add_selector(struct work *work, const struct claim *claim,
			const struct selector *selector)
{
	int r = judge_selector(work, claim, selector);

	if (r < 0)
		return r;
	struct unit *unit = add_unit(work, claim);
	if (unit == NULL)
		return -ENOMEM;
	unit->vendor = selector->ids.vendor;
	unit->product = selector->ids.device;
	if ((selector->words & SELECT_ADDRESS) != 0) {
		unit->by_address = true;
		(void)pci_address_format(&selector->address, unit->address);
		if (selector->any_function)
			unit->address[strlen(unit->address) - 1] = '*';
		if (selector->address.domain > NOVA_DOMAIN_MOST)
			return refuse(work,
				      "%s of claim %s is beyond FFFF:FF:1F.7, the last address "
				      "that Nova knows; leave it to the host",
				      unit->address, claim->name);
	}
	return 0;
}

static int add_claim(struct work *work, const struct claim *claim)
{
	int r = 0;

	if (claim->except_count > 0)
		return refuse(work,
			      "claim %s has an except line, and Nova has no words for that; "
			      "export on the machine itself, or with --snapshot FILE of it, "
			      "for the addresses there",
			      claim->name);
	for (size_t i = 0; r == 0 && i < claim->match_count; i++)
		r = add_selector(work, claim, &claim->matches[i]);
	if (r == 0 && claim->functions == FUNCTIONS_ALL)
		r = sentences_add(&work->nova->notes,
				  "The other functions of claim %s's cards (functions = all) "
				  "are not here: their IDs are not known without the machine "
				  "(--snapshot).",
				  claim->name);
	return r;
}

static int gather(struct work *work)
{
	const struct exports *exports = work->exports;
	int r = 0;

	for (size_t i = 0; r == 0 && i < exports->device_count; i++)
		if (export_is_given(&exports->devices[i]))
			r = add_device(work, i);
	for (size_t i = 0; r == 0 && !exports->has_machine && i < exports->claims->count; i++)
		r = add_claim(work, &exports->claims->items[i]);
	if (r == 0 && work->count == 0)
		return refuse(work, exports->has_machine
					    ? "no claim takes a device of this machine; "
					      "'vfio-claim list --claimed' shows why"
					    : "the configuration has no claim");
	return r;
}

/* --- What cannot be said ------------------------------------------------------------------- */

static int judge_device(struct work *work, const struct unit *unit)
{
	const struct claim_cloud *cloud = &unit->claim->cloud;

	/* Nova passes over such devices without a word where they are given by IDs. */
	if (unit->device->device->address.domain > NOVA_DOMAIN_MOST)
		return refuse(work,
			      "%s of claim %s is beyond FFFF:FF:1F.7, the last address that "
			      "Nova knows; leave it to the host (except = %s)",
			      unit->address, unit->claim->name, unit->address);
	if (!unit->companion && cloud->device_type != CLOUD_TYPE_AUTO &&
	    cloud->device_type != unit->type)
		return refuse(work,
			      "claim %s says device_type = %s, but Nova will see %s as %s; "
			      "take device_type out",
			      unit->claim->name, cloud_device_type_names[cloud->device_type],
			      unit->address, cloud_device_type_names[unit->type]);
	return 0;
}

/* Nova: PlacementPciDependentDeviceException. A spec for a function with SR-IOV takes its virtual
 * functions along, where they have its IDs too. */
static int judge_family(struct work *work, const struct unit *unit)
{
	char address[PCI_ADDRESS_SIZE];

	for (size_t i = 0; !unit->device->details->is_vf && i < work->exports->device_count;
	     i++) {
		const struct export_device *other = &work->exports->devices[i];

		if (!other->details->has_physfn ||
		    pci_address_compare(&other->details->physfn,
					&unit->device->device->address) != 0)
			continue;
		(void)pci_address_format(&other->device->address, address);
		if (export_is_given(other))
			return refuse(work,
				      "%s and its virtual function %s are both claimed, and "
				      "Nova gives either the one or the other to guests; leave "
				      "one of them out (except = %s)",
				      unit->address, address, address);
		if (same_ids(other->device, unit->device->device))
			return refuse(work,
				      "%s is claimed and its virtual function %s, with the "
				      "same IDs, is not; Nova would give both to guests. Take "
				      "its virtual functions away (sriov_numvfs)",
				      unit->address, address);
	}
	return 0;
}

static bool same_in_placement(const struct claim_cloud *a, const struct claim_cloud *b)
{
	bool same = strcmp(a->resource_class, b->resource_class) == 0 &&
		    a->trait_count == b->trait_count;

	for (size_t i = 0; same && i < a->trait_count; i++)
		same = strcmp(a->traits[i], b->traits[i]) == 0;
	return same;
}

/*
 * Nova: PlacementPciMixedResourceClassException, PlacementPciMixedTraitsException. The virtual
 * function before it stands for all before that one, which had to be like it.
 */
static int judge_siblings(struct work *work, size_t index)
{
	const struct unit *unit = &work->units[index];
	const struct details *details = unit->device->details;

	for (size_t i = index; details->has_physfn && i-- > 0;) {
		const struct unit *other = &work->units[i];

		if (!other->device->details->has_physfn ||
		    pci_address_compare(&details->physfn, &other->device->details->physfn) != 0)
			continue;
		if (same_in_placement(&unit->claim->cloud, &other->claim->cloud))
			return 0;
		return refuse(work,
			      "%s of claim %s and %s of claim %s are virtual functions of one "
			      "device and need the same resource_class and traits",
			      other->address, other->claim->name, unit->address,
			      unit->claim->name);
	}
	return 0;
}

/* A key that a release does not know would be a tag without a meaning to it. */
static int judge_release(struct work *work, const struct claim *claim)
{
	const struct claim_cloud *cloud = &claim->cloud;
	const struct nova_release *release = work->nova->release;

	if (cloud->has_numa && release->version < NOVA_QUEENS)
		return refuse(work, "claim %s has a numa_policy, which Nova has since queens",
			      claim->name);
	if (cloud->has_numa && cloud->numa == CLOUD_NUMA_SOCKET &&
	    release->version < NOVA_WALLABY)
		return refuse(
			work,
			"claim %s says numa_policy = socket, which Nova has since wallaby",
			claim->name);
	if (cloud->live_migratable == CLOUD_YES && release->version < NOVA_2025_1)
		return refuse(
			work,
			"claim %s says live_migratable = yes, which Nova has since 2025.1",
			claim->name);
	if (cloud->one_time_use == CLOUD_YES && release->version < NOVA_2025_2)
		return refuse(work,
			      "claim %s says one_time_use = yes, which Nova has since 2025.2",
			      claim->name);
	if (cloud->one_time_use == CLOUD_YES && !work->nova->placement)
		return refuse(work,
			      "claim %s says one_time_use = yes, which needs Placement; add "
			      "--placement",
			      claim->name);
	return 0;
}

static int judge(struct work *work)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < work->count; i++) {
		const struct unit *unit = &work->units[i];

		r = judge_release(work, unit->claim);
		if (r == 0 && unit->claim->cloud.one_time_use == CLOUD_YES &&
		    unit->type == CLOUD_TYPE_VF)
			r = refuse(work,
				   "claim %s says one_time_use = yes for a virtual function, "
				   "which Nova does not do",
				   unit->claim->name);
		if (r == 0 && unit->device != NULL)
			r = judge_device(work, unit);
		if (r == 0 && unit->device != NULL)
			r = judge_family(work, unit);
		if (r == 0 && unit->device != NULL && work->nova->placement)
			r = judge_siblings(work, i);
	}
	return r;
}

/* --- Device specs -------------------------------------------------------------------------- */

static void add_member(struct text *text, const char *name, const char *value)
{
	text_add(text, ", \"%s\": ", name);
	/* All of it was checked where it was read: this cannot fail. */
	if (quote_json(text, value) < 0)
		text_add(text, "\"\"");
}

static void add_answer(struct text *text, const char *name, enum cloud_answer answer)
{
	if (answer != CLOUD_NOT_SAID)
		add_member(text, name, answer == CLOUD_YES ? "yes" : "no");
}

static void add_traits(struct text *text, const struct claim_cloud *cloud)
{
	for (size_t i = 0; i < cloud->trait_count; i++)
		text_add(text, "%s%s%s", i == 0 ? ", \"traits\": \"" : ",", cloud->traits[i],
			 i + 1 == cloud->trait_count ? "\"" : "");
}

/* What a spec says beside the device. */
static void add_tags(struct text *text, const struct nova *nova, const struct unit *unit)
{
	const struct claim_cloud *cloud = &unit->claim->cloud;

	if (nova->placement && !unit->companion && cloud->resource_class[0] != '\0')
		add_member(text, "resource_class", cloud->resource_class);
	if (nova->placement && !unit->companion)
		add_traits(text, cloud);
	if (nova->release->version >= NOVA_2025_1) {
		/* The device is on its VFIO driver before libvirt starts. */
		add_answer(text, "managed",
			   cloud->managed == CLOUD_NOT_SAID ? CLOUD_NO : cloud->managed);
		add_answer(text, "live_migratable", cloud->live_migratable);
	}
	if (nova->release->version >= NOVA_2025_2 && nova->placement)
		add_answer(text, "one_time_use", cloud->one_time_use);
}

static bool same_tags(const struct work *work, const struct unit *a, const struct unit *b)
{
	struct text first = { 0 };
	struct text second = { 0 };
	AUTO_FREE char *one = NULL;
	AUTO_FREE char *other = NULL;

	if (a->claim == b->claim && a->companion == b->companion)
		return true;
	add_tags(&first, work->nova, a);
	add_tags(&second, work->nova, b);
	if (text_take(&first, &one) < 0 || text_take(&second, &other) < 0)
		return false;
	return strcmp(one, other) == 0;
}

/*
 * The first device that a spec by IDs would take too, and must not, or not so. It is the same one
 * for all units of a kind. Units are in the order of the devices.
 */
static const struct export_device *find_twin(const struct work *work, const struct unit *unit)
{
	const struct unit *next = work->units;
	const struct unit *end = work->units + work->count;

	for (size_t i = 0; i < work->exports->device_count; i++) {
		const struct export_device *other = &work->exports->devices[i];
		const struct unit *given = next < end && next->device == other ? next++ : NULL;

		if (same_ids(other->device, unit->device->device) &&
		    (given == NULL || !same_tags(work, unit, given)))
			return other;
	}
	return NULL;
}

static int choose_ways(struct work *work)
{
	char address[PCI_ADDRESS_SIZE];

	for (size_t i = 0; i < work->count; i++) {
		struct unit *unit = &work->units[i];

		if (unit->device == NULL) {
			if (work->by == BY_ADDRESS && !unit->by_address)
				return refuse(
					work,
					"--by address needs the machine, since claim %s "
					"goes by IDs; export there, or with --snapshot FILE",
					unit->claim->name);
			if (work->by == BY_IDS && unit->by_address)
				return refuse(work,
					      "claim %s goes by an address, and --by ids would "
					      "give every such device to guests",
					      unit->claim->name);
			continue;
		}
		unit->twin = is_first(work, unit) ? find_twin(work, unit)
						  : work->units[unit->first].twin;
		unit->by_address = work->by == BY_ADDRESS || unit->twin != NULL;
		if (work->by == BY_IDS && unit->twin != NULL)
			return refuse(
				work,
				"by its IDs %04x:%04x, %s of claim %s stands for %s too, "
				"which %s; leave --by ids out",
				unit->vendor, unit->product, unit->address, unit->claim->name,
				pci_address_format(&unit->twin->device->address, address),
				export_is_given(unit->twin) ? "another claim offers otherwise"
							    : "is left to the host");
	}
	return 0;
}

static bool same_spec(const struct work *work, const struct unit *a, const struct unit *b)
{
	return a->vendor == b->vendor && a->product == b->product &&
	       a->by_address == b->by_address &&
	       (!a->by_address || strcmp(a->address, b->address) == 0) && same_tags(work, a, b);
}

/* "[gpu] NVIDIA GP106GL [Quadro P2000]: 0000:01:00.0 0000:02:00.0", and why by address. */
static void describe_unit(struct text *text, const struct work *work, const struct unit *unit)
{
	char address[PCI_ADDRESS_SIZE];

	text_add(text, "[%s]", unit->claim->name);
	if (unit->device == NULL)
		return;
	text_add(text, " %s:", unit->device->name);
	if (unit->by_address)
		text_add(text, " %s", unit->address);
	for (size_t i = 0; !unit->by_address && i < work->count; i++)
		if (same_spec(work, unit, &work->units[i]))
			text_add(text, " %s", work->units[i].address);
	if (work->nova->release->version >= NOVA_NEWTON &&
	    unit->device->details->numa_node >= 0)
		text_add(text, ", NUMA node %d", unit->device->details->numa_node);
	if (unit->twin == NULL)
		return;
	(void)pci_address_format(&unit->twin->device->address, address);
	text_add(text, ". By its address, since %s has the same IDs and %s.", address,
		 export_is_given(unit->twin) ? "is offered otherwise" : "is left to the host");
}

static int add_spec(struct work *work, const struct unit *unit)
{
	struct nova *nova = work->nova;
	struct nova_line *line = array_grow(&nova->specs, nova->spec_count, sizeof(*line));
	struct text json = { 0 };
	struct text comment = { 0 };

	if (line == NULL)
		return -ENOMEM;
	nova->spec_count++;
	text_add(&json, "{");
	if (unit->by_address)
		text_add(&json, "\"address\": \"%s\", ", unit->address);
	text_add(&json, "\"vendor_id\": \"%04x\", \"product_id\": \"%04x\"", unit->vendor,
		 unit->product);
	add_tags(&json, nova, unit);
	text_add(&json, "}");
	describe_unit(&comment, work, unit);
	int r = text_take(&json, &line->json);
	int taken = text_take(&comment, &line->comment);
	return r < 0 ? r : taken;
}

/* True when a unit before this one has this spec already; two devices never have one address. */
static bool spec_is_said(const struct work *work, const struct unit *unit)
{
	if (unit->device != NULL && unit->by_address)
		return false;
	if (!is_first(work, unit))
		return true;
	for (const struct unit *other = work->units; other < unit; other++)
		if (is_first(work, other) && same_spec(work, other, unit))
			return true;
	return false;
}

static int add_specs(struct work *work)
{
	int r = choose_ways(work);

	for (size_t i = 0; r == 0 && i < work->count; i++)
		if (!spec_is_said(work, &work->units[i]))
			r = add_spec(work, &work->units[i]);
	return r;
}

/* --- Aliases ------------------------------------------------------------------------------- */

/* In Placement a request goes by the class, where the claim has one. */
static bool by_class(const struct work *work, const struct unit *unit)
{
	return work->nova->in_placement && !unit->companion &&
	       unit->claim->cloud.resource_class[0] != '\0';
}

static bool same_request(const struct unit *a, const struct unit *b)
{
	return a->vendor == b->vendor && a->product == b->product && a->type == b->type;
}

/* Two of one name: Nova takes either for a request, under rules. */
static int judge_same_name(struct work *work, const struct unit *a, const struct unit *b)
{
	const struct claim_cloud *one = &a->claim->cloud;
	const struct claim_cloud *other = &b->claim->cloud;

	if (a->companion != b->companion)
		return refuse(work,
			      "the alias %s of claim %s is also the name for further functions "
			      "of claim %s's cards; give one of them another alias",
			      a->alias, a->companion ? b->claim->name : a->claim->name,
			      a->companion ? a->claim->name : b->claim->name);
	if ((one->has_numa ? one->numa : CLOUD_NUMA_LEGACY) !=
	    (other->has_numa ? other->numa : CLOUD_NUMA_LEGACY))
		return refuse(work,
			      "claims %s and %s share the alias %s and differ in numa_policy",
			      a->claim->name, b->claim->name, a->alias);
	if (a->type != b->type)
		return refuse(work,
			      "the alias %s would stand for %s and %s, and Nova takes one "
			      "device type an alias; make two claims of it, with two aliases",
			      a->alias, cloud_device_type_names[a->type],
			      cloud_device_type_names[b->type]);
	if (!work->nova->in_placement || same_request(a, b))
		return 0;
	if (!by_class(work, a) || !by_class(work, b) ||
	    strcmp(one->resource_class, other->resource_class) != 0)
		return refuse(work,
			      "the alias %s stands for %04x:%04x and %04x:%04x, and with "
			      "Placement it can for one kind; give both one resource_class, or "
			      "two aliases",
			      a->alias, a->vendor, a->product, b->vendor, b->product);
	return 0;
}

/* Two names: an alias tells devices by their IDs, or in Placement by their classes. */
static int judge_two_names(struct work *work, const struct unit *a, const struct unit *b)
{
	if (!same_request(a, b) || (a->companion && b->companion))
		return 0;
	if (by_class(work, a) && by_class(work, b) &&
	    strcmp(a->claim->cloud.resource_class, b->claim->cloud.resource_class) != 0)
		return 0;
	if (a->claim->origin != ORIGIN_CONFIG || b->claim->origin != ORIGIN_CONFIG)
		return refuse(
			work,
			"%s and %s both claim %04x:%04x, one of them on the kernel command "
			"line, and Nova tells aliases by IDs; put both into the "
			"configuration, as one claim or with one alias",
			a->claim->name, b->claim->name, a->vendor, a->product);
	return refuse(
		work,
		"the aliases %s and %s are both for %04x:%04x, and Nova would give either "
		"device for either; give claims %s and %s the same alias, or (with "
		"--placement, since 2023.1) a resource_class each",
		a->alias, b->alias, a->vendor, a->product, a->claim->name, b->claim->name);
}

/* With those of each kind before it. */
static int judge_alias(struct work *work, const struct unit *unit)
{
	int r = 0;

	for (const struct unit *other = work->units; r == 0 && other < unit; other++)
		if (is_first(work, other))
			r = (strcmp(unit->alias, other->alias) == 0
				     ? judge_same_name
				     : judge_two_names)(work, other, unit);
	return r;
}

static int judge_aliases(struct work *work)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < work->count; i++)
		if (is_first(work, &work->units[i]))
			r = judge_alias(work, &work->units[i]);
	return r;
}

/* True when a unit before this one has asked for the same already. */
static bool alias_is_said(const struct work *work, const struct unit *unit)
{
	if (!is_first(work, unit))
		return true;
	for (const struct unit *other = work->units; other < unit; other++) {
		bool same_name = strcmp(other->alias, unit->alias) == 0;

		if (same_name && by_class(work, unit))
			return true;
		if (same_request(other, unit) &&
		    (same_name || (other->companion && unit->companion)))
			return true;
	}
	return false;
}

/* True when the alias has one kind of device, so that its IDs can stand beside the class. */
static bool one_kind(const struct work *work, const struct unit *unit)
{
	for (size_t i = 0; i < work->count; i++)
		if (is_first(work, &work->units[i]) &&
		    strcmp(work->units[i].alias, unit->alias) == 0 &&
		    !same_request(&work->units[i], unit))
			return false;
	return true;
}

static void add_alias_json(struct text *json, const struct work *work, const struct unit *unit)
{
	const struct claim_cloud *cloud = &unit->claim->cloud;

	text_add(json, "{\"name\": \"%s\"", unit->alias);
	if (!by_class(work, unit) || one_kind(work, unit))
		text_add(json, ", \"vendor_id\": \"%04x\", \"product_id\": \"%04x\"",
			 unit->vendor, unit->product);
	if (unit->type != CLOUD_TYPE_AUTO)
		add_member(json, "device_type", cloud_device_type_names[unit->type]);
	if (cloud->has_numa)
		add_member(json, "numa_policy", cloud_numa_names[cloud->numa]);
	if (by_class(work, unit))
		add_member(json, "resource_class", cloud->resource_class);
	if (work->nova->in_placement && !unit->companion)
		add_traits(json, cloud);
	if (work->nova->release->version >= NOVA_2025_1)
		add_answer(json, "live_migratable", cloud->live_migratable);
	text_add(json, "}");
}

static int add_alias(struct work *work, const struct unit *unit)
{
	struct nova *nova = work->nova;
	struct nova_alias *alias =
		array_grow(&nova->aliases, nova->alias_count, sizeof(*alias));
	struct text json = { 0 };
	struct text comment = { 0 };

	if (alias == NULL)
		return -ENOMEM;
	nova->alias_count++;
	alias->companion = unit->companion;
	alias->name = strdup(unit->alias);
	for (size_t i = 0; unit->device != NULL && i < work->count; i++)
		alias->devices += strcmp(work->units[i].alias, unit->alias) == 0 ? 1 : 0;
	add_alias_json(&json, work, unit);
	text_add(&comment, "[%s]%s%s", unit->claim->name, unit->device ? " " : "",
		 unit->device ? unit->device->name : "");
	int r = text_take(&json, &alias->json);
	int taken = text_take(&comment, &alias->comment);
	if (r < 0 || taken < 0 || alias->name == NULL)
		return -ENOMEM;
	return 0;
}

static int add_aliases(struct work *work)
{
	int r = judge_aliases(work);

	for (size_t i = 0; r == 0 && i < work->count; i++)
		if (!alias_is_said(work, &work->units[i]))
			r = add_alias(work, &work->units[i]);
	return r;
}

/* --- What is not there --------------------------------------------------------------------- */

static int note_claim(struct nova *nova, const struct claim *claim)
{
	const struct claim_cloud *cloud = &claim->cloud;
	int r = 0;

	if (!nova->placement && (cloud->resource_class[0] != '\0' || cloud->trait_count > 0))
		r = sentences_add(&nova->notes,
				  "Claim %s has a resource_class or traits: --placement adds "
				  "them.",
				  claim->name);
	if (r == 0 && nova->release->version < NOVA_2025_1 &&
	    (cloud->managed != CLOUD_NOT_SAID || cloud->live_migratable == CLOUD_NO))
		r = sentences_add(&nova->notes,
				  "Nova has managed and live_migratable since 2025.1: what "
				  "claim %s says of them is not here.",
				  claim->name);
	return r;
}

static int add_notes(struct work *work)
{
	const struct exports *exports = work->exports;
	struct nova *nova = work->nova;
	char address[PCI_ADDRESS_SIZE];
	int r = 0;

	for (size_t i = 0; r == 0 && i < exports->claims->count; i++)
		r = note_claim(nova, &exports->claims->items[i]);
	for (size_t i = 0; r == 0 && i < exports->device_count; i++) {
		const struct export_device *device = &exports->devices[i];

		if (device->claim != NULL && !device->taken)
			r = sentences_add(&nova->notes, "%s [%s] is left out: %s.",
					  pci_address_format(&device->device->address, address),
					  device->claim->name,
					  device->reason ? device->reason : "refused");
	}
	for (size_t i = 0; r == 0 && exports->plan && i < exports->plan->decision_count; i++) {
		const struct decision *decision = &exports->plan->decisions[i];

		if (decision->device == NULL)
			r = sentences_add(&nova->notes, "%s [%s]: there is no such device.",
					  pci_address_format(&decision->address, address),
					  decision->claim->name);
	}
	for (size_t i = 0; r == 0 && exports->plan && i < exports->plan->message_count; i++)
		r = sentences_add(&nova->notes, "%s", exports->plan->messages[i]);
	return r;
}

int nova_make(const struct exports *exports, const char *usual, struct nova *ret_nova,
	      struct text *reason)
{
	struct nova nova = { 0 };
	struct work work = { .exports = exports, .nova = &nova, .reason = reason };
	int r = read_options(&work, usual);

	if (r == 0)
		r = gather(&work);
	if (r == 0)
		r = judge(&work);
	if (r == 0)
		r = add_specs(&work);
	if (r == 0)
		r = add_aliases(&work);
	if (r == 0)
		r = add_notes(&work);
	free(work.units);
	if (r < 0) {
		nova_free(&nova);
		return r;
	}
	*ret_nova = nova;
	return 0;
}

void nova_free(struct nova *nova)
{
	for (size_t i = 0; i < nova->spec_count; i++) {
		free(nova->specs[i].json);
		free(nova->specs[i].comment);
	}
	for (size_t i = 0; i < nova->alias_count; i++) {
		free(nova->aliases[i].name);
		free(nova->aliases[i].json);
		free(nova->aliases[i].comment);
	}
	free(nova->specs);
	free(nova->aliases);
	sentences_free(&nova->notes);
	*nova = (struct nova){ 0 };
}
